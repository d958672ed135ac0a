using System.ComponentModel.DataAnnotations;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>The installation's settings of the guard.</summary>
public sealed record GuardOptions
{
    /// <summary>Shared by the guard, the gateway (which relays through it) and the keeper. Derived from the master key.</summary>
    public required SecretText Token { get; init; }

    /// <summary>Built by <c>make image</c>; never pulled. Another image behind the name replaces the guard.</summary>
    [Required]
    public string Image { get; init; } = "mcpruntime/guard";

    /// <summary>Numeric, since the token's file must belong to it.</summary>
    [RegularExpression("^[1-9][0-9]*:[1-9][0-9]*$")]
    public string User { get; init; } = "10001:10001";

    /// <summary>Bytes. About 60 MB idle; the rest is buffers of some 1,000 busy connections.</summary>
    public long Memory { get; init; } = 256L << 20;

    /// <summary>Threads of the runtime, mostly.</summary>
    public int Pids { get; init; } = 128;

    /// <summary>Never reached through the egress proxy, whatever is allowed: the pool that runtimes' networks are cut from.</summary>
    public IReadOnlyList<string> Deny { get; init; } = [];

    /// <summary>RUNTIME_GUARD_DNS: the name servers that allowed names are looked up with; empty: those of the engine's host.</summary>
    public IReadOnlyList<string> Dns { get; init; } = [];

    /// <summary>RUNTIME_GUARD_ALLOW_PRIVATE: private networks that allowed host names may resolve into.</summary>
    public IReadOnlyList<string> AllowPrivate { get; init; } = [];

    /// <summary>
    /// RUNTIME_GUARD_PUBLISH_ON: the engine's host as this process reaches it, when bridge addresses are not reachable from here (a remote engine): the guard's
    /// ports are then published on it. Null: the guard is reached at its own address. What goes there is not encrypted: the way must be private.
    /// </summary>
    public string? PublishOn { get; init; }

    /// <summary>The host's address that published ports are bound to.</summary>
    public string PublishAddress { get; init; } = "0.0.0.0";

    [Range(1, 65535)]
    public int PublishedRelayPort { get; init; } = GuardPorts.Relay;

    [Range(1, 65535)]
    public int PublishedControlPort { get; init; } = GuardPorts.Control;
}
