namespace McpRuntime.Core.Specs.Rules;

/// <summary>Every image comes from an allowed registry. What a build or compose file names is held against the same list when it is read.</summary>
internal sealed class RegistryRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        var path = draft.Entry is null ? "source.image" : "catalog_server_id";
        foreach (var image in draft.Images ?? [])
        {
            if (!image.IsWithinAny(draft.Context.AllowedRegistries))
            {
                draft.Wrong(path, $"{image.Name} is outside RUNTIME_DOCKER_ALLOWED_REGISTRIES ({Shown(draft.Context.AllowedRegistries)})");
            }
        }

        if (draft.Source is Source.GitHub { Registry: { } registry } && ImageReference.TryParse(registry + "/x", out var target, out _) && !target.IsWithinAny(draft.Context.AllowedRegistries))
        {
            draft.Wrong("source.registry", $"{registry} is outside RUNTIME_DOCKER_ALLOWED_REGISTRIES ({Shown(draft.Context.AllowedRegistries)})");
        }
    }

    private static string Shown(IReadOnlyList<string> allowed) => allowed.Count == 0 ? "which allows none" : string.Join(", ", allowed);
}
