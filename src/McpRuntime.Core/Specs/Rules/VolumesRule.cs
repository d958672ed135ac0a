namespace McpRuntime.Core.Specs.Rules;

/// <summary>Volumes lie inside what the guardrails allow.</summary>
internal sealed class VolumesRule : IAdmissionRule
{
    public const int MostVolumes = 32;

    public void Apply(AdmissionDraft draft)
    {
        var asked = draft.Request.Volumes ?? draft.Entry?.Volumes ?? [];
        if (asked.Count > MostVolumes)
        {
            draft.Wrong("volumes", $"has {asked.Count} paths; at most {MostVolumes} are allowed");
            return;
        }

        var paths = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var text in asked)
        {
            if (!ContainerPath.TryParse(text, out var path, out var why))
            {
                draft.Wrong("volumes", why);
            }
            else if (path.IsRoot || path.IsSystem)
            {
                draft.Wrong("volumes", $"{path} can't be a volume: it is the root, or one of the kernel's own trees");
            }
            else if (!IsAllowed(draft, path))
            {
                draft.Wrong("volumes", $"{path} is outside filesystem.allowed_mounts ({string.Join(", ", draft.Guardrails!.Config.Filesystem.AllowedMounts)})");
            }
            else
            {
                paths.Add(path.Value);
            }
        }

        draft.Volumes = [.. paths];
    }

    private static bool IsAllowed(AdmissionDraft draft, ContainerPath path) =>
        draft.Guardrails is null || draft.Guardrails.Config.Filesystem.AllowedMounts.Any(allowed => ContainerPath.TryParse(allowed, out var root, out _) && path.IsWithin(root));
}
