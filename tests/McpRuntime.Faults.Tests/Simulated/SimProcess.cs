namespace McpRuntime.Faults.Tests.Simulated;

/// <summary>The process that the controller runs in; it can die at any call, and is started again.</summary>
internal sealed class SimProcess : IDisposable
{
    private CancellationTokenSource _life = new();

    public FaultScript Script { get; set; } = new() { IsArmed = false };

    public CancellationToken Life => _life.Token;

    public int Deaths { get; private set; }

    public void Crash()
    {
        _life.Cancel();
        throw new OperationCanceledException(_life.Token);
    }

    public void StartAgain()
    {
        Deaths++;
        _life.Dispose();
        _life = new CancellationTokenSource();
    }

    public void Dispose() => _life.Dispose();
}
