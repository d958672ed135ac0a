using System.Text.Json;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>
/// What one source network may reach. No policy for a network: nothing passes.
/// Policies are keyed by the network they came in on, because that is the one thing a container cannot choose.
/// </summary>
/// <param name="Id">The network's name on the backend; also the last part of <c>/policies/{id}</c>.</param>
/// <param name="Network">The source network as CIDR, <c>10.201.0.16/28</c>.</param>
/// <param name="AllowedHosts"><c>host</c>, <c>*.host</c>, <c>host:port</c>; without a port 443 and 80.</param>
/// <param name="Strict">A tunnel must be TLS whose server name is readable and equals the CONNECT host.</param>
/// <param name="Record">The record it belongs to; only told back, in refusals.</param>
public sealed record GuardPolicy(string Id, string Network, IReadOnlyList<string> AllowedHosts, bool Strict = true, string? Record = null);

public sealed record GuardPolicyList(IReadOnlyList<GuardPolicy> Policies);

/// <summary>One thing that was asked for and refused, merged while it repeats.</summary>
/// <param name="Seq">Rises with every change of the entry, across all networks; <c>?after=</c> takes the last one seen.</param>
/// <param name="Network">The source network, or the bare source address when it is in none of ours.</param>
/// <param name="Reason">One CamelCase word: <c>HostNotAllowed</c>, <c>AddressForbidden</c>.</param>
public sealed record GuardRefusal(
    long Seq,
    string Network,
    string? Record,
    string Host,
    int Port,
    string Reason,
    long Count,
    DateTimeOffset FirstAt,
    DateTimeOffset LastAt);

/// <param name="Epoch">Another one means that the guard was started again and its numbers with it.</param>
public sealed record GuardRefusalPage(string Epoch, long Last, IReadOnlyList<GuardRefusal> Refusals);

/// <summary>Since the guard's start.</summary>
public sealed record GuardTraffic(string Network, string? Record, long Allowed, long Denied, int Open);

public sealed record GuardTrafficList(string Epoch, IReadOnlyList<GuardTraffic> Networks);

/// <param name="Trouble">What an operator should know, in plain words; null when all is well.</param>
public sealed record GuardHealth(string Status, string Version, string Epoch, int Policies, int InnerNetworks, int Relayed, int Proxied, string? Trouble);

/// <summary>The one way both sides write and read these records.</summary>
public static class GuardJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Skip,
    };
}

/// <summary>The ports the guard listens on inside its container.</summary>
public static class GuardPorts
{
    public const int Proxy = 3128;
    public const int Relay = 8610;
    public const int Control = 8611;
}
