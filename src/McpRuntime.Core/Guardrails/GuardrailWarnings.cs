namespace McpRuntime.Core.Guardrails;

/// <summary>A report, read as a person needs it: which field is not fully held, what that means, what to do.</summary>
public static class GuardrailWarnings
{
    public static IReadOnlyList<GuardrailWarning> Of(IReadOnlyList<ControlReport> report, string backend) =>
        [.. report.Select(line => Of(line, backend)).OfType<GuardrailWarning>()];

    /// <summary>Nothing asked for is Weakened or Refused.</summary>
    public static bool IsCompatible(IReadOnlyList<ControlReport> report) => !report.Any(line => line.Outcome is ControlOutcome.Weakened or ControlOutcome.Refused);

    /// <summary>The field of the config that asks for a control.</summary>
    public static string Field(Control control) => control switch
    {
        Control.Egress => "network.egress_allowed",
        Control.AllowedHosts => "network.allowed_hosts",
        Control.Ingress => "network.ingress_ports",
        Control.Peers or Control.HostPorts or Control.Metadata or Control.Dns => "network.egress_allowed",
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

    private static GuardrailWarning? Of(ControlReport line, string backend) => line.Outcome switch
    {
        ControlOutcome.Enforced or ControlOutcome.NotAsked or ControlOutcome.Unavailable => null,
        ControlOutcome.Weakened => new(Field(line.Control), Message(line, backend), backend, "warning"),
        ControlOutcome.Refused => new(Field(line.Control), Message(line, backend), backend, "error"),
    };

    private static string Message(ControlReport line, string backend) =>
        line.Message ?? $"{backend} does not hold this control: {Effect(line.Control)}. Choose a backend that does, or a profile that does not ask for it.";

    private static string Effect(Control control) => control switch
    {
        Control.Egress => "the server can reach the network",
        Control.AllowedHosts => "the server can reach hosts that are not on the list",
        Control.Ingress => "ports beyond those listed may be reached",
        Control.Peers => "other servers on the same network may reach it, and it them",
        Control.HostPorts => "the server can reach ports that are open on its host",
        Control.Metadata => "the server can reach its host's metadata address",
        Control.Dns => "the server can resolve names, and so send data out in them",
        Control.ReadOnlyRoot => "the server can change its own files",
        Control.Mounts => "the size or place of its volumes is not limited as asked",
        Control.DropCapabilities => "the server keeps capabilities that were to be dropped",
        Control.AddCapabilities => "the server lacks capabilities that it asks for",
        Control.Cpu => "the server may use more CPU than asked",
        Control.Memory => "the server may use more memory than asked",
        Control.Pids => "the server may start more processes than asked",
        Control.Seccomp => "its system calls are not filtered as asked",
        Control.Apparmor => "its access to files is not confined as asked",
        Control.NoNewPrivileges => "its processes may gain privileges",
        Control.NonRoot => "the server may run as root",
        Control.RequireDigest => "the image may change under its name",
        Control.AllowedRegistries => "images from other registries may run",
        Control.SecretsAtRest => "its environment is not encrypted where it is stored",
        Control.Timeout => "requests may take longer than asked",
        Control.Scale => "the number of its instances is not as asked",
    };
}
