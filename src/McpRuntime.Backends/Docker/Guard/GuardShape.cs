using System.Globalization;
using McpRuntime.Backends.Docker.Wire;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>
/// The guard's container as asked for, and the projection both it and the live one are compared by: field by field, over what we
/// set, read from the live object itself.
/// </summary>
internal static class GuardShape
{
    public const string StateFolder = "/state";
    public const string OwnFolder = "guard";
    private const string TokenLabel = "dev.mcpruntime/token";

    public static Dictionary<string, string> Labels(string instance) => new(StringComparer.Ordinal)
    {
        [DockerNames.Instance] = instance,
        [DockerNames.ResourceLabel] = "guard",
    };

    public static bool IsOurs(string instance, IReadOnlyDictionary<string, string>? labels) =>
        labels?.GetValueOrDefault(DockerNames.Instance) == instance && labels.GetValueOrDefault(DockerNames.ResourceLabel) == "guard";

    public static bool IsOfInstance(string instance, IReadOnlyDictionary<string, string>? labels) => labels?.GetValueOrDefault(DockerNames.Instance) == instance;

    public static string[] Subnets(NetworkInspect network) => [.. (network.Ipam?.Config ?? []).Select(c => c.Subnet).OfType<string>()];

    /// <param name="tokenMark">Tells one token from another without telling either: the file that holds it can't be compared.</param>
    public static ContainerCreate Container(GuardOptions options, string instance, string imageId, string outerNetwork, string tokenMark) => new()
    {
        Image = imageId,
        Cmd = ["guard"],
        User = options.User,
        Env = Environment(options),
        Labels = new Dictionary<string, string>(Labels(instance), StringComparer.Ordinal) { [TokenLabel] = tokenMark },
        HostConfig = new HostConfig
        {
            NetworkMode = outerNetwork,
            // The one container the engine itself restarts: it must go on while we are away, and after the engine's own restart.
            RestartPolicy = new RestartPolicy("always"),
            ReadonlyRootfs = true,
            CapDrop = ["ALL"],
            SecurityOpt = ["no-new-privileges"],
            Memory = options.Memory,
            MemorySwap = options.Memory,
            PidsLimit = options.Pids,
            IpcMode = "private",
            Dns = options.Dns.Count == 0 ? null : options.Dns,
            Sysctls = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                // It stands in many networks and must be a router in none of them.
                ["net.ipv4.ip_forward"] = "0",
                // An address of ours is answered for on its own network only.
                ["net.ipv4.conf.all.arp_ignore"] = "1",
                ["net.ipv4.conf.all.rp_filter"] = "1",
            },
            // Anonymous, so that it goes with the container: the policies in it must survive a restart, not the guard itself.
            Mounts = [new Mount("volume", null, StateFolder)],
            LogConfig = new LogConfig("json-file", new Dictionary<string, string>(StringComparer.Ordinal) { ["max-size"] = "5m", ["max-file"] = "2" }),
            PortBindings = options.PublishOn is null ? null : new Dictionary<string, IReadOnlyList<PortBinding>?>(StringComparer.Ordinal)
            {
                [$"{GuardPorts.Relay}/tcp"] = [new PortBinding(options.PublishAddress, Text(options.PublishedRelayPort))],
                [$"{GuardPorts.Control}/tcp"] = [new PortBinding(options.PublishAddress, Text(options.PublishedControlPort))],
            },
        },
    };

    /// <summary>The first field in which the live container is not the one asked for; null when it is.</summary>
    /// <param name="imageKnown">False: the image's name leads nowhere at present, which says nothing against the one that runs.</param>
    public static string? DifferingField(ContainerCreate wanted, ContainerInspect live, bool imageKnown)
    {
        var seen = new ContainerCreate
        {
            Image = live.Image ?? "",
            Cmd = live.Config.Cmd,
            User = live.Config.User,
            Env = live.Config.Env,
            Labels = live.Config.Labels,
            HostConfig = live.HostConfig,
        };
        foreach (var ((field, asked), (_, found)) in Project(wanted).Zip(Project(seen)))
        {
            if (asked != found && (imageKnown || field != "Image"))
            {
                return field;
            }
        }

        // The image's own variables are behind ours; ours must all be there.
        return (wanted.Env ?? []).Except(seen.Env ?? [], StringComparer.Ordinal).Any() ? "Config.Env" : null;
    }

    private static IEnumerable<(string Field, string Value)> Project(ContainerCreate c)
    {
        var host = c.HostConfig;
        return
        [
            ("Image", c.Image),
            ("Config.Cmd", List(c.Cmd)),
            ("Config.User", c.User ?? ""),
            ("Config.Labels", string.Join(',', new[] { DockerNames.Instance, DockerNames.ResourceLabel, TokenLabel }.Select(l => c.Labels?.GetValueOrDefault(l)))),
            ("HostConfig.NetworkMode", host.NetworkMode ?? ""),
            ("HostConfig.RestartPolicy", host.RestartPolicy?.Name ?? ""),
            ("HostConfig.Privileged", host.Privileged.ToString()),
            ("HostConfig.ReadonlyRootfs", host.ReadonlyRootfs.ToString()),
            ("HostConfig.CapDrop", List(host.CapDrop)),
            ("HostConfig.CapAdd", List(host.CapAdd)),
            ("HostConfig.SecurityOpt", List(host.SecurityOpt)),
            ("HostConfig.Memory", Text(host.Memory)),
            ("HostConfig.MemorySwap", Text(host.MemorySwap)),
            ("HostConfig.PidsLimit", Text(host.PidsLimit ?? 0)),
            ("HostConfig.PidMode", host.PidMode ?? ""),
            ("HostConfig.Dns", string.Join(' ', host.Dns ?? [])),
            ("HostConfig.ExtraHosts", List(host.ExtraHosts)),
            ("HostConfig.Binds", List(host.Binds)),
            ("HostConfig.Sysctls", Map(host.Sysctls)),
            ("HostConfig.Mounts", List(host.Mounts?.Select(m => $"{m.Type}:{m.Source}:{m.Target}:{m.ReadOnly}"))),
            ("HostConfig.PortBindings", List(host.PortBindings?.Where(p => p.Value is not null).Select(p => $"{p.Key}={List(p.Value!.Select(b => $"{b.HostIp}:{b.HostPort}"))}"))),
        ];
    }

    private static string[] Environment(GuardOptions options)
    {
        List<string> variables =
        [
            $"GUARD_TOKEN_FILE={StateFolder}/{OwnFolder}/token",
            $"GUARD_STATE_DIR={StateFolder}/{OwnFolder}",
            "DOTNET_EnableDiagnostics=0",
            // One heap, not one a core: it has 256 MiB in all.
            "DOTNET_gcServer=0",
            // What arrives is passed on by the thread that saw it arrive, which saves each exchange two hand-overs (measured by `make bench`).
            // Nothing in the data path blocks: names are looked up, and policies written, elsewhere.
            "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS=1",
        ];
        if (options.Deny.Count > 0)
        {
            variables.Add("GUARD_DENY=" + string.Join(',', options.Deny));
        }

        if (options.AllowPrivate.Count > 0)
        {
            variables.Add("GUARD_ALLOW_PRIVATE=" + string.Join(',', options.AllowPrivate));
        }

        return [.. variables];
    }

    private static string List(IEnumerable<string>? values) => string.Join(' ', (values ?? []).Order(StringComparer.Ordinal));

    private static string Map(IReadOnlyDictionary<string, string>? map) => List(map?.Select(m => $"{m.Key}={m.Value}"));

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
