using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs;

/// <summary>What makes two specs the same. Keyed, since environment values are in it.</summary>
public static class SpecHash
{
    /// <summary>Raised when the canonical form changes its meaning for what is already stored; a new field with a default needs no new version.</summary>
    public const string Version = "v1";

    /// <returns><c>v1:</c> and 64 hex digits.</returns>
    public static string Of(RuntimeSpec spec, EffectiveGuardrails guardrails, string backend, KeyedHash hash) =>
        $"{Version}:{hash.Of(CanonicalSpec.Of(spec, guardrails, backend))}";
}
