namespace McpRuntime.Server.Control;

/// <summary>
/// At SIGTERM the controller leaves beside the gateway's draining, not after it: the turn in flight ends, then the lease is given
/// back, while calls that are under way still have the host's whole patience.
/// </summary>
internal sealed class HandOver(ControlLoop loop, Lease lease) : IHostedLifecycleService
{
    private Task _left = Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Comes before anything is stopped; not waited for here, so that the gateway begins to drain at once.</summary>
    public Task StoppingAsync(CancellationToken cancellationToken)
    {
        _left = LeaveAsync();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => _left;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Without the host's token: both bound themselves, and a lease that is kept would cost the next leader its watch.</summary>
    private async Task LeaveAsync()
    {
        await loop.StopAsync(CancellationToken.None);
        await lease.StopAsync(CancellationToken.None);
    }
}
