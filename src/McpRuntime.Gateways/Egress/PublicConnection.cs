using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>
/// Connects to a host that somebody named: resolved once, judged, and connected to, so that what the name resolves to a moment later
/// is never asked. For <see cref="SocketsHttpHandler.ConnectCallback"/>, without a proxy and without redirects followed by the handler.
/// </summary>
public static class PublicConnection
{
    /// <param name="may">Which of the addresses may be connected to.</param>
    /// <param name="refusal">Said when none may: what the host is, and what setting would open it.</param>
    /// <exception cref="IOException">None may.</exception>
    public static async ValueTask<Stream> OpenAsync(DnsEndPoint endpoint, Func<IPAddress, bool> may, string refusal, CancellationToken ct)
    {
        var addresses = (await Dns.GetHostAddressesAsync(endpoint.Host, ct)).Where(may).ToArray();
        if (addresses.Length == 0)
        {
            throw new IOException($"{endpoint.Host} {refusal}");
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, endpoint.Port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
