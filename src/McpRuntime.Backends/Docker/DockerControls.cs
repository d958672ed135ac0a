using System.Globalization;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>What Docker holds of each control: before anything runs (from what is asked), and after (from the live container).</summary>
internal sealed class DockerControls(DockerOptions options)
{
    public const string DefaultSeccomp = "runtime/default";

    /// <summary>No filter at all; admission lets it pass only from a profile that an admin made.</summary>
    public const string Unconfined = "unconfined";

    /// <param name="engine">What it last said of itself; null before the first contact, when it is taken to be able.</param>
    public IReadOnlyList<ControlReport> Report(GuardrailsConfig asked, EngineInfo? engine) =>
        [.. Enum.GetValues<Control>().Select(control => One(control, asked, Egress.Of(asked.Network), engine))];

    private ControlReport One(Control control, GuardrailsConfig asked, Egress egress, EngineInfo? engine) => control switch
    {
        Control.Egress => egress is Egress.All ? NotAsked(control) : Enforced(control, "internal network without a host address; the guard is its only neighbour"),
        Control.AllowedHosts => egress is Egress.Hosts ? Enforced(control, "the guard's egress proxy: a policy of this network's own; no raw sockets unless a profile adds them") : NotAsked(control),
        Control.Ingress => Enforced(control, "own network, no published ports"),
        Control.Peers => Enforced(control, egress is Egress.All ? "own network; enable_icc=false but between the services of one compose file" : "own internal network"),
        Control.HostPorts => egress is Egress.All
            ? Weakened(control, "With open egress the server reaches every port that the engine's host has open. Close egress, or add a host firewall rule for the subnet pool.")
            : Enforced(control, "inhibit_ipv4: the host has no address on its network"),
        Control.Metadata => egress is Egress.All
            ? Weakened(control, "With open egress the server reaches a cloud's metadata address (169.254.169.254) if the host does. Close egress, or add a host firewall rule for the subnet pool.")
            : Enforced(control, "internal network"),
        Control.Dns => egress is Egress.All ? NotAsked(control) : Enforced(control, "HostConfig.Dns: a resolver that never answers"),
        Control.ReadOnlyRoot => asked.Filesystem.ReadOnlyRoot ? Enforced(control, "HostConfig.ReadonlyRootfs, HostConfig.Tmpfs") : NotAsked(control),
        Control.Mounts => Enforced(control, "HostConfig.Mounts: named volumes only"),
        Control.DropCapabilities => asked.Capabilities.DropAll ? Enforced(control, "HostConfig.CapDrop") : NotAsked(control),
        Control.AddCapabilities => asked.Capabilities.Add.Count > 0 ? Enforced(control, "HostConfig.CapAdd") : NotAsked(control),
        Control.Cpu => Limit(control, asked.Resources.Cpu is not null, engine is null or { CpuCfsPeriod: true, CpuCfsQuota: true }, "HostConfig.NanoCpus"),
        Control.Memory => Memory(control, asked, engine),
        Control.Pids => Limit(control, asked.Resources.MaxPids is not null, engine is null or { PidsLimit: true }, "HostConfig.PidsLimit"),
        Control.Seccomp => Seccomp(control, asked, engine),
        Control.Apparmor => Apparmor(control, asked, engine),
        Control.NoNewPrivileges => asked.Process.NoNewPrivileges ? Enforced(control, "HostConfig.SecurityOpt") : NotAsked(control),
        Control.NonRoot => asked.Process.RunAsNonRoot ? Enforced(control, "Config.User") : NotAsked(control),
        Control.RequireDigest => asked.Images.RequireDigest ? Enforced(control, "Config.Image: a registry's digest") : NotAsked(control),
        Control.AllowedRegistries => Enforced(control, "admission"),
        Control.SecretsAtRest => NotAsked(control) with { Message = "Encrypted in the database; the engine keeps a container's environment readable to the root of its own host." },
        Control.Timeout => asked.Resources.TimeoutSeconds is null ? NotAsked(control) : Lacking(control, asked, "Docker has no request timeout: a call may take as long as the gateway lets it. Set RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS, and leave resources.timeout_seconds out."),
        Control.Scale => asked.Resources is { MinScale: null, MaxScale: null } ? NotAsked(control) : Lacking(control, asked, "On Docker there is one instance, always: more load does not start another. Leave min_scale and max_scale out, or deploy to a backend that scales."),
    };

    private ControlReport Memory(Control control, GuardrailsConfig asked, EngineInfo? engine)
    {
        var limit = Limit(control, asked.Resources.Memory is not null, engine is null or { MemoryLimit: true }, "HostConfig.Memory, HostConfig.MemorySwap");
        return limit.Outcome == ControlOutcome.Enforced && engine is { SwapLimit: false }
            ? Lacking(control, asked, "The engine's kernel does not account for swap: memory is limited, and beyond it the server may fill the host's swap. Boot the host with swapaccount=1, or turn its swap off.")
            : limit;
    }

    private static ControlReport Limit(Control control, bool isAsked, bool able, string where) => (isAsked, able) switch
    {
        (false, _) => NotAsked(control),
        (true, true) => Enforced(control, where),
        (true, false) => Weakened(control, $"The engine says (/info) that its kernel can't limit this: {where} has no effect, and the server may take all that the host has. Turn the cgroup controller on in the host's kernel, or use another engine."),
    };

    private ControlReport Seccomp(Control control, GuardrailsConfig asked, EngineInfo? engine) => asked.Seccomp switch
    {
        null or Unconfined => NotAsked(control),
        { } name when name != DefaultSeccomp && !options.SeccompProfiles.ContainsKey(name) =>
            new ControlReport(control, ControlOutcome.Refused, Message: $"There is no seccomp profile \"{name}\" among the configured ones: use {DefaultSeccomp}, or have an admin add it."),
        _ when engine is not null && !Has(engine, "seccomp") => Lacking(control, asked, "The engine's kernel has no seccomp: system calls are not filtered, and a hole in the kernel is open to the server. Use a host whose kernel has CONFIG_SECCOMP."),
        DefaultSeccomp when engine is not null && Option(engine, "seccomp")!.Contains("profile=unconfined", StringComparison.Ordinal) =>
            Lacking(control, asked, "The engine's own default seccomp profile is \"unconfined\": system calls are not filtered. Start the engine without --seccomp-profile=unconfined, or name a profile of RUNTIME_SECCOMP_PROFILES."),
        DefaultSeccomp => Enforced(control, "the engine's default profile"),
        _ => Enforced(control, "HostConfig.SecurityOpt"),
    };

    private ControlReport Apparmor(Control control, GuardrailsConfig asked, EngineInfo? engine) => asked.Apparmor switch
    {
        null or Unconfined => NotAsked(control),
        _ when engine is null || !Has(engine, "apparmor") => new ControlReport(control, ControlOutcome.Unavailable, Message: "The engine's host has no AppArmor: files are protected by the other controls alone. It is optional; nothing is to be done unless you want it."),
        { } name when options.ApparmorProfiles.Contains(name, StringComparer.Ordinal) => Enforced(control, "HostConfig.SecurityOpt"),
        { } name => Lacking(control, asked, $"The AppArmor profile \"{name}\" is not known to be loaded on the engine's host: the engine's default profile applies, which confines less. Load it there (samples/apparmor has the built-in profiles') and name it in RUNTIME_APPARMOR_PROFILES."),
    };

    /// <summary>Weakened, or the mode's "no".</summary>
    private ControlReport Lacking(Control control, GuardrailsConfig asked, string message) =>
        (asked.Mode ?? options.Mode) == GuardrailsMode.Refuse ? new ControlReport(control, ControlOutcome.Refused, Message: message) : Weakened(control, message);

    private static bool Has(EngineInfo engine, string option) => Option(engine, option) is not null;

    private static string? Option(EngineInfo engine, string option) =>
        engine.SecurityOptions?.FirstOrDefault(o => o.Split(',').Contains($"name={option}", StringComparer.Ordinal) || o == option);

    private static ControlReport Enforced(Control control, string where) => new(control, ControlOutcome.Enforced, where);

    private static ControlReport Weakened(Control control, string message) => new(control, ControlOutcome.Weakened, Message: message);

    private static ControlReport NotAsked(Control control) => new(control, ControlOutcome.NotAsked);

    /// <summary>
    /// What the live container itself shows, control by control: Enforced where it holds one, Weakened where it does not, asked for or
    /// not (<see cref="ControlReport.ReadBack"/> merges the two), NotAsked where a container shows nothing of it.
    /// </summary>
    /// <param name="networks">The live networks it is on; null when one of them is gone or not this runtime's.</param>
    /// <param name="policies">What the guard lets out, of which network, as it says itself.</param>
    public static IReadOnlyList<ControlReport> ReadBack(
        ContainerInspect live, IReadOnlyList<NetworkInspect>? networks, IReadOnlyList<GuardPolicy> policies, EngineInfo engine) =>
        [.. Enum.GetValues<Control>().Select(control => Seen(control, live, networks, policies, engine))];

    private static ControlReport Seen(
        Control control, ContainerInspect live, IReadOnlyList<NetworkInspect>? networks, IReadOnlyList<GuardPolicy> policies, EngineInfo engine)
    {
        var host = live.HostConfig;
        var attached = live.NetworkSettings?.Networks?.Keys.ToArray() ?? [];
        var isService = DockerNames.ServiceOf(live.Config.Labels) is not null;
        var isolated = host.NetworkMode == DockerCompiler.NoNetwork && attached.All(n => n == DockerCompiler.NoNetwork);
        var alone = isolated || (networks is not null && (isService || networks.Count == 1));
        var closed = isolated || (alone && networks!.All(n => n.Internal && OptionIs(n, "inhibit_ipv4", "true")));
        // The services of one runtime are to reach one another; nobody else is on their networks.
        var apart = isolated || (alone && (isService || networks!.All(n => OptionIs(n, "enable_icc", "false"))));
        var on = $"networks {string.Join(", ", attached)}; internal={closed}";
        GuardPolicy[] ways = [.. policies.Where(p => networks?.Any(n => n.Name == p.Id) ?? false)];
        // A network is named after the one list that may be in force there.
        var listed = ways.All(p => DockerNames.WayOf(p.Id) == new WayOut(p.AllowedHosts, p.Strict).Name);
        var raw = ways.Length > 0 && !Contains(host.CapDrop, "ALL") && !Contains(host.CapDrop, LinuxCapabilities.Raw) && !Contains(host.CapAdd, LinuxCapabilities.Raw) && !Contains(host.CapAdd, LinuxCapabilities.All);
        var lets = ways.Length == 0 ? "nothing gets out" : string.Join("; ", ways.Select(p => $"the guard lets out to {string.Join(", ", p.AllowedHosts)}{(p.Strict ? " (strict)" : "")}").Distinct(StringComparer.Ordinal));
        return control switch
        {
            Control.HostPorts or Control.Metadata => Held(control, closed, on),
            Control.Egress => Held(control, closed && listed, closed ? lets : on),
            Control.AllowedHosts => Held(control, closed && listed && !raw, raw ? $"{lets}; NET_RAW is not dropped" : closed ? lets : on),
            Control.Ingress => Held(control, alone && host.PortBindings is null or { Count: 0 } && !host.PublishAllPorts, $"published ports: {host.PortBindings?.Count ?? 0}"),
            Control.Peers => Held(control, closed || apart, on),
            Control.Dns => Held(control, host.Dns is { Count: > 0 }, $"Dns=[{string.Join(", ", host.Dns ?? [])}]"),
            Control.ReadOnlyRoot => Held(control, host.ReadonlyRootfs, $"ReadonlyRootfs={Flag(host.ReadonlyRootfs)}"),
            Control.Mounts => Held(control, (live.Mounts ?? []).All(m => m.Type == "volume") && host.Binds is null or { Count: 0 }, $"mounts: {string.Join(", ", (live.Mounts ?? []).Select(m => $"{m.Type} {m.Destination}"))}"),
            Control.DropCapabilities => Held(control, Contains(host.CapDrop, "ALL") && !host.Privileged, $"CapDrop=[{string.Join(", ", host.CapDrop ?? [])}] Privileged={Flag(host.Privileged)}"),
            Control.AddCapabilities => Held(control, !host.Privileged, $"CapAdd=[{string.Join(", ", host.CapAdd ?? [])}]"),
            Control.Cpu => Held(control, host.NanoCpus > 0 && engine is { CpuCfsPeriod: true, CpuCfsQuota: true }, string.Create(CultureInfo.InvariantCulture, $"NanoCpus={host.NanoCpus}")),
            Control.Memory => Held(control, host.Memory > 0 && host.MemorySwap == host.Memory, string.Create(CultureInfo.InvariantCulture, $"Memory={host.Memory} MemorySwap={host.MemorySwap}")),
            Control.Pids => Held(control, host.PidsLimit > 0 && engine.PidsLimit, string.Create(CultureInfo.InvariantCulture, $"PidsLimit={host.PidsLimit ?? 0}")),
            Control.Seccomp => Held(control, Has(engine, "seccomp") && !Contains(host.SecurityOpt, "seccomp=unconfined") && !host.Privileged, Contains(host.SecurityOpt, "seccomp=unconfined") ? "unconfined" : Option(engine, "seccomp") ?? "none"),
            Control.Apparmor => Has(engine, "apparmor")
                ? Held(control, host.SecurityOpt?.Any(o => o.StartsWith("apparmor=", StringComparison.Ordinal)) ?? false, string.Join(", ", host.SecurityOpt ?? []))
                : new ControlReport(control, ControlOutcome.Unavailable, Observed: "no AppArmor on the host"),
            Control.NoNewPrivileges => Held(control, host.SecurityOpt?.Any(o => o is "no-new-privileges" or "no-new-privileges:true" or "no-new-privileges=true") ?? false, $"SecurityOpt=[{string.Join(", ", (host.SecurityOpt ?? []).Where(o => o.StartsWith("no-new", StringComparison.Ordinal)))}]"),
            Control.NonRoot => Held(control, !ImageUser.IsRoot(live.Config.User ?? ""), $"User={live.Config.User}"),
            Control.RequireDigest => Held(control, live.Config.Image?.Contains("@sha256:", StringComparison.Ordinal) ?? false, live.Config.Image ?? ""),
            Control.AllowedRegistries or Control.SecretsAtRest or Control.Timeout or Control.Scale => NotAsked(control),
        };
    }

    private static ControlReport Held(Control control, bool held, string observed) => new(control, held ? ControlOutcome.Enforced : ControlOutcome.Weakened, Observed: observed);

    private static bool OptionIs(NetworkInspect network, string option, string value) =>
        network.Options?.GetValueOrDefault("com.docker.network.bridge." + option) == value;

    private static bool Contains(IReadOnlyList<string>? list, string item) => list?.Contains(item, StringComparer.Ordinal) ?? false;

    private static string Flag(bool value) => value ? "true" : "false";
}
