using McpRuntime.Backends;

namespace McpRuntime.Server.Control;

/// <summary>
/// Says at start how each backend is, so that a wrong project or a switched-off engine is told before the first runtime waits for it. It
/// holds up nothing: a backend that comes back is found by the next turn.
/// </summary>
internal sealed partial class BackendChecks(IReadOnlyDictionary<string, IBackend> backends, TimeProvider time, ILogger<BackendChecks> logger) : BackgroundService
{
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(15);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(backends.Values.Select(backend => TellAsync(backend, stoppingToken)));

    private async Task TellAsync(IBackend backend, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(AnswerWithin, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            var health = await backend.CheckAsync(both.Token);
            if (health.Reachable)
            {
                Log.Ready(logger, backend.Name, health.Message);
            }
            else
            {
                Log.Away(logger, backend.Name, health.Message);
            }
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            Log.Away(logger, backend.Name, $"No answer within {AnswerWithin.TotalSeconds:0} s.");
        }
        catch (OperationCanceledException)
        {
            return; // Stopped before it answered.
        }
        catch (Exception fault) when (!ct.IsCancellationRequested)
        {
            // Whatever it is, a database that is away for one: what leaves here would end the process, and these are only words.
            Log.Away(logger, backend.Name, fault.Message);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "The backend {Backend} answers. {Message}")]
        public static partial void Ready(ILogger logger, string backend, string message);

        [LoggerMessage(Level = LogLevel.Error, Message = "The backend {Backend} can't be worked with: {Message} Its runtimes wait; it is asked again by itself.")]
        public static partial void Away(ILogger logger, string backend, string message);
    }
}
