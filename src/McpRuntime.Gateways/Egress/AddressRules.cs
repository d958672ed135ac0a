using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>Which resolved addresses the proxy may connect to. Asked after resolution, of the very address that is then connected to.</summary>
/// <param name="allowed">Private networks an admin opened on purpose.</param>
/// <param name="denied">Networks closed whatever else is said: the pool the runtimes live in.</param>
internal sealed class AddressRules(IReadOnlyList<IPNetwork> allowed, IReadOnlyList<IPNetwork> denied, INetworkView networks)
{
    // IANA special-purpose registry (RFC 6890 and its updates): everything not globally reachable.
    private static readonly IPNetwork[] SpecialV4 = Parse(
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        // Looks public, yet is a cloud's own agent on every machine there.
        "168.63.129.16/32");

    // Outside 2000::/3 nothing is global unicast: loopback, mapped, NAT64, ULA, link-local, multicast all fall there.
    private static readonly IPNetwork GlobalV6 = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork[] SpecialV6 = Parse(
        // IETF protocol assignments, Teredo among them: carries an IPv4 address inside.
        "2001::/23",
        "2001:db8::/32",
        // 6to4: carries an IPv4 address inside.
        "2002::/16",
        "3fff::/20");

    public bool MayReach(IPAddress address)
    {
        // Never unmapped and looked at again: no honest name resolves to a mapped address.
        if (address.IsIPv4MappedToIPv6 || address.ScopeIdOrZero() != 0)
        {
            return false;
        }

        var snapshot = networks.Current();
        // Closed networks stay closed even where an admin allowed the range around them: a sibling is no destination.
        if (snapshot.IsOwn(address) || snapshot.InnerOf(address) is not null || Contains(denied, address))
        {
            return false;
        }

        return Contains(allowed, address) || IsPublic(address);
    }

    public static bool IsPublic(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => !Contains(SpecialV4, address),
        AddressFamily.InterNetworkV6 => GlobalV6.Contains(address) && !Contains(SpecialV6, address),
        _ => false,
    };

    private static bool Contains(IReadOnlyList<IPNetwork> networks, IPAddress address)
    {
        for (var i = 0; i < networks.Count; i++)
        {
            if (networks[i].Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private static IPNetwork[] Parse(params string[] networks) => [.. networks.Select(n => IPNetwork.Parse(n))];
}

internal static class AddressExtensions
{
    public static long ScopeIdOrZero(this IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
}
