using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Manifests;

/// <summary>A GuardrailProfile document → a profile's content, judged as POST /runtimes/guardrails judges it.</summary>
internal static class ProfileManifestReader
{
    public static ProfileManifest? Read(ManifestFields root)
    {
        // Of the whole installation: a namespace that a tool wrote there means nothing.
        var (name, _) = ManifestReader.Identity(root);
        var spec = root.Object("spec", fields => new Content(
            fields.Text("description") ?? "",
            fields.Texts("recommendedBackends") ?? [],
            fields.Object("config", GuardrailFields.Overrides)));
        if (spec is null)
        {
            return root.Document.IsGood ? root.Wrong<ProfileManifest>("spec", "is missing: description and config") : null;
        }

        if (!root.Document.IsGood || name is null)
        {
            return null;
        }

        var manifest = new ProfileManifest
        {
            Origin = root.Document.Origin,
            Name = name,
            Description = spec.Description,
            RecommendedBackends = spec.RecommendedBackends,
            Sent = spec.Config,
            Config = GuardrailsMerge.Merge(BuiltInProfiles.Standard.Config, spec.Config),
        };
        foreach (var error in GuardrailsCheck.Profile(name, manifest.Description, manifest.RecommendedBackends, manifest.Config))
        {
            var told = manifest.ErrorAt(error);
            root.Document.Wrong<object>(told.Path, told.Line, told.Message);
        }

        return root.Document.IsGood ? manifest : null;
    }

    private sealed record Content(string Description, IReadOnlyList<string> RecommendedBackends, GuardrailsOverrides? Config);
}
