namespace McpRuntime.Core.Guardrails;

/// <summary>Everything a guardrail can ask for. Closed: a backend that lacks an arm for one does not compile.</summary>
public enum Control
{
    Egress,
    AllowedHosts,
    Ingress,
    Peers,
    HostPorts,
    Metadata,
    Dns,
    ReadOnlyRoot,
    Mounts,
    DropCapabilities,
    AddCapabilities,
    Cpu,
    Memory,
    Pids,
    Seccomp,
    Apparmor,
    NoNewPrivileges,
    NonRoot,
    RequireDigest,
    AllowedRegistries,
    SecretsAtRest,
    Timeout,
    Scale,
}

public enum ControlOutcome
{
    Enforced,
    Weakened,
    Refused,
    NotAsked,
    Unavailable,
}

/// <param name="Where">What holds it, when Enforced: <c>HostConfig.CapDrop</c>.</param>
/// <param name="Message">When not: what is missing, its effect, and what to do.</param>
/// <param name="Observed">What the live object showed, once there is one; null before.</param>
public sealed record ControlReport(Control Control, ControlOutcome Outcome, string? Where = null, string? Message = null, string? Observed = null)
{
    /// <summary>This, as compiled, with what the live object shows of it: an Enforced that is not seen held is Weakened; nothing ever gets better than it was compiled.</summary>
    public ControlReport ReadBack(ControlReport live) => Outcome == ControlOutcome.Enforced && live.Outcome == ControlOutcome.Weakened
        ? this with { Outcome = ControlOutcome.Weakened, Observed = live.Observed, Message = $"The live object does not hold it ({live.Observed}): it was changed behind our back. It is put right by itself; where that fails, the condition Drifted says why and what to do." }
        : this with { Observed = live.Observed };
}

/// <summary>A person's reading of one control that is not fully held.</summary>
/// <param name="Field">The guardrail field: <c>network.allowed_hosts</c>.</param>
/// <param name="Severity"><c>warning</c> or <c>error</c>.</param>
public sealed record GuardrailWarning(string Field, string Message, string Backend, string Severity);
