using System.Net;
using System.Net.Sockets;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Http;

/// <summary>
/// To registries and repositories, which a request names: see <see cref="PublicConnections"/>. What goes wrong comes as a fault.
/// </summary>
internal sealed class PublicHttp : IDisposable
{
    /// <summary>Of one question; a resolve is capped at 8 s and may ask three.</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(4);

    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    public PublicHttp(IReadOnlyList<IPNetwork> allowed, TimeProvider time)
    {
        _time = time;
        _http = new HttpClient(PublicConnections.Handler(allowed, Usual)) { Timeout = Timeout.InfiniteTimeSpan };
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
}
