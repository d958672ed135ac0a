namespace McpRuntime.Core.Guardrails;

/// <summary>The guardrail profiles as they stand now, in memory: built-ins first, then custom ones by name.</summary>
public interface IProfiles
{
    IReadOnlyList<GuardrailProfile> List();

    /// <summary>Null: no such profile.</summary>
    GuardrailProfile? Find(string name);
}
