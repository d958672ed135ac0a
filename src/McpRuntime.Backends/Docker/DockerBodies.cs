using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <param name="Pin"><c>repo@sha256:…</c> or an image id.</param>
/// <param name="TeamId">Whose registry credentials may be used.</param>
internal sealed record ImageBody(string Pin, string? TeamId) : ResourceBody;

/// <param name="Closed">Internal, and without an address of the host's: nothing but the guard reaches it, and it reaches nothing but the guard.</param>
/// <param name="Shared">Several services of one runtime are on it, and reach one another. Nobody else's are.</param>
internal sealed record NetworkBody(bool Closed, bool Shared = false) : ResourceBody
{
    public NetworkShape Shape => Closed
        // ICC stays on: the guard is a neighbour on this bridge, and with it off the engine drops its packets too (seen on 20.10).
        ? new NetworkShape("bridge", Internal: true, Ipv6: false, new SortedDictionary<string, string>(StringComparer.Ordinal) { [InhibitIpv4] = "true" })
        : new NetworkShape("bridge", Internal: false, Ipv6: false, new SortedDictionary<string, string>(StringComparer.Ordinal) { [EnableIcc] = Shared ? "true" : "false" });

    private const string InhibitIpv4 = "com.docker.network.bridge.inhibit_ipv4";
    private const string EnableIcc = "com.docker.network.bridge.enable_icc";
}

/// <summary>What of a network is compared. Not its subnet, which is chosen when it is made.</summary>
internal sealed record NetworkShape(string Driver, bool Internal, bool Ipv6, IReadOnlyDictionary<string, string> Options)
{
    public string Fingerprint => DockerNames.Digest(
        $"network\n{Driver}\n{Internal}\n{Ipv6}\n{string.Join('\n', Options.OrderBy(o => o.Key, StringComparer.Ordinal).Select(o => $"{o.Key}={o.Value}"))}");

    public static NetworkShape Of(NetworkInspect live) => new(
        live.Driver ?? "", live.Internal, live.EnableIpv6, live.Options ?? new Dictionary<string, string>(StringComparer.Ordinal));
}

/// <param name="Path">Where it is mounted; of a compose file's volume, its name there.</param>
internal sealed record VolumeBody(string Path) : ResourceBody
{
    public static string Fingerprint(string driver, string path) => DockerNames.Digest($"volume\n{driver}\n{path}");
}

internal sealed record GuardLinkBody(string Network) : ResourceBody
{
    /// <param name="named">The guard answers there to the name that the proxy variables give.</param>
    public static string Fingerprint(string network, bool named = true) => DockerNames.Digest($"link\n{network}{(named ? "" : "\nnameless")}");
}

/// <summary>What the guard lets out of one network.</summary>
internal sealed record GuardPolicyBody(string Network, WayOut Way, string Record) : ResourceBody
{
    public string Fingerprint => Of(Network, Way, Record);

    /// <param name="subnet">The live network's; a policy for another one lets nothing out of this.</param>
    public static string Live(GuardPolicy policy, string? subnet) => policy.Network == subnet
        ? Of(policy.Id, new WayOut(policy.AllowedHosts, policy.Strict), policy.Record ?? "")
        : DockerNames.Digest($"policy\n{policy.Id}\nfor {policy.Network}");

    private static string Of(string network, WayOut way, string record) => DockerNames.Digest($"policy\n{network}\n{record}\n{way.Canonical}");
}

/// <summary>A container to be, with the shape it must show when read back. Holds secrets.</summary>
/// <param name="Networks">The first is the one it is made on; it is connected to the others before it starts.</param>
internal sealed record ContainerBody(ContainerCreate Create, IReadOnlyList<string> Networks, ContainerShape Shape) : ResourceBody
{
    /// <summary>The name under which its neighbours find it; null: it has none.</summary>
    public string? Alias { get; init; }

    /// <summary>The image's own user is a name, whose number only its /etc/passwd tells: looked at before the first start.</summary>
    public bool MustNotBeRoot { get; init; }
}
