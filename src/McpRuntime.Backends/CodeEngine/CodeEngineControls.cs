using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>What Code Engine holds of each control: before anything runs (from what is asked), and after (from the live app).</summary>
internal sealed class CodeEngineControls(CodeEngineOptions options)
{
    private const string NoField = "Code Engine has no setting for it; what its own isolation does is not published.";

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig asked, Source? source) => [.. Enum.GetValues<Control>().Select(control => One(control, asked, source))];

    private ControlReport One(Control control, GuardrailsConfig asked, Source? source) => control switch
    {
        Control.Egress => Egress.Of(asked.Network).Match(
            none: _ => Lacking(control, asked, "What goes out can't be closed for one app: the project's outbound list holds for all its apps and knows address ranges only. Give closed servers a project of their own without outbound destinations, or choose another backend."),
            hosts: _ => Lacking(control, asked, "What goes out can't be limited for one app: the project's outbound list holds for all its apps."),
            all: _ => NotAsked(control)),
        Control.AllowedHosts => Egress.Of(asked.Network) is Egress.Hosts
            ? Lacking(control, asked, "Host lists are not enforced: the server reaches every host. The project's outbound list knows address ranges only, for all its apps.")
            : NotAsked(control),
        Control.Ingress => options.Visibility == AppVisibility.LocalPublic
            ? Lacking(control, asked, "The app's endpoint is on the Internet, and Code Engine checks nobody: whoever learns its address reaches the server past the gateway. Set RUNTIME_IBM_CODE_ENGINE_VISIBILITY, restrict the project by context-based restrictions, or let the server check a token.")
            : Lacking(control, asked, "Every app of the project (and, with local_private, the account's private network) reaches the server past the gateway."),
        Control.Peers => Lacking(control, asked, "Apps of one project reach each other: the project is the boundary."),
        Control.HostPorts or Control.Metadata => NotAsked(control) with { Message = "Hosts are IBM's; what an app reaches of them is not published." },
        Control.Dns => Egress.Of(asked.Network) is Egress.All ? NotAsked(control) : Lacking(control, asked, "Names are resolved, and data can be sent out in them."),
        Control.ReadOnlyRoot => asked.Filesystem.ReadOnlyRoot ? Lacking(control, asked, "The server can change its own files (in memory-backed storage that ends with the instance). " + NoField) : NotAsked(control),
        Control.Mounts => Enforced(control, "run_volume_mounts: none"),
        Control.DropCapabilities => asked.Capabilities.DropAll ? Lacking(control, asked, "Capabilities are not dropped. " + NoField) : NotAsked(control),
        Control.AddCapabilities => asked.Capabilities.Add.Count > 0 ? Lacking(control, asked, "Capabilities can't be added. " + NoField) : NotAsked(control),
        Control.Cpu => asked.Resources.Cpu is null ? NotAsked(control) : Enforced(control, "scale_cpu_limit"),
        Control.Memory => asked.Resources.Memory is null ? NotAsked(control) : Enforced(control, "scale_memory_limit"),
        Control.Pids => asked.Resources.MaxPids is null ? NotAsked(control) : Lacking(control, asked, "The number of processes is not limited as asked. " + NoField),
        Control.Seccomp => asked.Seccomp is null ? NotAsked(control) : Lacking(control, asked, "No seccomp profile can be chosen. " + NoField),
        Control.Apparmor => asked.Apparmor is null ? NotAsked(control) : new ControlReport(control, ControlOutcome.Unavailable, Message: "Code Engine has no AppArmor setting."),
        Control.NoNewPrivileges => asked.Process.NoNewPrivileges ? Lacking(control, asked, "Processes may gain privileges by set-uid programs. " + NoField) : NotAsked(control),
        Control.NonRoot => asked.Process.RunAsNonRoot ? Enforced(control, "run_as_user") : NotAsked(control),
        Control.RequireDigest => asked.Images.RequireDigest ? Enforced(control, "image_reference: a registry's digest") : NotAsked(control),
        Control.AllowedRegistries => source is Source.GitHub
            ? Lacking(control, asked, "The images that the Dockerfile names are held against the list at its commit; the platform fetches them, so that what ONBUILD instructions a base image carries is not seen: they may fetch from anywhere. Build on images that you trust, or build on Docker, where such a base image is refused.")
            : Enforced(control, "admission; a repository's Dockerfile at its commit"),
        Control.SecretsAtRest => NotAsked(control) with { Message = "Encrypted in our database; in the project a secret, readable to its Writers." },
        Control.Timeout => asked.Resources.TimeoutSeconds switch
        {
            null => NotAsked(control),
            <= AppScale.LongestRequest => Enforced(control, "scale_request_timeout"),
            { } longer => Lacking(control, asked, $"Code Engine cuts every request after {AppScale.LongestRequest} s, streams too: {longer} s can't be had."),
        },
        Control.Scale => asked.Resources is { MinScale: null, MaxScale: null } ? NotAsked(control) : Enforced(control, "scale_min_instances, scale_max_instances"),
    };

    /// <summary>What the live app itself shows, control by control.</summary>
    public static IReadOnlyList<ControlReport> ReadBack(App live) => [.. Enum.GetValues<Control>().Select(control => Seen(control, live))];

    private static ControlReport Seen(Control control, App live) => control switch
    {
        Control.Ingress => Open(control, $"managed_domain_mappings={live.ManagedDomainMappings ?? "local_public"}, {live.Endpoint ?? "no endpoint outside the project"}"),
        Control.Egress or Control.AllowedHosts or Control.Dns or Control.Peers or Control.ReadOnlyRoot or Control.DropCapabilities or Control.AddCapabilities or Control.Pids or Control.Seccomp
            or Control.NoNewPrivileges => Open(control, "no such field"),
        Control.Apparmor => new ControlReport(control, ControlOutcome.Unavailable, Observed: "no such field"),
        Control.Mounts => Held(control, live.RunVolumeMounts is null or { Count: 0 }, $"run_volume_mounts: {live.RunVolumeMounts?.Count ?? 0}"),
        Control.Cpu => Held(control, AppSize.MilliOf(live.ScaleCpuLimit) is > 0, $"scale_cpu_limit={live.ScaleCpuLimit}"),
        Control.Memory => Held(control, AppSize.MegabytesOf(live.ScaleMemoryLimit) is > 0, $"scale_memory_limit={live.ScaleMemoryLimit}"),
        Control.NonRoot => Held(control, live.RunAsUser is > 0, $"run_as_user={live.RunAsUser ?? 0}"),
        Control.RequireDigest => Held(control, live.ImageReference?.Contains("@sha256:", StringComparison.Ordinal) == true, $"image_reference={live.ImageReference}"),
        Control.AllowedRegistries => Held(control, true, $"image_reference={live.ImageReference}"),
        Control.Timeout => Held(control, live.ScaleRequestTimeout is > 0, $"scale_request_timeout={live.ScaleRequestTimeout}"),

        // 0 means "no limit" there.
        Control.Scale => Held(control, live.ScaleMaxInstances is > 0, $"scale {live.ScaleMinInstances}..{live.ScaleMaxInstances}"),
        Control.HostPorts or Control.Metadata or Control.SecretsAtRest => new ControlReport(control, ControlOutcome.NotAsked),
    };

    private ControlReport Lacking(Control control, GuardrailsConfig asked, string message) =>
        (asked.Mode ?? options.Mode) == GuardrailsMode.Refuse ? new ControlReport(control, ControlOutcome.Refused, Message: message) : new ControlReport(control, ControlOutcome.Weakened, Message: message);

    private static ControlReport Enforced(Control control, string where) => new(control, ControlOutcome.Enforced, where);

    private static ControlReport NotAsked(Control control) => new(control, ControlOutcome.NotAsked);

    private static ControlReport Held(Control control, bool held, string observed) =>
        new(control, held ? ControlOutcome.Enforced : ControlOutcome.Weakened, held ? "the live app" : null, held ? null : "The live app does not hold it.", observed);

    private static ControlReport Open(Control control, string observed) =>
        new(control, ControlOutcome.Weakened, Message: "Code Engine does not hold it for one app.", Observed: observed);
}
