using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Guardrails;

/// <summary>The partial order "at most as loose as", field by field: a value is looser unless it is provably within the other.</summary>
public static class GuardrailsOrder
{
    internal static readonly GuardrailsField Egress = new("network.egress", (a, b) => Guardrails.Egress.Of(a.Network).IsWithin(Guardrails.Egress.Of(b.Network)));

    internal static readonly GuardrailsField Cpu = new("resources.cpu", (a, b) => AtMost(Nanos(a.Resources.Cpu), Nanos(b.Resources.Cpu)));

    internal static readonly GuardrailsField Memory = new("resources.memory", (a, b) => AtMost(Bytes(a.Resources.Memory), Bytes(b.Resources.Memory)));

    /// <summary>Every field of a config; a test holds this list against the type.</summary>
    internal static readonly IReadOnlyList<GuardrailsField> Fields =
    [
        Egress,
        new("network.ingress_ports", (a, b) => a.Network.IngressPorts.All(b.Network.IngressPorts.Contains)),
        new("filesystem.read_only_root", (a, b) => a.Filesystem.ReadOnlyRoot || !b.Filesystem.ReadOnlyRoot),
        new("filesystem.allowed_mounts", (a, b) => a.Filesystem.AllowedMounts.All(m => IsMountWithin(m, b.Filesystem.AllowedMounts))),
        new("capabilities.drop_all", (a, b) => a.Capabilities.DropAll || !b.Capabilities.DropAll),
        new("capabilities.add", (a, b) => a.Capabilities.Add.All(c => LinuxCapabilities.Has(b.Capabilities, LinuxCapabilities.Normalise(c)))),
        Cpu,
        Memory,
        new("resources.max_pids", (a, b) => AtMost(a.Resources.MaxPids, b.Resources.MaxPids)),
        new("resources.min_scale", (a, b) => AtMost(a.Resources.MinScale, b.Resources.MinScale)),
        new("resources.max_scale", (a, b) => AtMost(a.Resources.MaxScale, b.Resources.MaxScale)),
        new("resources.timeout_seconds", (a, b) => AtMost(a.Resources.TimeoutSeconds, b.Resources.TimeoutSeconds)),
        new("seccomp", (a, b) => IsConfinementWithin(a.Seccomp, b.Seccomp, _ => null)),
        new("apparmor", (a, b) => IsConfinementWithin(a.Apparmor, b.Apparmor, BuiltInApparmorRank)),
        new("process.run_as_non_root", (a, b) => a.Process.RunAsNonRoot || !b.Process.RunAsNonRoot),
        new("process.no_new_privileges", (a, b) => a.Process.NoNewPrivileges || !b.Process.NoNewPrivileges),
        new("images.require_digest", (a, b) => a.Images.RequireDigest || !b.Images.RequireDigest),
        new("mode", (a, b) => (a.Mode ?? GuardrailsMode.Warn) >= (b.Mode ?? GuardrailsMode.Warn)),
    ];

    /// <summary>The fields in which <paramref name="effective"/> is not provably within <paramref name="baseline"/>; empty when it is at most as loose in all.</summary>
    /// <param name="defaultMode">What a null <c>mode</c> means in this installation.</param>
    public static IReadOnlyList<string> Loosened(GuardrailsConfig effective, GuardrailsConfig baseline, GuardrailsMode defaultMode = GuardrailsMode.Warn)
    {
        var a = effective with { Mode = effective.Mode ?? defaultMode };
        var b = baseline with { Mode = baseline.Mode ?? defaultMode };
        return [.. Fields.Where(field => !field.IsWithin(a, b)).Select(field => field == Egress ? EgressFieldName(a, b) : field.Name)];
    }

    // One value behind two fields: named after the one that a person would change back.
    private static string EgressFieldName(GuardrailsConfig effective, GuardrailsConfig baseline) =>
        effective.Network.EgressAllowed && !baseline.Network.EgressAllowed ? "network.egress_allowed" : "network.allowed_hosts";

    // Null is "no limit". What can't be read is taken for no limit above, and for no room below: both err towards "looser".
    private static bool AtMost(long? a, long? b) => b is null || (a is not null && a <= b);

    private static bool AtMost(int? a, int? b) => AtMost((long?)a, b);

    private static long? Nanos(string? cpu) => cpu is not null && CpuQuantity.TryParse(cpu, out var quantity, out _) ? quantity.NanoCpus : null;

    private static long? Bytes(string? memory) => memory is not null && MemoryQuantity.TryParse(memory, out var quantity, out _) ? quantity.Bytes : null;

    private static bool IsMountWithin(string mount, IReadOnlyList<string> allowed) =>
        ContainerPath.TryParse(mount, out var path, out _) && allowed.Any(a => ContainerPath.TryParse(a, out var other, out _) && path.IsWithin(other));

    /// <summary><c>unconfined</c> &gt; not asked for (the engine's own) &gt; any named profile. Of two different names nothing is known, but for the built-in ones.</summary>
    private static bool IsConfinementWithin(string? a, string? b, Func<string, int?> rank)
    {
        const string Unconfined = "unconfined";
        if (b == Unconfined || a == b)
        {
            return true;
        }

        if (a is null or Unconfined)
        {
            return false;
        }

        return b is null || (rank(a) is { } mine && rank(b) is { } theirs && mine >= theirs);
    }

    // Ours, and made each within the one before: the names' order is a promise of the profiles that are shipped.
    private static int? BuiltInApparmorRank(string name) => name switch
    {
        "mcp-standard" => 1,
        "mcp-restricted" => 2,
        "mcp-airgapped" => 3,
        _ => null,
    };
}

/// <param name="Name">In the notation <c>network.egress_allowed</c>.</param>
/// <param name="IsWithin">The first is provably at most as loose as the second, in this field.</param>
internal sealed record GuardrailsField(string Name, Func<GuardrailsConfig, GuardrailsConfig, bool> IsWithin);
