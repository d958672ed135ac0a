using System.Net;
using System.Net.Sockets;
using McpRuntime.Core.Network;

namespace McpRuntime.Backends.Http;

/// <summary>
/// Connections to hosts that somebody else named (registries, repositories, catalogs, webhooks): only to public addresses, decided after
/// resolution and then connected to, so that no name can lead into our own network, nor change its mind in between.
/// </summary>
public static class PublicConnections
{
    /// <summary>A handler that follows no redirect, keeps no cookie and uses no proxy.</summary>
    /// <param name="allowed">RUNTIME_ALLOW_PRIVATE_ADDRESSES: networks that may be reached although private.</param>
    /// <param name="plainIsForAllowed">http reaches what is allowed and nothing else; elsewhere it has to be https.</param>
    /// <remarks>A refused address shows as an <see cref="HttpRequestException"/> that says so.</remarks>
    public static SocketsHttpHandler Handler(IReadOnlyList<IPNetwork> allowed, TimeSpan connectTimeout, bool plainIsForAllowed = false) => new()
    {
        UseCookies = false,
        UseProxy = false,
        AllowAutoRedirect = false,
        ConnectTimeout = connectTimeout,
        ConnectCallback = (context, ct) => ConnectAsync(context, allowed, plainIsForAllowed, ct),
    };

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, IReadOnlyList<IPNetwork> allowed, bool plainIsForAllowed, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, ct);
        if (addresses.Length == 0 || !addresses.All(address => PublicAddress.IsOrIsAllowed(address, allowed)))
        {
            throw new HttpRequestException($"{context.DnsEndPoint.Host} has an address that is not public (RUNTIME_ALLOW_PRIVATE_ADDRESSES allows some)");
        }

        if (plainIsForAllowed && context.InitialRequestMessage.RequestUri?.Scheme != Uri.UriSchemeHttps && !addresses.All(address => allowed.Any(network => network.Contains(address))))
        {
            throw new HttpRequestException($"{context.DnsEndPoint.Host} is asked for over http: https is required, but for addresses that RUNTIME_ALLOW_PRIVATE_ADDRESSES opens");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, context.DnsEndPoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
