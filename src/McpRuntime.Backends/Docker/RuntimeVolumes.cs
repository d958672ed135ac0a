using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>The named volumes of a service: those asked for, and the image's own.</summary>
internal static class RuntimeVolumes
{
    /// <summary>Absolute paths, each once, in order.</summary>
    public static IReadOnlyList<string> PathsOf(DockerService service) =>
        [.. service.Volumes.Concat(service.Image?.Volumes ?? []).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    public static Resource Of(CompileInput input, string path) => new(
        DockerNames.Volume(input.Identity, path), ResourceKind.Volume, VolumeBody.Fingerprint("local", path), [], input.Revision.Generation, new VolumeBody(path));

    /// <summary>Admission has judged the volumes that were asked for; the image's own are only known now.</summary>
    public static Fault? Refusal(DockerService service)
    {
        var allowed = service.Guardrails.Filesystem.AllowedMounts;
        return PathsOf(service).FirstOrDefault(p => !IsAllowed(p, allowed)) is { } outside
            ? Refused(outside, service.Volumes.Contains(outside, StringComparer.Ordinal), allowed)
            : null;
    }

    private static bool IsAllowed(string path, IReadOnlyList<string> allowed) =>
        ContainerPath.TryParse(path, out var parsed, out _) && !parsed.IsRoot && !parsed.IsSystem
        && allowed.Any(a => ContainerPath.TryParse(a, out var root, out _) && parsed.IsWithin(root));

    private static Fault Refused(string path, bool asked, IReadOnlyList<string> allowed)
    {
        var whose = asked ? $"The volume {path} was asked for" : $"The image keeps data in a volume at {path}";
        var where = allowed.Count == 0 ? "no mounts at all" : $"mounts only inside {string.Join(", ", allowed)}";
        return new Fault(FaultKind.Refused, "MountNotAllowed", $"{whose}, and the guardrails allow {where}. Use a profile whose allowed_mounts cover it.");
    }
}
