using System.Net;
using System.Net.Sockets;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>
/// To registries and repositories, which a request names: only to public addresses, decided after resolution and then connected to,
/// so that no name can lead into our own network. Follows no redirect and keeps no cookie.
/// </summary>
internal sealed class PublicHttp : IDisposable
{
    /// <summary>Of one question; a resolve is capped at 8 s and may ask three.</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(4);

    private readonly IReadOnlyList<IPNetwork> _allowed;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public PublicHttp(IReadOnlyList<IPNetwork> allowed, TimeProvider time)
    {
        _allowed = allowed;
        _time = time;
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false, UseProxy = false, AllowAutoRedirect = false, ConnectCallback = ConnectAsync, ConnectTimeout = Usual })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public void Dispose() => _http.Dispose();

    /// <exception cref="BackendFault">Not reached, or not in time.</exception>
    public async Task<T> AskAsync<T>(HttpRequestMessage request, string what, Func<HttpResponseMessage, CancellationToken, Task<T>> read, CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(Usual, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            using var reply = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limited.Token);
            return await read(reply, limited.Token);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "NoAnswer", $"{what} did not answer within {Usual.TotalSeconds:0} s."), e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            ct.ThrowIfCancellationRequested();
            throw new BackendFault(new Fault(FaultKind.Transient, "Unreachable", $"{what} cannot be reached: {e.GetBaseException().Message}"), e);
        }
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var addresses = await Dns.GetHostAddressesAsync(context.DnsEndPoint.Host, ct);
        if (addresses.Length == 0 || !addresses.All(a => PublicNetworks.MayReach(a, _allowed)))
        {
            throw new HttpRequestException($"{context.DnsEndPoint.Host} has an address that is not public (RUNTIME_ALLOW_PRIVATE_ADDRESSES allows some)");
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
