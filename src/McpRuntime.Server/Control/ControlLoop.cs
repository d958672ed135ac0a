using McpRuntime.Backends;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>
/// Keeps the queue fed and the workers at it. Every source of work only says "look again"; each can be lost. A loop that ends
/// by itself stops the process: half a controller is worse than none.
/// </summary>
internal sealed partial class ControlLoop(WorkQueue queue, Turn turn, Resync resync, IRecordStore records, ControlSurroundings around) : BackgroundService
{
    private LeaseEpoch? _resyncedAt;
    private DateTimeOffset _nextResync;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        around.Metrics.WatchLease(() => around.Lease.Current is not null);

        // Stopping takes no new work and lets the turns in flight finish: an effect whose outcome nobody tells is done over later.
        using var hard = new CancellationTokenSource();
        await using var graceful = stoppingToken.Register(() => hard.CancelAfter(around.Options.StopGrace));

        var workers = (around.Backends.Count * around.Options.TurnsPerBackend) + 1;
        List<Task> loops =
        [
            .. Enumerable.Range(0, workers).Select(_ => WorkAsync(stoppingToken, hard.Token)),
            .. around.Backends.Values.Select(backend => RepeatAsync($"hints of {backend.Name}", around.Options.DueEvery, ct => ListenAsync(backend, ct), stoppingToken)),
            RepeatAsync("due rows", around.Options.DueEvery, ScanAsync, stoppingToken),
            RepeatAsync("resync", around.Options.DueEvery, ResyncAsync, stoppingToken),
            RepeatAsync("purge", around.Options.PurgeEvery, PurgeAsync, stoppingToken),
        ];
        await Task.WhenAny(loops);
        if (!stoppingToken.IsCancellationRequested)
        {
            hard.Cancel();
            throw new InvalidOperationException("A loop of the controller ended by itself.", loops.Find(loop => loop.IsCompleted)?.Exception?.GetBaseException());
        }

        await Task.WhenAll(loops);
    }

    private async Task WorkAsync(CancellationToken stopping, CancellationToken hard)
    {
        while (!stopping.IsCancellationRequested)
        {
            Work work;
            try
            {
                work = await queue.TakeAsync(stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }

            await WorkOnAsync(work, stopping, hard);
        }
    }

    private async Task WorkOnAsync(Work work, CancellationToken stopping, CancellationToken hard)
    {
        try
        {
            var next = await turn.TakeAsync(work, hard);
            queue.Succeeded(work.Id);
            if (next.After is { } after)
            {
                queue.AddAfter(work.Id, after);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Cut off at the end of the grace time; the row is still due.
        }
        catch (Exception e)
        {
            // Broad on purpose: the database is away, or one record has met a defect. Neither may take the others' worker.
            around.Metrics.Threw();
            Log.TurnThrew(around.Logger, work.Id, e);
            queue.Retry(work.Id);
        }
        finally
        {
            queue.Done(work.Id);
        }
    }

    /// <summary>Ticks until stopped. A tick that fails is told once and tried again: the database may be away for a while.</summary>
    private async Task RepeatAsync(string name, TimeSpan every, Func<CancellationToken, Task> tick, CancellationToken stopping)
    {
        var failing = false;
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await around.Lease.WaitAsync(stopping);
                await tick(stopping);
                failing = false;
                await Task.Delay(every, around.Time, stopping);
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                if (!failing)
                {
                    Log.TickFailed(around.Logger, name, e);
                }

                failing = true;
                await Task.Delay(around.Options.DueEvery, around.Time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListenAsync(IBackend backend, CancellationToken ct)
    {
        await foreach (var id in backend.HintsAsync(ct))
        {
            queue.Add(id);
        }
    }

    private async Task ScanAsync(CancellationToken ct)
    {
        // Generous: rows of a backend that hangs stay due, oldest first, and must not hide the others'.
        foreach (var id in await records.DueAsync(around.Time.GetUtcNow(), limit: 10_000, ct))
        {
            queue.AddDue(id);
        }
    }

    private async Task ResyncAsync(CancellationToken ct)
    {
        var now = around.Time.GetUtcNow();
        var epoch = around.Lease.Current;
        if (epoch == _resyncedAt && now < _nextResync)
        {
            return;
        }

        var soon = await resync.RunAsync(ct);
        var every = around.Options.ResyncEvery * (0.9 + (around.Random.NextDouble() * 0.2));
        _nextResync = now + (soon ? around.Options.OrphanGrace : every);
        _resyncedAt = epoch;
    }

    private async Task PurgeAsync(CancellationToken ct)
    {
        if (await records.PurgeAsync(around.Time.GetUtcNow() - around.Options.DeletedRetention, ct) is > 0 and var purged)
        {
            Log.Purged(around.Logger, purged);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "The turn of {Id} threw; it is tried again")]
        public static partial void TurnThrew(ILogger logger, string id, Exception e);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The controller's {Name} failed and is tried again each second")]
        public static partial void TickFailed(ILogger logger, string name, Exception e);

        [LoggerMessage(Level = LogLevel.Information, Message = "{Count} deleted records were purged after their retention time")]
        public static partial void Purged(ILogger logger, int count);
    }
}

/// <summary>What the loop needs besides the things it drives.</summary>
internal sealed record ControlSurroundings(
    IReadOnlyDictionary<string, IBackend> Backends,
    ILease Lease,
    ControlMetrics Metrics,
    ControlOptions Options,
    TimeProvider Time,
    Random Random,
    ILogger<ControlLoop> Logger);
