namespace McpRuntime.Core.Guardrails;

/// <param name="Version">Raised by every edit; 1 for the built-ins. A running record says under which version it runs.</param>
public sealed record GuardrailProfile(
    string Name,
    string Description,
    IReadOnlyList<string> RecommendedBackends,
    GuardrailsConfig Config,
    bool BuiltIn,
    long Version);

/// <summary>What one revision runs under.</summary>
/// <param name="Loosened">Fields that are not provably within the baseline, in the notation <c>network.egress_allowed</c>.</param>
public sealed record EffectiveGuardrails(string Profile, long ProfileVersion, GuardrailsConfig Config, IReadOnlyList<string> Loosened);
