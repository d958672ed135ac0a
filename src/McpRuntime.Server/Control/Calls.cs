using McpRuntime.Backends;
using McpRuntime.Core.Planning;

namespace McpRuntime.Server.Control;

/// <summary>The one place where a call to a provider is bounded in time, and where what goes wrong with it becomes a value.</summary>
internal sealed partial class Calls(ControlMetrics metrics, TimeProvider time, ILogger<Calls> logger)
{
    public async Task<T> AsValueAsync<T>(
        string provider, string operation, TimeSpan cap, Func<CancellationToken, Task<T>> call, Func<Fault, T> faulted, CancellationToken ct)
    {
        using var tooLong = new CancellationTokenSource(cap, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, tooLong.Token);
        try
        {
            // Waited for with the token too: a provider that ignores it must not hold the worker.
            var value = await call(either.Token).WaitAsync(either.Token);
            metrics.Called(provider, operation, "answered");
            return value;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            // Broad on purpose: whatever a provider throws, the turn goes on and tells it.
            var fault = e switch
            {
                BackendFault known => known.Fault,
                OperationCanceledException => new Fault(FaultKind.Transient, "TimedOut", $"{provider} did not answer {operation} within {cap.TotalSeconds:0} s."),
                _ => new Fault(FaultKind.Transient, "Unexpected", $"{provider} failed at {operation}: {e.Message}"),
            };
            if (fault.Reason == "Unexpected")
            {
                Log.Unexpected(logger, provider, operation, e);
            }

            metrics.Called(provider, operation, fault.Reason);
            return faulted(fault);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Error, Message = "{Provider} threw at {Operation} what is no fault of the world: a defect")]
        public static partial void Unexpected(ILogger logger, string provider, string operation, Exception e);
    }
}
