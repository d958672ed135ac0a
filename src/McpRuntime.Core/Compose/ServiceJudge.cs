using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>What one service asks for, against the guardrails: all of them hold for each service. It may ask for less, never for more.</summary>
internal static class ServiceJudge
{
    public static void Judge(ComposeService service, GuardrailsConfig guardrails, string file, IReadOnlyList<string>? allowedRegistries, ICollection<ComposeError> errors)
    {
        void Wrong(int line, string message) => errors.Add(new ComposeError(line, 0, ComposePlace.Of(file, line, service.Name, message)));

        if (allowedRegistries is not null && service.Image is { } image && !image.IsWithinAny(allowedRegistries))
        {
            Wrong(service.LineOf("image"), $"{image.Name} is outside RUNTIME_DOCKER_ALLOWED_REGISTRIES ({(allowedRegistries.Count == 0 ? "which allows none" : string.Join(", ", allowedRegistries))})");
        }

        if (guardrails.Filesystem.ReadOnlyRoot && service.ReadOnly is false)
        {
            Wrong(service.LineOf("read_only"), "read_only: false is not allowed: the guardrails ask for a read-only root (filesystem.read_only_root); keep what is written in a volume or a tmpfs");
        }

        if (guardrails.Process.RunAsNonRoot && service.User is { } user && IsRoot(user))
        {
            Wrong(service.LineOf("user"), "user: root is not allowed: the guardrails ask for another user (process.run_as_non_root)");
        }

        foreach (var capability in service.CapAdd.Where(c => !LinuxCapabilities.Has(guardrails.Capabilities, c)))
        {
            Wrong(service.LineOf("cap_add"), $"cap_add: {capability} is not among the capabilities that the guardrails allow (capabilities.add)");
        }

        foreach (var mount in service.Mounts.Where(m => !IsAllowed(m.Path, guardrails)))
        {
            var allowed = guardrails.Filesystem.AllowedMounts;
            Wrong(mount.Line, $"volumes: {mount.Path} is outside filesystem.allowed_mounts ({(allowed.Count == 0 ? "which allow none" : string.Join(", ", allowed))})");
        }
    }

    private static bool IsRoot(string user) => user.Split(':')[0] is var name && (name == "root" || name.All(c => c == '0'));

    private static bool IsAllowed(ContainerPath path, GuardrailsConfig guardrails) =>
        guardrails.Filesystem.AllowedMounts.Any(a => ContainerPath.TryParse(a, out var root, out _) && path.IsWithin(root));
}
