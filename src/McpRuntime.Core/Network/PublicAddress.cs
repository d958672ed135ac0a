using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Core.Network;

/// <summary>
/// The one list of what is not the open internet, for whatever of ours connects to an address that somebody else named: the egress
/// proxy, catalogs, repositories, registries, webhooks. Asked after resolution, of the very address that is then connected to.
/// </summary>
public static class PublicAddress
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

    /// <summary>False for a mapped address too: no honest name resolves to one.</summary>
    public static bool Is(IPAddress address) => address.AddressFamily switch
    {
        AddressFamily.InterNetwork => !IsIn(SpecialV4, address),
        AddressFamily.InterNetworkV6 => GlobalV6.Contains(address) && !IsIn(SpecialV6, address),
        _ => false,
    };

    /// <summary>Public, or in a network that an admin opened on purpose (RUNTIME_ALLOW_PRIVATE_ADDRESSES).</summary>
    public static bool IsOrIsAllowed(IPAddress address, IReadOnlyList<IPNetwork> allowed) => Is(address) || IsIn(allowed, address);

    public static bool IsIn(IReadOnlyList<IPNetwork> networks, IPAddress address)
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
