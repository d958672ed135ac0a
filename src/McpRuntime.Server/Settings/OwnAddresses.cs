using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using McpRuntime.Core.Network;

namespace McpRuntime.Server.Settings;

/// <summary>The public addresses of this host, which a listed name may be made to lead to; private ones the guard refuses by itself.</summary>
internal static class OwnAddresses
{
    public static IReadOnlyList<string> Networks() =>
        Of(NetworkInterface.GetAllNetworkInterfaces().SelectMany(card => card.GetIPProperties().UnicastAddresses).Select(address => address.Address));

    /// <summary>Of IPv6 the whole /64: the host's part of it changes daily where it is private, and the guard would be made anew each time.</summary>
    internal static IReadOnlyList<string> Of(IEnumerable<IPAddress> addresses) =>
    [
        .. addresses
            .Where(PublicAddress.Is)
            .Select(address => address.AddressFamily == AddressFamily.InterNetwork ? $"{address}/32" : $"{new IPAddress([.. address.GetAddressBytes()[..8], .. new byte[8]])}/64")
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];
}
