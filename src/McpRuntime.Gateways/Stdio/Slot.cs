namespace McpRuntime.Gateways.Stdio;

/// <summary>One server as this process knows it: bridged here, or there. Fields but the bridge are guarded by <see cref="Opening"/>.</summary>
internal sealed class Slot(string server)
{
    private BridgeClaim? _watched;
    private long _watchedSince;

    public string Server => server;

    public SemaphoreSlim Opening { get; } = new(1);

    /// <summary>Null while it is not bridged here.</summary>
    public volatile Bridge? Bridge;

    /// <summary>Why the last bridge ended.</summary>
    public string? LastEnd { get; set; }

    /// <summary>It ended when it was asked <c>server/discover</c>.</summary>
    public bool FearsDiscover { get; set; }

    /// <summary>Restarts in a row that led to nothing.</summary>
    public int Restarts { get; set; }

    public long RestartedAt { get; set; }

    /// <summary>On our own clock: how long the same sign of life has been seen.</summary>
    public TimeSpan Unchanged(BridgeClaim claim, TimeProvider time)
    {
        if (_watched is null || _watched.Owner != claim.Owner || _watched.Beat != claim.Beat)
        {
            (_watched, _watchedSince) = (claim, time.GetTimestamp());
        }

        return time.GetElapsedTime(_watchedSince);
    }
}
