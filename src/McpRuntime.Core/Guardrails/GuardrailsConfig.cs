using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Guardrails;

public enum GuardrailsMode
{
    /// <summary>A control the backend can only hold in part is reported, and the deployment goes on.</summary>
    Warn,

    /// <summary>Such a deployment waits for an approval.</summary>
    Approve,

    /// <summary>Such a deployment is answered with 422.</summary>
    Refuse,
}

/// <summary>What a runtime may do: a profile's content, and (after merging) what one revision runs under.</summary>
public sealed record GuardrailsConfig
{
    public NetworkGuardrails Network { get; init; } = new();

    public FilesystemGuardrails Filesystem { get; init; } = new();

    public CapabilityGuardrails Capabilities { get; init; } = new();

    public ResourceGuardrails Resources { get; init; } = new();

    /// <summary>null = not asked for; <c>runtime/default</c>; or the name of a profile an admin configured.</summary>
    public string? Seccomp { get; init; }

    /// <summary>null = not asked for, or a profile's name. Optional: never decides compatibility where the host has no AppArmor.</summary>
    public string? Apparmor { get; init; }

    public ProcessGuardrails Process { get; init; } = new();

    public ImageGuardrails Images { get; init; } = new();

    /// <summary>null = the installation's RUNTIME_GUARDRAILS_MODE.</summary>
    public GuardrailsMode? Mode { get; init; }
}

/// <param name="AllowedHosts">Hosts, <c>*.host</c>, <c>host:port</c>; empty or <c>*</c> with egress allowed means everything.</param>
/// <param name="IngressPorts">Ports offered beyond the endpoint.</param>
public sealed record NetworkGuardrails(bool EgressAllowed = true, IReadOnlyList<string>? AllowedHosts = null, IReadOnlyList<int>? IngressPorts = null)
{
    public IReadOnlyList<string> AllowedHosts { get; init; } = AllowedHosts ?? [];

    public IReadOnlyList<int> IngressPorts { get; init; } = IngressPorts ?? [];
}

/// <param name="AllowedMounts">Where volumes may be mounted; <c>/</c> = anywhere but <c>/</c> itself.</param>
public sealed record FilesystemGuardrails(bool ReadOnlyRoot = false, IReadOnlyList<string>? AllowedMounts = null)
{
    public IReadOnlyList<string> AllowedMounts { get; init; } = AllowedMounts ?? [];
}

/// <param name="Add">Names without <c>CAP_</c>, upper case.</param>
public sealed record CapabilityGuardrails(bool DropAll = false, IReadOnlyList<string>? Add = null)
{
    public IReadOnlyList<string> Add { get; init; } = Add ?? [];
}

/// <param name="Cpu">Cores, <c>0.5</c> or <c>500m</c>; null = no limit.</param>
/// <param name="Memory">Bytes with an optional unit; null = no limit.</param>
public sealed record ResourceGuardrails(
    string? Cpu = null,
    string? Memory = null,
    int? MaxPids = null,
    int? MinScale = null,
    int? MaxScale = null,
    int? TimeoutSeconds = null);

public sealed record ProcessGuardrails(bool RunAsNonRoot = false, bool NoNewPrivileges = false);

public sealed record ImageGuardrails(bool RequireDigest = false);

/// <summary>A partial config: null means "not sent". Objects merge, lists and scalars replace.</summary>
public sealed record GuardrailsOverrides
{
    public NetworkOverrides? Network { get; init; }

    public FilesystemOverrides? Filesystem { get; init; }

    public CapabilityOverrides? Capabilities { get; init; }

    public ResourceRequest? Resources { get; init; }

    public string? Seccomp { get; init; }

    public string? Apparmor { get; init; }

    public ProcessOverrides? Process { get; init; }

    public ImageOverrides? Images { get; init; }

    public GuardrailsMode? Mode { get; init; }
}

public sealed record NetworkOverrides(bool? EgressAllowed, IReadOnlyList<string>? AllowedHosts, IReadOnlyList<int>? IngressPorts);

public sealed record FilesystemOverrides(bool? ReadOnlyRoot, IReadOnlyList<string>? AllowedMounts);

public sealed record CapabilityOverrides(bool? DropAll, IReadOnlyList<string>? Add);

public sealed record ProcessOverrides(bool? RunAsNonRoot, bool? NoNewPrivileges);

public sealed record ImageOverrides(bool? RequireDigest);
