using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;

namespace McpRuntime.Core.Specs;

/// <summary>What admission may look at besides the request: settings and lookups, all in memory.</summary>
public sealed record AdmissionContext
{
    public required Caller Caller { get; init; }

    public required string DefaultBackend { get; init; }

    /// <summary>Every backend there is, enabled or not, by name.</summary>
    public required IReadOnlyDictionary<string, BackendTraits> Backends { get; init; }

    public required Func<string, CatalogEntry?> FindCatalogEntry { get; init; }

    /// <summary>All of the catalog: what an entry asks for of its image it asks for whoever names the image.</summary>
    public IReadOnlyList<CatalogEntry> Catalog { get; init; } = [];

    public required Func<string, GuardrailProfile?> FindProfile { get; init; }

    /// <summary>RUNTIME_DOCKER_ALLOWED_REGISTRIES: prefixes on a path boundary; empty allows none, <c>*</c> all.</summary>
    public required IReadOnlyList<string> AllowedRegistries { get; init; }

    public required GuardrailsMode DefaultMode { get; init; }

    /// <summary>RUNTIME_GIT_ALLOWED_HOSTS.</summary>
    public IReadOnlyList<string> AllowedGitHosts { get; init; } = ["github.com"];

    /// <summary>Origins of remote catalogs that an admin allows to choose any profile.</summary>
    public IReadOnlyList<string> TrustedCatalogs { get; init; } = [];

    /// <summary>Null when RUNTIME_APPROVAL_ENABLED is false.</summary>
    public required ApprovalPolicy? Approvals { get; init; }

    /// <summary>A remote catalog can tighten and nothing more, unless an admin trusts its URL: of the profiles it may choose the built-in ones but for unrestricted.</summary>
    public bool MayChoose(CatalogEntry entry, GuardrailProfile profile) =>
        !entry.IsRemote || TrustedCatalogs.Contains(entry.Origin, StringComparer.Ordinal) || (profile.BuiltIn && profile.Name != BuiltInProfiles.UnrestrictedName);
}

/// <param name="EnabledBy">The variable that switches it on, for the error.</param>
/// <param name="Report">What it would hold of these guardrails (see IBackend.Report).</param>
public sealed record BackendTraits(
    bool Enabled,
    string EnabledBy,
    bool SupportsCompose,
    bool SupportsGithubBuild,
    Func<GuardrailsConfig, Source?, IReadOnlyList<ControlReport>> Report);

/// <summary>A request that passed: normalised, merged, judged.</summary>
/// <param name="Triggers">Why it needs an approval; empty when it does not.</param>
public sealed record Admitted(
    string Name,
    string Backend,
    RuntimeSpec Spec,
    EffectiveGuardrails Guardrails,
    IReadOnlyList<ApprovalTrigger> Triggers);

/// <summary>Exactly one of the two is set. <see cref="Forbidden"/>: the errors are about rights, not form.</summary>
public sealed record AdmissionResult(Admitted? Admitted, IReadOnlyList<ValidationError> Errors, bool Forbidden = false);
