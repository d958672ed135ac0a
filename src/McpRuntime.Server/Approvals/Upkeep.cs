using McpRuntime.Server.Control;

namespace McpRuntime.Server.Approvals;

/// <summary>Something that the leader does again and again.</summary>
internal sealed record Chore(string Name, TimeSpan Every, Func<CancellationToken, Task> RunAsync);

/// <summary>Runs the chores, each in a loop of its own, while this process has the lease. A loop that ends by itself stops the process.</summary>
internal sealed partial class Upkeep(IEnumerable<Chore> chores, ILease lease, TimeProvider time, ILogger<Upkeep> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken) =>
        await Task.WhenAll(chores.Select(chore => RepeatAsync(chore, stoppingToken)));

    private async Task RepeatAsync(Chore chore, CancellationToken stopping)
    {
        var failing = false;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await lease.WaitAsync(stopping);
                await chore.RunAsync(stopping);
                failing = false;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception fault)
            {
                // Broad on purpose: the database may be away for a while. Told once, tried again.
                if (!failing)
                {
                    Log.Failed(logger, chore.Name, fault);
                }

                failing = true;
            }

            await Task.Delay(chore.Every, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "{Chore} failed and is tried again")]
        public static partial void Failed(ILogger logger, string chore, Exception fault);
    }
}
