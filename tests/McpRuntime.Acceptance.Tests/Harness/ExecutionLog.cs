using System.Collections.Concurrent;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>
/// What a server says it executed, a line each that it says once. A log goes with its container, and with the process that keeps it, and
/// is read only from its end: so it is read again and again.
/// </summary>
internal sealed class ExecutionLog : IDisposable
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<string, bool> _lines = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _enough = new();
    private readonly Func<Task<IReadOnlyList<string>>> _read;

    public ExecutionLog(Func<Task<IReadOnlyList<string>>> read)
    {
        _read = read;
        _ = ReadOnAsync();
    }

    /// <summary>Of each line the call that it names: <c>ran CALL LINE</c>.</summary>
    public IReadOnlyList<string> Executed => [.. _lines.Keys.Select(line => line.Split(' ')[1])];

    public async Task KeepAsync()
    {
        foreach (var line in (await _read()).Where(line => line.StartsWith("ran ", StringComparison.Ordinal)))
        {
            _lines[line] = true;
        }
    }

    public void Dispose()
    {
        _enough.Cancel();
        _enough.Dispose();
    }

    private async Task KeepIfThereAsync()
    {
        try
        {
            await KeepAsync();
        }
        catch (HttpRequestException)
        {
            // The service is being restarted.
            return;
        }
    }

    private async Task ReadOnAsync()
    {
        using var timer = new PeriodicTimer(Every);
        var enough = _enough.Token;
        try
        {
            while (await timer.WaitForNextTickAsync(enough))
            {
                await KeepIfThereAsync();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
