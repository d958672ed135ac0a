using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>The named volumes of a service: those asked for, and the image's own.</summary>
internal static class RuntimeVolumes
{
    /// <summary>By path, each once. What is mounted at an image's own volume takes its place.</summary>
    public static IReadOnlyList<DockerMount> MountsOf(DockerService service)
    {
        var taken = service.Volumes.Select(v => v.Path).Concat((service.Compose?.Tmpfs ?? []).Select(t => t.Path.Value)).ToHashSet(StringComparer.Ordinal);
        var own = (service.Image?.Volumes ?? []).Where(p => !taken.Contains(p)).Select(p => new DockerMount(service.Name is null ? p : $"{service.Name}:{p}", p));
        return [.. service.Volumes.Concat(own).OrderBy(m => m.Path, StringComparer.Ordinal)];
    }

    public static Resource Of(CompileInput input, string key) => new(
        DockerNames.Volume(input.Identity, key), ResourceKind.Volume, VolumeBody.Fingerprint("local", key), [], input.Revision.Generation, new VolumeBody(key));

    /// <summary>Admission has judged the volumes that were asked for; the image's own are only known now.</summary>
    public static Fault? Refusal(DockerService service)
    {
        var allowed = service.Guardrails.Filesystem.AllowedMounts;
        return MountsOf(service).FirstOrDefault(m => !IsAllowed(m.Path, allowed)) is { } outside
            ? Refused(service, outside.Path, allowed)
            : null;
    }

    private static bool IsAllowed(string path, IReadOnlyList<string> allowed) =>
        ContainerPath.TryParse(path, out var parsed, out _) && !parsed.IsRoot && !parsed.IsSystem
        && allowed.Any(a => ContainerPath.TryParse(a, out var root, out _) && parsed.IsWithin(root));

    private static Fault Refused(DockerService service, string path, IReadOnlyList<string> allowed)
    {
        var whose = service.Volumes.Any(v => v.Path == path) ? $"The volume {path} was asked for" : $"The image keeps data in a volume at {path}";
        var of = service.Name is null ? "" : $" (service \"{service.Name}\")";
        var where = allowed.Count == 0 ? "no mounts at all" : $"mounts only inside {string.Join(", ", allowed)}";
        return new Fault(FaultKind.Refused, "MountNotAllowed", $"{whose}{of}, and the guardrails allow {where}. Use a profile whose allowed_mounts cover it.");
    }
}
