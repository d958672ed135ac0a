using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Stdio;

namespace McpRuntime.Gateways.Upstream;

/// <summary>
/// The one way to a running server, for clients' calls and for probes alike: pooled connections, direct or through the guard's relay, or
/// the bridge to one that speaks over stdin and stdout.
/// It follows no redirect, keeps no cookie, uses no proxy of the environment, and adds no header.
/// </summary>
/// <remarks>One pool a relay; within it the handler keeps connections apart by scheme, host and port.</remarks>
internal sealed class UpstreamConnector(GatewayOptions options, Bridges? bridges = null) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<HttpMessageInvoker>> _pools = new(StringComparer.Ordinal);

    /// <summary>Returns when the response's head is there. Throws <see cref="HttpRequestException"/>: see <see cref="UpstreamTrouble"/>.</summary>
    public Task<HttpResponseMessage> SendAsync(UpstreamAddress to, HttpRequestMessage request, CancellationToken ct)
    {
        if (bridges?.Reaches(to) == true)
        {
            return bridges.SendAsync(to, request, ct);
        }

        request.Version = HttpVersion.Version11;
        request.VersionPolicy = HttpVersionPolicy.RequestVersionExact;
        var pool = _pools.GetOrAdd(to.Relay ?? "", _ => new Lazy<HttpMessageInvoker>(() => Pool(to.Relay)));
        return pool.Value.SendAsync(request, ct);
    }

    /// <param name="pathAndQuery">Starts with a slash; never an authority: whatever a server says, only its own address is dialled.</param>
    public static Uri UriOf(UpstreamAddress address, string pathAndQuery) =>
        new($"{address.Scheme}://{Bracketed(address.Host)}:{address.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)}{pathAndQuery}");

    public static string Bracketed(string host) => host.Contains(':', StringComparison.Ordinal) && host[0] != '[' ? $"[{host}]" : host;

    public void Dispose()
    {
        foreach (var pool in _pools.Values)
        {
            if (pool.IsValueCreated)
            {
                pool.Value.Dispose();
            }
        }
    }

    private HttpMessageInvoker Pool(string? relay) => new(new SocketsHttpHandler
    {
        ConnectCallback = (context, ct) => ConnectAsync(context.DnsEndPoint, relay, ct),
        ConnectTimeout = options.ConnectTimeout,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        MaxResponseHeadersLength = 32,

        // Node and uvicorn close a connection after 5 s of rest: ours go first, so that no call is sent into one that is being closed.
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(4),

        // Our trace context and baggage are not a stranger's business.
        ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
    });

    private async ValueTask<Stream> ConnectAsync(DnsEndPoint target, string? relay, CancellationToken ct)
    {
        var stream = await DialAsync(relay is null ? target : Parse(relay), ct);
        try
        {
            if (relay is not null)
            {
                await RelayTunnel.OpenAsync(stream, $"{Bracketed(target.Host)}:{target.Port.ToString(System.Globalization.CultureInfo.InvariantCulture)}", options.RelayToken, ct);
            }

            return stream;
        }
        catch
        {
            await stream.DisposeAsync();
            throw;
        }
    }

    private static async Task<NetworkStream> DialAsync(DnsEndPoint to, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // A host that vanished without a word ends a listening stream after about 45 s instead of never.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
            await socket.ConnectAsync(to, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static DnsEndPoint Parse(string relay)
    {
        var colon = relay.LastIndexOf(':');
        return colon > 0 && ushort.TryParse(relay.AsSpan(colon + 1), System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var port)
            ? new DnsEndPoint(relay[..colon].Trim('[', ']'), port)
            : throw new RelayRefusedException($"the relay's address \"{relay}\" is not host:port");
    }
}
