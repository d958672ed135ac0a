namespace McpRuntime.Gateways.Egress;

/// <summary>Every bound of the guard. The figures hold some 1,000 busy connections in 256 MiB.</summary>
internal sealed record GuardLimits
{
    /// <summary>Bytes of one request head.</summary>
    public int HeadBytes { get; init; } = 16 * 1024;

    /// <summary>From the first byte a client may send to the end of its head, and again of its TLS hello.</summary>
    public TimeSpan HeadTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Resolving and connecting, all addresses together.</summary>
    public TimeSpan ConnectTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A proxied connection on which nothing moves. A relayed one has none: the gateway decides how long a stream may be silent.</summary>
    public TimeSpan IdleTime { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>A proxied connection, whatever moves on it.</summary>
    public TimeSpan TotalTime { get; init; } = TimeSpan.FromHours(12);

    /// <summary>Open at once from one closed network: one server can't use up what its neighbours need.</summary>
    public int ConnectionsPerNetwork { get; init; } = 128;

    /// <summary>Open at once through the proxy.</summary>
    public int ProxyConnections { get; init; } = 2048;

    /// <summary>Open at once through the relay.</summary>
    public int RelayConnections { get; init; } = 4096;

    /// <summary>Names looked up at once, each blocking a thread.</summary>
    public int LookUps { get; init; } = 32;

    public int LookUpsPerNetwork { get; init; } = 4;

    /// <summary>Different refusals remembered for one network; the oldest goes first.</summary>
    public int RefusalsPerNetwork { get; init; } = 256;

    public int Policies { get; init; } = 4096;
}
