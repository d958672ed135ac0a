using System.Net;
using System.Net.Sockets;
using McpRuntime.Core.Network;

namespace McpRuntime.Gateways.Egress;

/// <summary>Which resolved addresses the proxy may connect to. Asked after resolution, of the very address that is then connected to.</summary>
/// <param name="allowed">Private networks an admin opened on purpose.</param>
/// <param name="denied">Networks closed whatever else is said: the pool the runtimes live in.</param>
internal sealed class AddressRules(IReadOnlyList<IPNetwork> allowed, IReadOnlyList<IPNetwork> denied, INetworkView networks)
{
    public bool MayReach(IPAddress address)
    {
        // Never unmapped and looked at again: no honest name resolves to a mapped address.
        if (address.IsIPv4MappedToIPv6 || address.ScopeIdOrZero() != 0)
        {
            return false;
        }

        var snapshot = networks.Current();
        // Closed networks stay closed even where an admin allowed the range around them: a sibling is no destination.
        if (snapshot.IsOwn(address) || snapshot.InnerOf(address) is not null || PublicAddress.IsIn(denied, address))
        {
            return false;
        }

        return PublicAddress.IsOrIsAllowed(address, allowed);
    }
}

internal static class AddressExtensions
{
    public static long ScopeIdOrZero(this IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6 ? address.ScopeId : 0;
}
