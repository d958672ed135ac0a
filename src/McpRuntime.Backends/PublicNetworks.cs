using System.Net;

namespace McpRuntime.Backends;

/// <summary>What is not the open internet: loopback, private, link-local (cloud metadata), shared, documentation, multicast.</summary>
internal static class PublicNetworks
{
    // IANA's special-purpose registries, and a cloud's own agent that looks public.
    private static readonly IPNetwork[] Private =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3", "::/127", "64:ff9b::/96", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8",
        }.Select(IPNetwork.Parse),
    ];

    /// <summary>Asked after resolution, of the very address that is then connected to.</summary>
    /// <param name="allowed">Private networks an admin opened on purpose.</param>
    public static bool MayReach(IPAddress address, IReadOnlyList<IPNetwork> allowed)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return allowed.Any(n => n.Contains(plain)) || !Private.Any(n => n.Contains(plain));
    }
}
