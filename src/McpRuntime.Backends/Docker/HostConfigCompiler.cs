using System.Globalization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>Guardrails as the engine's HostConfig of one container. Pure.</summary>
internal sealed class HostConfigCompiler(DockerOptions options)
{
    /// <summary>
    /// A resolver that never answers (TEST-NET-1). Engines before 23.0.11 and 25.0.5 forward a closed container's queries from the
    /// host's own namespace when the host's resolver is on loopback (CVE-2024-29018).
    /// </summary>
    private const string DeadResolver = "192.0.2.1";

    /// <param name="overStdio">What it writes to stdout are answers, secrets among them: the engine must keep none of it.</param>
    public HostConfig Of(RuntimeIdentity identity, DockerService service, string network, IReadOnlyList<DockerMount> mounts, bool overStdio = false)
    {
        var guardrails = service.Guardrails;
        var memory = MemoryQuantity.TryParse(guardrails.Resources.Memory, out var bytes, out _) ? bytes.Bytes : 0;
        return new HostConfig
        {
            NetworkMode = network,
            // We are the reconciler: an engine that restarts by itself would hide crashes and fight a stop.
            RestartPolicy = new RestartPolicy("no"),
            LogConfig = overStdio ? new LogConfig("none", null) : new LogConfig("json-file", new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["max-size"] = options.LogSize,
                ["max-file"] = options.LogFiles.ToString(CultureInfo.InvariantCulture),
            }),
            CapDrop = guardrails.Capabilities.DropAll ? ["ALL"] : (service.Compose?.CapDrop ?? []).Union(LinuxCapabilities.MustDrop(guardrails), StringComparer.Ordinal).ToList() is { Count: > 0 } dropped ? dropped : null,
            CapAdd = guardrails.Capabilities.Add.Count > 0 ? guardrails.Capabilities.Add : null,
            Dns = Egress.Of(guardrails.Network) is Egress.All ? null : [DeadResolver],
            IpcMode = "private",
            ReadonlyRootfs = guardrails.Filesystem.ReadOnlyRoot,
            Tmpfs = TmpfsOf(service),
            SecurityOpt = SecurityOpt(guardrails),
            NanoCpus = CpuQuantity.TryParse(guardrails.Resources.Cpu, out var cpu, out _) ? cpu.NanoCpus : 0,
            Memory = memory,
            // Equal: no swap. The default would be twice the memory.
            MemorySwap = memory,
            PidsLimit = guardrails.Resources.MaxPids,
            Init = service.Compose?.Init ?? true,
            Mounts = mounts.Count == 0 ? null : [.. mounts.Select(m => new Mount("volume", DockerNames.Volume(identity, m.Key), m.Path, m.ReadOnly))],
        };
    }

    /// <summary>In memory, counted against the service's own limit. What is there can't be run, whatever was asked.</summary>
    private SortedDictionary<string, string>? TmpfsOf(DockerService service)
    {
        var tmpfs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (service.Guardrails.Filesystem.ReadOnlyRoot)
        {
            tmpfs["/tmp"] = Options(options.TmpSize, mode: null);
        }

        foreach (var asked in service.Compose?.Tmpfs ?? [])
        {
            tmpfs[asked.Path.Value] = Options(asked.Size ?? options.TmpSize, asked.Mode);
        }

        return tmpfs.Count == 0 ? null : tmpfs;
    }

    private static string Options(long size, string? mode) =>
        string.Create(CultureInfo.InvariantCulture, $"rw,noexec,nosuid,nodev,size={size}{(mode is null ? "" : ",mode=" + mode)}");

    private string[]? SecurityOpt(GuardrailsConfig guardrails)
    {
        List<string> lines = [];
        if (guardrails.Process.NoNewPrivileges)
        {
            lines.Add("no-new-privileges:true");
        }

        // The engine's default is had by saying nothing; "unconfined" passes only where an admin's profile says it (admission).
        if (guardrails.Seccomp is { } seccomp && seccomp != DockerControls.DefaultSeccomp)
        {
            lines.Add($"seccomp={(seccomp == DockerControls.Unconfined ? seccomp : options.SeccompProfiles[seccomp])}");
        }

        // An engine without AppArmor takes the line and does nothing; one that has it but not the profile would not start the container.
        if (guardrails.Apparmor is { } apparmor && (apparmor == DockerControls.Unconfined || options.ApparmorProfiles.Contains(apparmor, StringComparer.Ordinal)))
        {
            lines.Add($"apparmor={apparmor}");
        }

        return lines.Count == 0 ? null : [.. lines];
    }
}
