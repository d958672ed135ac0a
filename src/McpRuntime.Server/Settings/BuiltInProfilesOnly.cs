using McpRuntime.Core.Guardrails;

namespace McpRuntime.Server.Settings;

/// <summary>The four built-in profiles; custom ones come with their own store.</summary>
internal sealed class BuiltInProfilesOnly : IProfiles
{
    public IReadOnlyList<GuardrailProfile> List() => BuiltInProfiles.All;

    public GuardrailProfile? Find(string name) => BuiltInProfiles.Find(name);
}
