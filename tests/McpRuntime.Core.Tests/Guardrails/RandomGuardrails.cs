using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Guardrails;

internal static class RandomGuardrails
{
    private static readonly string[] HostEntries = ["a.example.com", "A.Example.com:443", "*.example.com", "*.a.example.com", "b.example.com:80", "other.org", "*", "*.example.com:443"];

    private static readonly string[] MountEntries = ["/", "/data", "/data/", "/data/x", "/cache", "/srv", "/database"];

    private static readonly string[] CapabilityEntries = [.. Facts.Capabilities, "CAP_CHOWN", "net_raw", "ALL"];

    private static readonly string[] Cpus = ["0.125", "250m", "0.5", "1", "2", "4"];

    private static readonly string[] Memories = ["64m", "128Mi", "256m", "512m", "1g", "2g"];

    public static GuardrailsOverrides Overrides(Random random) => new()
    {
        Network = random.Chance() ? null : new(Bool(random), random.Chance() ? null : random.Some(3, HostEntries), random.Chance() ? null : random.Some(3, Facts.Ports)),
        Filesystem = random.Chance() ? null : new(Bool(random), random.Chance() ? null : random.Some(3, MountEntries)),
        Capabilities = random.Chance() ? null : new(Bool(random), random.Chance() ? null : random.Some(2, CapabilityEntries)),
        Resources = random.Chance() ? null : Resources(random),
        Seccomp = random.Chance(0.7) ? null : random.Pick("runtime/default", "custom", "unconfined"),
        Apparmor = random.Chance(0.7) ? null : random.Pick("mcp-standard", "mcp-restricted", "mcp-airgapped", "custom", "unconfined"),
        Process = random.Chance() ? null : new(Bool(random), Bool(random)),
        Images = random.Chance() ? null : new(Bool(random)),
        Mode = random.Chance(0.8) ? null : random.Pick(GuardrailsMode.Warn, GuardrailsMode.Approve, GuardrailsMode.Refuse),
    };

    public static ResourceRequest Resources(Random random) => new(
        random.Chance() ? null : random.Pick<string>(Cpus),
        random.Chance() ? null : random.Pick<string>(Memories),
        random.Chance() ? null : random.Pick(10, 50, 100, 500),
        MinScale: null,
        random.Chance(0.8) ? null : random.Pick(1, 50, 200),
        random.Chance(0.8) ? null : random.Pick(10, 100, 600));

    public static GuardrailsConfig Config(Random random) => GuardrailsMerge.Merge(random.Pick(BuiltInProfiles.All).Config, Overrides(random), Resources(random));

    /// <summary>One change that takes something away, made without asking the order.</summary>
    public static GuardrailsConfig Tighten(Random random, GuardrailsConfig c) => random.Next(16) switch
    {
        0 => c with { Network = new(false, [], c.Network.IngressPorts) },
        1 when c.Network.AllowedHosts.Count > 1 && !c.Network.AllowedHosts.Contains("*", StringComparer.Ordinal) => c with { Network = new(c.Network.EgressAllowed, [.. c.Network.AllowedHosts.Skip(1)], c.Network.IngressPorts) },
        1 or 2 when c.Network.EgressAllowed && (c.Network.AllowedHosts.Count == 0 || c.Network.AllowedHosts.Contains("*", StringComparer.Ordinal)) => c with { Network = new(true, ["a.example.com:443"], c.Network.IngressPorts) },
        3 => c with { Network = new(c.Network.EgressAllowed, c.Network.AllowedHosts, [.. c.Network.IngressPorts.Skip(1)]) },
        4 => c with { Filesystem = new(true, c.Filesystem.AllowedMounts) },
        5 => c with { Filesystem = new(c.Filesystem.ReadOnlyRoot, [.. c.Filesystem.AllowedMounts.Skip(1)]) },
        6 => c with { Filesystem = new(c.Filesystem.ReadOnlyRoot, [.. c.Filesystem.AllowedMounts.Select(m => m.TrimEnd('/') + "/below")]) },
        7 => c with { Capabilities = new(true, c.Capabilities.Add) },
        8 => c with { Capabilities = new(true, [.. c.Capabilities.Add.Skip(1)]) },
        9 when !c.Capabilities.DropAll => c with { Capabilities = new(true, ["NET_BIND_SERVICE"]) },
        10 => c with { Resources = c.Resources with { Cpu = "0.01", Memory = "6m" } },
        11 => c with { Resources = c.Resources with { MaxPids = 1, MaxScale = 1, TimeoutSeconds = 1 } },
        12 => c with { Process = new(true, c.Process.NoNewPrivileges) },
        13 => c with { Process = new(c.Process.RunAsNonRoot, true), Images = new(true) },
        14 => c with { Seccomp = c.Seccomp ?? "runtime/default", Apparmor = c.Apparmor is null or "mcp-standard" ? "mcp-restricted" : c.Apparmor },
        _ => c with { Mode = GuardrailsMode.Refuse },
    };

    private static bool? Bool(Random random) => random.Chance() ? null : random.Chance();
}
