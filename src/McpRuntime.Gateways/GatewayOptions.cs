using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways;

/// <summary>Settings of the embedded gateway; every replica must be given the same <see cref="SessionKey"/>.</summary>
public sealed record GatewayOptions
{
    /// <summary>32 bytes, derived from the master key for this one purpose: seals the session ids that clients are given.</summary>
    public required byte[] SessionKey { get; init; }

    /// <summary>What the guard's relay asks for; null where no server is reached through one.</summary>
    public SecretText? RelayToken { get; init; }

    /// <summary>RUNTIME_PUBLIC_URL: how clients reach us. Null: the request's own scheme and host are shown, and only loopback or literal addresses pass the Origin check.</summary>
    public Uri? PublicUrl { get; init; }

    /// <summary>Further browser origins that may call (<c>https://app.example</c>).</summary>
    public IReadOnlyList<string> AllowedOrigins { get; init; } = [];

    /// <summary>Bytes of one request. 4 MiB is the SDKs' own limit for a message.</summary>
    public long MaxBodyBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// RUNTIME_GATEWAY_IDLE_TIMEOUT_SECONDS: the longest a server may take to begin its answer, or pause within one that is not a
    /// stream of events. Streams of events may pause until <see cref="TotalTimeout"/>: a tool that works says nothing.
    /// </summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>
    /// RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS: the longest one call may take. Streams that only listen (GET, <c>subscriptions/listen</c>)
    /// have no end of their own: they live while client, server and this process do.
    /// </summary>
    public TimeSpan TotalTimeout { get; init; } = TimeSpan.FromSeconds(600);

    /// <summary>A comment is sent into a stream of events silent for this long: proxies on the way commonly cut at 30 s or 60 s, and it is how a client that vanished is noticed.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(25);

    /// <summary>RUNTIME_GATEWAY_SESSION_IDLE_MINUTES: a session that is used by nobody for this long ends; one whose stream is open is in use.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>RUNTIME_GATEWAY_MAX_SESSIONS_PER_RUNTIME: a server keeps memory for each.</summary>
    public int MaxSessionsPerRuntime { get; init; } = 5_000;

    /// <summary>RUNTIME_GATEWAY_MAX_SESSIONS_PER_CALLER: on one runtime; beyond it the caller's own oldest session ends.</summary>
    public int MaxSessionsPerCaller { get; init; } = 1_000;

    /// <summary>RUNTIME_TOOLS_PIN.</summary>
    public ToolsPin ToolsPin { get; init; } = ToolsPin.Warn;

    /// <summary>RUNTIME_GATEWAY_AUDIT_ARGUMENTS: the audit of tool calls keeps their arguments, secrets taken out.</summary>
    public bool AuditArguments { get; init; }

    /// <summary>RUNTIME_PROBE_INTERVAL_SECONDS: between the handshakes with a server that passed the last one.</summary>
    public TimeSpan ProbeInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>To a server on the same host or network; one that needs longer is away.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Of the bridge to servers that speak over stdin and stdout.</summary>
    public Stdio.BridgeLimits Stdio { get; init; } = new();

    /// <summary>RUNTIME_REPLICA_URL: where other replicas reach this one. Null: where it listens, by this host's first address if that is everywhere.</summary>
    public Uri? ReplicaUrl { get; init; }

    /// <summary>32 bytes, derived from the master key for this one purpose: by it replicas know each other.</summary>
    public byte[] ReplicaKey { get; init; } = [];
}
