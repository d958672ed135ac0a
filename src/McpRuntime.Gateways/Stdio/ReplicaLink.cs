using System.Globalization;
using System.Net;
using System.Net.Sockets;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Upstream;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Stdio;

/// <summary>The way from one replica to another: HTTP to where that one listens, each request signed: see <see cref="ReplicaSignature"/>.</summary>
internal sealed partial class ReplicaLink(GatewayOptions options, BridgeClock clock, IServiceProvider services) : IDisposable
{
    public const string Path = "/internal/bridges";

    /// <summary>Who asks when it is no client: the prober.</summary>
    public const string Ourselves = "\0";

    /// <summary>A replica's word that another has the server; nothing was given to it. No bridge answers so.</summary>
    public const HttpStatusCode NotOwner = HttpStatusCode.MisdirectedRequest;

    /// <summary>On every answer to a request that was believed: another that listens at the address, or does not believe us, does not speak for the bridge.</summary>
    public const string OwnerHeader = "X-Mcp-Replica-Owner";

    public static readonly HttpRequestOptionsKey<string> Caller = new("mcp.caller");

    private static readonly HashSet<string> PassedBack = new(StringComparer.OrdinalIgnoreCase) { "Content-Type", "Cache-Control", "Retry-After", "Allow", HeaderPolicy.SessionId };

    private readonly ReplicaSignature _signature = new(options, clock.Time);

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        ConnectTimeout = options.ConnectTimeout,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    });

    private string? _address;
    private long _refused;

    /// <summary>Where other replicas reach this one.</summary>
    public string Address => _address ??= options.ReplicaUrl?.AbsoluteUri.TrimEnd('/') ?? Listening(services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses);

    /// <exception cref="OwnerAwayException">No connection to it is had, or it does not believe us; nothing was sent to the server.</exception>
    public async Task<HttpResponseMessage> SendAsync(BridgeClaim owner, UpstreamAddress to, HttpRequestMessage request, string caller, CancellationToken ct)
    {
        // It may have to be sent again, to another: it is read once and kept.
        var body = request.Content is { } content ? await content.ReadAsByteArrayAsync(ct) : null;
        var sent = _signature.Signed(request, body, new Uri($"{owner.Address}{Path}/{to.Scheme}/{to.Host}"), Resource(to.Scheme, to.Host), owner.Owner, caller);
        try
        {
            var reply = await _http.SendAsync(sent, ct);
            if (reply.Headers.Remove(OwnerHeader))
            {
                return reply;
            }

            reply.Dispose();
            throw new OwnerAwayException($"What answers at {owner.Address} did not take this for a replica's request. Do the replicas' clocks agree, have they the same RUNTIME_MASTER_KEY, and is that the address of one (RUNTIME_REPLICA_URL)?");
        }
        catch (HttpRequestException e) when (UpstreamTrouble.Of(e, to) is { NothingSent: true })
        {
            throw new OwnerAwayException($"The replica that speaks to it ({owner.Address}) can't be reached: {e.Message}.");
        }
        catch (OperationCanceledException e) when (e.InnerException is TimeoutException && !ct.IsCancellationRequested)
        {
            throw new OwnerAwayException($"The replica that speaks to it ({owner.Address}) takes no connection.");
        }
    }

    /// <summary>A request of another replica, answered by the bridge here.</summary>
    public async Task HandleAsync(HttpContext context, string scheme, string server, Bridges bridges)
    {
        if (_signature.Verified(context.Request, Resource(scheme, server), out var why) is not { } replica)
        {
            Refuse(context, why);
            return;
        }

        context.Response.Headers[OwnerHeader] = bridges.Owner;
        if (replica.Owner != bridges.Owner)
        {
            // Meant for the process that had this address before us, or for one that believes it has the same as we do.
            context.Response.StatusCode = (int)NotOwner;
            return;
        }

        if (await BodyAsync(context.Request, context.RequestAborted) is not { } body || ReplicaSignature.Hash(body) != replica.BodyHash)
        {
            context.Response.Headers.Remove(OwnerHeader);
            Refuse(context, "its body is not the one that was signed");
            return;
        }

        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), "http://replica/");
        request.Content = HttpMethods.IsPost(context.Request.Method) ? new ByteArrayContent(body) : null;
        foreach (var (name, values) in context.Request.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        using var reply = await bridges.ServeAsync(new UpstreamAddress(server, 0, Scheme: scheme), request, replica.Caller, context.RequestAborted);
        await CopyAsync(reply, context);
    }

    public void Dispose() => _http.Dispose();

    private static async Task CopyAsync(HttpResponseMessage from, HttpContext to)
    {
        to.Response.StatusCode = (int)from.StatusCode;
        foreach (var (name, values) in from.Headers.NonValidated.Concat(from.Content.Headers.NonValidated).Where(header => PassedBack.Contains(header.Key)))
        {
            to.Response.Headers[name] = values.ToArray();
        }

        await using var body = await from.Content.ReadAsStreamAsync(to.RequestAborted);
        await to.Response.StartAsync(to.RequestAborted);
        var piece = new byte[16 * 1024];
        while (await body.ReadAsync(piece, to.RequestAborted) is var read and > 0)
        {
            await to.Response.Body.WriteAsync(piece.AsMemory(0, read), to.RequestAborted);
            await to.Response.Body.FlushAsync(to.RequestAborted);
        }
    }

    private static string Resource(string scheme, string server) => $"{Path}/{scheme}/{server}";

    /// <returns>Null: it is longer than any that a bridge takes.</returns>
    private async Task<byte[]?> BodyAsync(HttpRequest request, CancellationToken ct)
    {
        using var whole = new MemoryStream();
        var piece = new byte[16 * 1024];
        while (await request.Body.ReadAsync(piece, ct) is var read and > 0)
        {
            if (whole.Length + read > Math.Max(options.Stdio.FrameBytes, options.MaxBodyBytes))
            {
                return null;
            }

            whole.Write(piece, 0, read);
        }

        return whole.ToArray();
    }

    /// <summary>As if there were nothing here.</summary>
    private void Refuse(HttpContext context, string why)
    {
        context.Response.StatusCode = StatusCodes.Status404NotFound;

        // By the power of two: whoever tries must not fill the log.
        var count = Interlocked.Increment(ref _refused);
        if (System.Numerics.BitOperations.IsPow2(count))
        {
            Log.Refused(clock.Logger, context.Connection.RemoteIpAddress?.ToString() ?? "an unknown address", why, count);
        }
    }

    private static string Listening(ICollection<string>? addresses)
    {
        var address = addresses?.FirstOrDefault(one => one.StartsWith("http://", StringComparison.OrdinalIgnoreCase)) ?? addresses?.FirstOrDefault() ?? "http://127.0.0.1:0";
        var parsed = BindingAddress.Parse(address);
        return parsed.Host is "*" or "+" or "0.0.0.0" or "[::]"
            ? string.Create(CultureInfo.InvariantCulture, $"{parsed.Scheme}://{OwnAddress()}:{parsed.Port}")
            : string.Create(CultureInfo.InvariantCulture, $"{parsed.Scheme}://{parsed.Host}:{parsed.Port}");
    }

    private static string OwnAddress() => Dns.GetHostAddresses(Dns.GetHostName()).FirstOrDefault(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address))?.ToString() ?? "127.0.0.1";

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "A request from {From} that claims to be a replica's was refused: {Why} ({Count} so far)")]
        public static partial void Refused(ILogger logger, string from, string why, long count);
    }
}

/// <summary>The replica that has the server can't be reached just now. That is no sign that it is gone: its sessions may well live.</summary>
internal sealed class OwnerAwayException(string message) : Exception(message);
