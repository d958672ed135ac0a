using McpRuntime.Core.Guardrails;

namespace McpRuntime.Backends.Docker;

/// <summary>What is not held, in the words of the guardrail's own fields.</summary>
internal static class DockerWarnings
{
    public static IReadOnlyList<GuardrailWarning> Of(IReadOnlyList<ControlReport> report) =>
    [
        .. report
            .Where(r => r.Outcome is ControlOutcome.Weakened or ControlOutcome.Refused)
            .Select(r => new GuardrailWarning(Field(r.Control), r.Message ?? "", DockerBackend.BackendName, r.Outcome == ControlOutcome.Refused ? "error" : "warning")),
    ];

    public static string Field(Control control) => control switch
    {
        Control.Egress or Control.HostPorts or Control.Metadata or Control.Dns or Control.Peers => "network.egress_allowed",
        Control.AllowedHosts => "network.allowed_hosts",
        Control.Ingress => "network.ingress_ports",
        Control.ReadOnlyRoot => "filesystem.read_only_root",
        Control.Mounts => "filesystem.allowed_mounts",
        Control.DropCapabilities => "capabilities.drop_all",
        Control.AddCapabilities => "capabilities.add",
        Control.Cpu => "resources.cpu",
        Control.Memory => "resources.memory",
        Control.Pids => "resources.max_pids",
        Control.Seccomp => "seccomp",
        Control.Apparmor => "apparmor",
        Control.NoNewPrivileges => "process.no_new_privileges",
        Control.NonRoot => "process.run_as_non_root",
        Control.RequireDigest => "images.require_digest",
        Control.AllowedRegistries => "source.image",
        Control.SecretsAtRest => "environment",
        Control.Timeout => "resources.timeout_seconds",
        Control.Scale => "resources.max_scale",
    };
}
