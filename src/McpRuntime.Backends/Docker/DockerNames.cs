using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>Every name and label we give to anything on an engine. All derive from the record's id.</summary>
internal static class DockerNames
{
    public const string Instance = "dev.mcpruntime/instance";
    public const string Record = "dev.mcpruntime/record";
    public const string ResourceLabel = "dev.mcpruntime/resource";

    /// <summary>Part of the fingerprint: a restart is another container.</summary>
    public const string Restart = "dev.mcpruntime/restart";

    /// <summary>The endpoint's port, read back for the address.</summary>
    public const string Port = "dev.mcpruntime/port";

    /// <summary>The value of <see cref="Port"/> on a server that is reached by its stdin and stdout.</summary>
    public const int NoPort = 0;

    /// <summary>The service of a compose file that a container is.</summary>
    public const string Service = "dev.mcpruntime/service";

    /// <summary>A short hash of what can't be edited on a live container.</summary>
    public const string Fixed = "dev.mcpruntime/fixed";

    /// <summary>Ending with 0 is as good as running, or what is waited for; absent: it is kept up.</summary>
    public const string Ends = "dev.mcpruntime/ends";

    public const string EndsMay = "may";

    public const string EndsMust = "must";

    /// <summary>Of a volume: where it is mounted, or its name in the compose file.</summary>
    public const string MountPath = "dev.mcpruntime/path";

    /// <summary>Short hashes by field, to name the field that drifted. Never decides whether anything did.</summary>
    public const string Shape = "dev.mcpruntime/shape";

    /// <summary>Limits as asked, read only where /info says that the engine has no field to hold them.</summary>
    public const string Limits = "dev.mcpruntime/limits";

    /// <summary>What every container gets, empty where it does not apply: an image may carry labels of these names, and they must not speak for it.</summary>
    public static readonly IReadOnlyList<string> OfContainers = [Restart, Port, Service, Fixed, Ends, Limits];

    /// <summary>Every name of this runtime begins so; ten characters of the record's id.</summary>
    public static string Prefix(RuntimeIdentity id) => $"mcp-{id.Short}-";

    /// <summary>Whether a live thing that is said to be of a record has a name that we would give it.</summary>
    public static bool IsNameOf(string recordId, string name) =>
        recordId.Length >= ShortLength && name.StartsWith(Prefix(new RuntimeIdentity("", recordId)), StringComparison.Ordinal);

    private const int ShortLength = 10;

    public static string Container(RuntimeIdentity id, string fingerprint) => Prefix(id) + fingerprint[..8];

    /// <param name="way"><see cref="WayOut.NameOf"/>: networks that let out different things are different networks.</param>
    /// <param name="name">The compose file's own; null for the one on which the endpoint is.</param>
    public static string Network(RuntimeIdentity id, string way, string? name) => Prefix(id) + NetworkPart + way + (name is null ? "" : "-" + Digest(name)[..8]);

    /// <summary>The guard's place in a network, and what it lets out of there, are named after it.</summary>
    public static string GuardLink(string network) => Renamed(network, NetworkPart, LinkPart);

    public static string GuardPolicy(string network) => Renamed(network, NetworkPart, PolicyPart);

    public static string NetworkOfLink(string link) => Renamed(link, LinkPart, NetworkPart);

    public static string NetworkOfPolicy(string policy) => Renamed(policy, PolicyPart, NetworkPart);

    /// <summary>The <see cref="WayOut.NameOf"/> in a network's name.</summary>
    public static string WayOf(string network) => network[(network.LastIndexOf(NetworkPart, StringComparison.Ordinal) + NetworkPart.Length)..].Split('-')[0];

    private const string NetworkPart = "net-";
    private const string LinkPart = "link-";
    private const string PolicyPart = "policy-";

    public static string Volume(RuntimeIdentity id, string key) => Prefix(id) + "vol-" + Digest(key)[..8];

    public static string Image(string pin) => "image-" + ImageFingerprint(pin)[..8];

    public static string ImageFingerprint(string pin) => Digest("image\n" + pin);

    /// <summary>
    /// The tag that ties an image to a record: images cannot be labelled after the fact. <c>-kept</c> marks one that was on the
    /// engine before us and stays when we go.
    /// </summary>
    public static string ImageRepository(RuntimeIdentity id) => $"{ImageRepositories(id.InstanceId)}/{id.RecordId}";

    public static string ImageRepositories(string instanceId) => $"mcpruntime/{Digest(instanceId)[..12]}";

    public static string ImageTag(string pin, bool kept) => ImageFingerprint(pin)[..8] + (kept ? KeptSuffix : "");

    public const string KeptSuffix = "-kept";

    /// <summary>Plain: for what holds no secret.</summary>
    public static string Digest(string canonical) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(canonical)))[..32];

    public static Dictionary<string, string> Labels(RuntimeIdentity id, string resource) => new(StringComparer.Ordinal)
    {
        [Instance] = id.InstanceId,
        [Record] = id.RecordId,
        [ResourceLabel] = resource,
    };

    public static bool IsOurs(RuntimeIdentity id, IReadOnlyDictionary<string, string>? labels) =>
        labels is not null
        && labels.TryGetValue(Instance, out var instance) && instance == id.InstanceId
        && labels.TryGetValue(Record, out var record) && record == id.RecordId;

    private static string Renamed(string name, string from, string to) =>
        name.LastIndexOf(from, StringComparison.Ordinal) is >= 0 and var at ? string.Concat(name.AsSpan(0, at), to, name.AsSpan(at + from.Length)) : name;

    /// <summary>Null: the container is no service of a compose file.</summary>
    public static string? ServiceOf(IReadOnlyDictionary<string, string>? labels) => labels?.GetValueOrDefault(Service) is { Length: > 0 } service ? service : null;

    public static string Filter(string label, string value) => $"{label}={value}";

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);
}
