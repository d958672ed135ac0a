namespace McpRuntime.Gateways.Embedded;

/// <summary>The time limits of one forwarded request. Its token ends when the client goes, when nothing moved for too long, or when it has taken too long in all.</summary>
internal sealed class Watchdog : IDisposable
{
    private readonly TimeSpan _idleTimeout;
    private readonly CancellationToken _client;
    private readonly CancellationTokenSource _idle;
    private readonly CancellationTokenSource _total;
    private readonly CancellationTokenSource _any;
    private bool _idles = true;

    public Watchdog(GatewayOptions options, TimeProvider time, CancellationToken client)
    {
        _idleTimeout = options.IdleTimeout;
        _client = client;
        _idle = new CancellationTokenSource(options.IdleTimeout, time);
        _total = new CancellationTokenSource(options.TotalTimeout, time);
        _any = CancellationTokenSource.CreateLinkedTokenSource(client, _idle.Token, _total.Token);
    }

    public CancellationToken Token => _any.Token;

    public bool ClientGone => _client.IsCancellationRequested;

    public bool Expired => !ClientGone && (_idle.IsCancellationRequested || _total.IsCancellationRequested);

    /// <summary>Something moved.</summary>
    public void Touch()
    {
        if (_idles)
        {
            _idle.CancelAfter(_idleTimeout);
        }
    }

    /// <summary>A stream of events may be silent while the server works; one that only listens may be so forever.</summary>
    public void AllowSilence(bool forever)
    {
        _idles = false;
        _idle.CancelAfter(Timeout.InfiniteTimeSpan);
        if (forever)
        {
            _total.CancelAfter(Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        _any.Dispose();
        _idle.Dispose();
        _total.Dispose();
    }
}
