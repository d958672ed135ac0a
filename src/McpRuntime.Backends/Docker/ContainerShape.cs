using System.Globalization;
using System.Text;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// The fields of a container that we set, or whose being set by somebody else would open it; canonical, so that what was asked and
/// what is live can be compared. Update and drift are then the same case.
/// </summary>
internal sealed record ContainerShape(IReadOnlyList<KeyValuePair<string, string>> Fields)
{
    /// <summary>Fields that a live container can be brought back from without replacing it.</summary>
    public static readonly IReadOnlySet<string> Editable = new HashSet<string>(StringComparer.Ordinal)
    {
        "HostConfig.NanoCpus", "HostConfig.Memory", "HostConfig.MemorySwap", "HostConfig.PidsLimit", "HostConfig.RestartPolicy", "State.Paused", "NetworkSettings.Networks", "NetworkSettings.Aliases",
    };

    public string Fingerprint(KeyedHash hash) => hash.Of(Canonical(Fields))[..32];

    /// <summary><c>field:hash</c> by field: enough to name what changed, too little to guess a value from (keyed).</summary>
    public string Legend(KeyedHash hash) => string.Join(',', Fields.Select(f => $"{f.Key}:{hash.Short(Canonical([f]), 6)}"));

    /// <summary>Names of the fields that differ from a legend; empty when there is none to compare with.</summary>
    public IReadOnlyList<string> DifferingFrom(string? legend, KeyedHash hash)
    {
        if (legend is null)
        {
            return [];
        }

        var then = legend.Split(',').ToHashSet(StringComparer.Ordinal);
        return [.. Legend(hash).Split(',').Where(now => !then.Contains(now)).Select(now => now[..now.IndexOf(':', StringComparison.Ordinal)])];
    }

    public IReadOnlyList<string> DifferingFrom(ContainerShape other) =>
        [.. Fields.Except(other.Fields).Concat(other.Fields.Except(Fields)).Select(f => f.Key).Distinct(StringComparer.Ordinal)];

    /// <summary>What a container made by <paramref name="create"/> will show: the engine merges the image's own settings under ours.</summary>
    public static ContainerShape Asked(ContainerCreate create, ImageFacts image, IReadOnlyList<string> networks, string? alias = null) => Of(
        create.Image,
        create.User is { Length: > 0 } user ? user : image.User,
        Merge(image.Environment, create.Env ?? []),
        create.Entrypoint ?? image.Entrypoint,
        // An entrypoint of our own does away with the image's command.
        create.Cmd ?? (create.Entrypoint is null ? image.Command : []),
        create.Labels,
        create.HostConfig,
        networks,
        alias is null ? [] : networks.Select(n => $"{n}:{alias}"),
        (create.HostConfig.Mounts ?? []).Select(m => $"{m.Type}:{m.Source}:{m.Target}:{(m.ReadOnly ? "ro" : "rw")}"),
        paused: false,
        create.OpenStdin);

    /// <param name="engine">What it says it cannot hold is read from the label, since it has no field to read.</param>
    public static ContainerShape Live(ContainerInspect live, EngineInfo engine) => Of(
        live.Config.Image ?? "",
        live.Config.User ?? "",
        Merge([], live.Config.Env ?? []),
        live.Config.Entrypoint ?? [],
        live.Config.Cmd ?? [],
        live.Config.Labels,
        LimitsLabel.Apply(live.HostConfig, live.Config.Labels, engine),
        live.NetworkSettings?.Networks?.Keys ?? [],
        AliasesOf(live),
        (live.Mounts ?? []).Select(m => $"{m.Type}:{(m.Type == "volume" ? m.Name : m.Source)}:{m.Destination}:{(m.Writable ? "rw" : "ro")}"),
        live.State.Paused,
        live.Config.OpenStdin);

    private static ContainerShape Of(
        string image,
        string user,
        IEnumerable<KeyValuePair<string, string>> environment,
        IReadOnlyList<string> entrypoint,
        IReadOnlyList<string> command,
        IReadOnlyDictionary<string, string>? labels,
        HostConfig host,
        IEnumerable<string> networks,
        IEnumerable<string> aliases,
        IEnumerable<string> mounts,
        bool paused,
        bool stdin) => new(
    [
        new("Config.Image", image),
        new("Config.User", user),
        new("Config.Env", Canonical(environment)),
        new("Config.Entrypoint", List(entrypoint)),
        new("Config.Cmd", List(command)),
        new("Config.Labels.restart", Label(labels, DockerNames.Restart)),
        new("Config.Labels.port", Label(labels, DockerNames.Port)),
        new("HostConfig.NetworkMode", host.NetworkMode ?? ""),
        new("HostConfig.RestartPolicy", host.RestartPolicy?.Name is { Length: > 0 } policy ? policy : "no"),
        new("HostConfig.LogConfig", $"{host.LogConfig?.Type} {Map(host.LogConfig?.Config)}"),
        new("HostConfig.CapAdd", Capabilities(host.CapAdd)),
        new("HostConfig.CapDrop", Capabilities(host.CapDrop)),
        new("HostConfig.Dns", List(host.Dns ?? [])),
        new("HostConfig.ExtraHosts", List(host.ExtraHosts ?? [])),
        new("HostConfig.IpcMode", host.IpcMode ?? ""),
        new("HostConfig.PidMode", host.PidMode ?? ""),
        new("HostConfig.UTSMode", host.UtsMode ?? ""),
        new("HostConfig.UsernsMode", host.UsernsMode ?? ""),
        new("HostConfig.CgroupParent", host.CgroupParent ?? ""),
        new("HostConfig.Privileged", Flag(host.Privileged)),
        new("HostConfig.PublishAllPorts", Flag(host.PublishAllPorts)),
        new("HostConfig.PortBindings", List([.. (host.PortBindings?.Keys ?? []).Order(StringComparer.Ordinal)])),
        new("HostConfig.Devices", DockerNames.Text(host.Devices?.Count ?? 0)),
        new("HostConfig.DeviceRequests", DockerNames.Text(host.DeviceRequests?.Count ?? 0)),
        new("HostConfig.DeviceCgroupRules", List(host.DeviceCgroupRules ?? [])),
        new("HostConfig.GroupAdd", List(host.GroupAdd ?? [])),
        new("HostConfig.OomKillDisable", Flag(host.OomKillDisable ?? false)),
        new("HostConfig.MaskedPaths", Flag(host.MaskedPaths is not { Count: 0 })),
        new("HostConfig.ReadonlyPaths", Flag(host.ReadonlyPaths is not { Count: 0 })),
        new("HostConfig.Binds", List(host.Binds ?? [])),
        new("HostConfig.VolumesFrom", List(host.VolumesFrom ?? [])),
        new("HostConfig.Sysctls", Map(host.Sysctls)),
        new("HostConfig.ReadonlyRootfs", Flag(host.ReadonlyRootfs)),
        new("HostConfig.SecurityOpt", List([.. (host.SecurityOpt ?? []).Order(StringComparer.Ordinal)])),
        new("HostConfig.Tmpfs", Map(host.Tmpfs)),
        new("HostConfig.NanoCpus", DockerNames.Text(host.NanoCpus)),
        new("HostConfig.Memory", DockerNames.Text(host.Memory)),
        new("HostConfig.MemorySwap", DockerNames.Text(host.MemorySwap)),
        new("HostConfig.PidsLimit", DockerNames.Text(host.PidsLimit is > 0 and var pids ? pids : 0)),
        new("HostConfig.Init", Flag(host.Init ?? false)),
        new("Mounts", List([.. mounts.Order(StringComparer.Ordinal)])),
        new("NetworkSettings.Networks", List([.. networks.Order(StringComparer.Ordinal)])),
        new("State.Paused", Flag(paused)),
        .. OfService(labels, [.. aliases.Order(StringComparer.Ordinal)]),

        // Named only where it is: no container of another kind is made anew for it.
        .. stdin ? [new KeyValuePair<string, string>("Config.OpenStdin", Flag(value: true))] : Array.Empty<KeyValuePair<string, string>>(),
    ]);

    /// <summary>Only what is there: a container without a service keeps the fingerprint that it always had.</summary>
    private static IEnumerable<KeyValuePair<string, string>> OfService(IReadOnlyDictionary<string, string>? labels, string[] aliases)
    {
        if (aliases.Length > 0)
        {
            yield return new("NetworkSettings.Aliases", List(aliases));
        }

        foreach (var label in new[] { DockerNames.Service, DockerNames.Fixed, DockerNames.Ends })
        {
            if (Label(labels, label) is { Length: > 0 } value)
            {
                yield return new("Config.Labels." + label[(label.IndexOf('/', StringComparison.Ordinal) + 1)..], value);
            }
        }
    }

    /// <summary>The engine adds the container's own short id.</summary>
    private static IEnumerable<string> AliasesOf(ContainerInspect live) =>
        (live.NetworkSettings?.Networks ?? new Dictionary<string, EndpointSettings>(StringComparer.Ordinal))
            .SelectMany(n => (n.Value.Aliases ?? []).Where(a => !(a.Length == 12 && live.Id.StartsWith(a, StringComparison.Ordinal))).Select(a => $"{n.Key}:{a}"));

    /// <summary>As the engine merges: ours over the image's, the last of a name wins.</summary>
    private static SortedDictionary<string, string> Merge(IEnumerable<string> under, IEnumerable<string> over)
    {
        var merged = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in under.Concat(over))
        {
            var at = entry.IndexOf('=', StringComparison.Ordinal);
            merged[at < 0 ? entry : entry[..at]] = at < 0 ? "" : entry[(at + 1)..];
        }

        return merged;
    }

    /// <summary>Lengths before values, so that no value can pretend to be two.</summary>
    private static string Canonical(IEnumerable<KeyValuePair<string, string>> fields)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in fields)
        {
            text.Append(CultureInfo.InvariantCulture, $"{key.Length}:{key}={value.Length}:{value};");
        }

        return text.ToString();
    }

    private static string List(IReadOnlyList<string> items) => Canonical(items.Select(i => KeyValuePair.Create("", i)));

    private static string Map(IReadOnlyDictionary<string, string>? map) => Canonical((map ?? new Dictionary<string, string>(StringComparer.Ordinal)).OrderBy(m => m.Key, StringComparer.Ordinal));

    /// <summary>With or without <c>CAP_</c>, in any order: engines differ in how they write them back.</summary>
    private static string Capabilities(IReadOnlyList<string>? names) => List([.. (names ?? []).Select(Plain).Order(StringComparer.Ordinal)]);

    private static string Plain(string capability) =>
        capability.ToUpperInvariant() is var upper && upper.StartsWith("CAP_", StringComparison.Ordinal) ? upper["CAP_".Length..] : upper;

    private static string Label(IReadOnlyDictionary<string, string>? labels, string key) => labels?.GetValueOrDefault(key) ?? "";

    private static string Flag(bool value) => value ? "true" : "false";
}
