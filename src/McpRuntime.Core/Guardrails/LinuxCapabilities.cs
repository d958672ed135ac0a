using System.Collections.Frozen;

namespace McpRuntime.Core.Guardrails;

/// <summary>The kernel's capabilities, as containers know them: without <c>CAP_</c>.</summary>
public static class LinuxCapabilities
{
    public const string All = "ALL";

    public const string Raw = "NET_RAW";

    /// <summary>capabilities(7), to Linux 5.9 and later.</summary>
    private static readonly FrozenSet<string> Known = FrozenSet.Create(
        StringComparer.Ordinal,
        "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
        "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE", "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW",
        "PERFMON", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE", "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "SYSLOG", "WAKE_ALARM");

    /// <summary>What a container engine grants when nothing is dropped: the set that <c>drop_all: false</c> means.</summary>
    private static readonly FrozenSet<string> EngineDefault = FrozenSet.Create(
        StringComparer.Ordinal,
        "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW", "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT");

    /// <summary>Each is a way out of the container, or close to it: only a profile that an admin made may add them.</summary>
    private static readonly FrozenSet<string> Dangerous = FrozenSet.Create(
        StringComparer.Ordinal, All, "SYS_ADMIN", "NET_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "BPF");

    public static bool IsKnown(string name) => name == All || Known.Contains(name);

    public static bool IsDangerous(string name) => Dangerous.Contains(name);

    /// <summary>Upper case, without <c>CAP_</c>.</summary>
    public static string Normalise(string name)
    {
        var upper = name.ToUpperInvariant();
        return upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper["CAP_".Length..] : upper;
    }

    /// <summary>
    /// What is taken away though nobody asked: beside a host list raw sockets, which engines grant by default and which send what no proxy
    /// sees. An admin's profile may add them by name.
    /// </summary>
    public static IReadOnlyList<string> MustDrop(GuardrailsConfig guardrails) =>
        Egress.Of(guardrails.Network) is Egress.Hosts && !guardrails.Capabilities.DropAll && !guardrails.Capabilities.Add.Any(added => Normalise(added) is Raw or All) ? [Raw] : [];

    /// <summary>Whether a container under <paramref name="guardrails"/> has this capability.</summary>
    internal static bool Has(CapabilityGuardrails guardrails, string name) =>
        (!guardrails.DropAll && EngineDefault.Contains(name)) || guardrails.Add.Any(added => Normalise(added) is var n && (n == All || n == name));
}
