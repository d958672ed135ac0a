using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Planning;

public enum Health
{
    Starting,

    /// <summary>It runs. Whether it speaks MCP is the handshake's word, not this one's.</summary>
    Serving,
    Wedged,
    Stopped,

    /// <summary>A job that ended with 0 where that was asked for.</summary>
    Completed,
    Failed,
}

/// <summary>Where a server's HTTP port is reached.</summary>
/// <param name="Host">An address or name as the connecting side sees it.</param>
/// <param name="Relay"><c>host:port</c> of the guard that relays to it; null = direct.</param>
/// <param name="Scheme"><c>http</c> or <c>https</c>.</param>
public sealed record UpstreamAddress(string Host, int Port, string? Relay = null, string Scheme = "http");

/// <summary>One live thing of ours.</summary>
public sealed record SeenResource
{
    public required string Id { get; init; }

    public required ResourceKind Kind { get; init; }

    /// <summary>As <see cref="Resource.Service"/>.</summary>
    public string? Service { get; init; }

    /// <summary>Computed from the live object's own fields, never read from a label.</summary>
    public required string Fingerprint { get; init; }

    public Health Health { get; init; } = Health.Serving;

    /// <summary>
    /// This incarnation (container id and start): changes when it is started again. Handshakes are remembered by it. Of a route:
    /// the incarnation it leads to.
    /// </summary>
    public string Instance { get; init; } = "";

    /// <summary>The backend's own words on its state: progress of a pull, an exit reason.</summary>
    public string? Message { get; init; }

    /// <summary>0..1 while Starting, where it is known.</summary>
    public double? Progress { get; init; }

    public int? ExitCode { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    public UpstreamAddress? Address { get; init; }

    /// <summary>Controls read back from the live object; empty for things without any.</summary>
    public IReadOnlyList<ControlReport> Controls { get; init; } = [];

    /// <summary>The field that differs, for a drift event (<c>HostConfig.Memory</c>); null when unknown.</summary>
    public string? DifferingField { get; init; }

    /// <summary>False: it can't be edited live, so a Put of a different one means remove and create.</summary>
    public bool RepairableInPlace { get; init; } = true;
}

/// <summary>What one provider sees of one runtime: everything, or nothing it can vouch for.</summary>
public abstract record ProviderView
{
    private ProviderView()
    {
    }

    public abstract T Match<T>(Func<Known, T> known, Func<Unknown, T> unknown);

    public sealed record Known(IReadOnlyList<SeenResource> Resources) : ProviderView
    {
        public override T Match<T>(Func<Known, T> known, Func<Unknown, T> unknown) => known(this);
    }

    /// <summary>What we cannot see we do not touch.</summary>
    public sealed record Unknown(Fault Fault) : ProviderView
    {
        public override T Match<T>(Func<Known, T> known, Func<Unknown, T> unknown) => unknown(this);
    }
}

public enum HandshakeVerdict
{
    /// <summary>Not tried yet on this instance.</summary>
    Pending,
    Passed,

    /// <summary>Reachable; wants authorization of its own.</summary>
    Challenged,
    Failed,
}

/// <summary>The prober's last word on one incarnation of a container.</summary>
/// <param name="Instance">The incarnation it speaks of; a result for another one is no result.</param>
/// <param name="Failures">Consecutive failures; hysteresis is the planner's.</param>
/// <param name="ToolsHash">Over names, descriptions, schemas and annotations; null when not listed.</param>
public sealed record Handshake(
    string Instance,
    HandshakeVerdict Verdict,
    int Failures,
    DateTimeOffset At,
    string? Message = null,
    string? ServerName = null,
    string? ServerVersion = null,
    string? ProtocolVersion = null,
    string? Path = null,
    string? Transport = null,
    IReadOnlyList<string>? Tools = null,
    string? ToolsHash = null)
{
    /// <summary>What the tools say of themselves; kept apart from the status, which shows their names.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public IReadOnlyList<ToolDefinition>? Definitions { get; init; }
}

/// <summary>Backend and gateway, each Known or Unknown, and the handshakes of what runs, by container id.</summary>
public sealed record Observation(ProviderView Backend, ProviderView Gateway, IReadOnlyDictionary<string, Handshake> Handshakes)
{
    /// <summary>The outer gateway that routes are registered in; known to be empty where there is none. Its outage says nothing of our own routes.</summary>
    public ProviderView Registry { get; init; } = new ProviderView.Known([]);
}
