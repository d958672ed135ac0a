namespace McpRuntime.Core.Planning;

/// <summary>What earlier turns learned and the next decision needs; stored as JSON with the status, so that any leader goes on from it.</summary>
public sealed record Memory
{
    public static readonly Memory Empty = new();

    /// <summary>Consecutive faulted effects; drives the backoff, reset by success or a new generation.</summary>
    public int Failures { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Puts of the same resource at the same fingerprint without it becoming equal, by resource id.</summary>
    public IReadOnlyDictionary<string, int> Puts { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>Starts after a crash, by container id.</summary>
    public int Restarts { get; init; }

    public DateTimeOffset? LastRestartAt { get; init; }

    /// <summary>When the generation now asked was first put; the deadline of its handshake counts from here.</summary>
    public DateTimeOffset? FirstPutAt { get; init; }

    /// <summary>When the surplus old revision lost its route; it drains until then plus the drain time.</summary>
    public DateTimeOffset? DrainSince { get; init; }

    public Fault? LastFault { get; init; }
}
