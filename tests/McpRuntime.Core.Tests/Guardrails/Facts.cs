using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Guardrails;

/// <summary>
/// What a container under a config can do, sampled: an oracle that knows nothing of <see cref="GuardrailsOrder"/>. One config is looser
/// than another when it holds a fact that the other does not.
/// </summary>
internal static class Facts
{
    public static readonly string[] Hosts = ["a.example.com", "b.example.com", "deep.a.example.com", "example.com", "other.org"];

    public static readonly int[] Ports = [80, 443, 8080, 9090];

    public static readonly string[] Mounts = ["/data", "/data/x", "/cache", "/srv", "/database"];

    public static readonly string[] Capabilities = ["NET_BIND_SERVICE", "CHOWN", "NET_RAW", "SYS_ADMIN", "SYS_TIME", "SETUID"];

    private static readonly string[] EngineDefaults = ["NET_BIND_SERVICE", "CHOWN", "NET_RAW", "SETUID"];

    public static HashSet<string> Of(GuardrailsConfig config)
    {
        HashSet<string> facts = new(StringComparer.Ordinal);
        void If(bool holds, string fact)
        {
            if (holds)
            {
                facts.Add(fact);
            }
        }

        foreach (var host in Hosts)
        {
            foreach (var port in Ports)
            {
                If(Reaches(config.Network, host, port), $"reach {host}:{port}");
            }
        }

        foreach (var port in Ports)
        {
            If(config.Network.IngressPorts.Contains(port), $"listen {port}");
        }

        foreach (var mount in Mounts)
        {
            If(config.Filesystem.AllowedMounts.Any(m => m == "/" || mount == m || mount.StartsWith(m + "/", StringComparison.Ordinal)), $"mount {mount}");
        }

        foreach (var capability in Capabilities)
        {
            var granted = config.Capabilities.Add.Any(c => c.ToUpperInvariant().Replace("CAP_", "", StringComparison.Ordinal) is var n && (n == capability || n == "ALL"));
            If(granted || (!config.Capabilities.DropAll && EngineDefaults.Contains(capability)), $"capability {capability}");
        }

        for (var cpu = 1; cpu <= 32; cpu++)
        {
            If(config.Resources.Cpu is null || (CpuQuantity.TryParse(config.Resources.Cpu, out var limit, out _) && limit.NanoCpus >= cpu * 125_000_000L), $"cpu {cpu}");
        }

        for (var memory = 1; memory <= 32; memory++)
        {
            If(config.Resources.Memory is null || (MemoryQuantity.TryParse(config.Resources.Memory, out var limit, out _) && limit.Bytes >= memory * (64L << 20)), $"memory {memory}");
        }

        foreach (var count in new[] { 1, 50, 100, 200, 1000 })
        {
            If(config.Resources.MaxPids is not { } pids || pids >= count, $"pids {count}");
            If(config.Resources.MaxScale is not { } scale || scale >= count, $"scale {count}");
            If(config.Resources.TimeoutSeconds is not { } timeout || timeout >= count, $"timeout {count}");
        }

        If(!config.Filesystem.ReadOnlyRoot, "write root");
        If(!config.Process.RunAsNonRoot, "be root");
        If(!config.Process.NoNewPrivileges, "gain privileges");
        If(!config.Images.RequireDigest, "run a moving tag");
        If(config.Seccomp is null or "unconfined", "any engine syscall");
        If(config.Seccomp == "unconfined", "any syscall");
        If(config.Apparmor is null or "unconfined", "any file the engine allows");
        If(config.Apparmor == "unconfined", "any file");
        If((config.Mode ?? GuardrailsMode.Warn) == GuardrailsMode.Warn, "run weakened");
        If((config.Mode ?? GuardrailsMode.Warn) != GuardrailsMode.Refuse, "run weakened once approved");
        return facts;
    }

    private static bool Reaches(NetworkGuardrails network, string host, int port) =>
        network.EgressAllowed && (network.AllowedHosts.Count == 0 || network.AllowedHosts.Any(entry =>
        {
            if (entry == "*")
            {
                return true;
            }

            var parts = entry.ToLowerInvariant().Split(':');
            return (parts.Length == 1 ? port is 443 or 80 : parts[1] == port.ToString(System.Globalization.CultureInfo.InvariantCulture))
                && (parts[0].StartsWith("*.", StringComparison.Ordinal) ? host.EndsWith(parts[0][1..], StringComparison.Ordinal) : host == parts[0]);
        }));
}
