namespace McpRuntime.Gateways.Embedded.Sessions;

/// <summary>What this replica remembers of a session. A word of the database that is not older than <see cref="SessionBook.Fresh"/>, and what was done here since.</summary>
internal sealed class OpenSession(string hash, string recordId, bool hasActed, long loadedAt)
{
    private int _streams;

    public string Hash { get; } = hash;

    public string RecordId { get; } = recordId;

    public bool HasActed { get; set; } = hasActed;

    public bool HasEnded { get; set; }

    /// <summary>Timestamps of the time provider.</summary>
    public long LoadedAt { get; set; } = loadedAt;

    public long UsedAt { get; set; } = loadedAt;

    /// <summary>Used since the database was last told.</summary>
    public bool IsTold { get; set; } = true;

    /// <summary>A session whose stream is open is in use, however silent.</summary>
    public bool IsStreaming => Volatile.Read(ref _streams) > 0;

    public void Begin() => Interlocked.Increment(ref _streams);

    public void End() => Interlocked.Decrement(ref _streams);
}
