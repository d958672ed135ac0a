using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Embedded;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// The way from one replica to another: HTTP to where that one listens, each request signed with a key that only replicas have. What is
/// signed names the moment, the server and the caller, so that one that was overheard serves for nothing else, and not for long.
/// </summary>
internal sealed class ReplicaLink(GatewayOptions options, TimeProvider time, IServiceProvider services) : IDisposable
{
    public const string Path = "/internal/bridges";

    /// <summary>Who asks when it is no client: the prober.</summary>
    public const string Ourselves = "\0";

    /// <summary>A replica's word that another has the server; nothing was given to it. No bridge answers so.</summary>
    public const HttpStatusCode NotOwner = HttpStatusCode.MisdirectedRequest;

    public static readonly HttpRequestOptionsKey<string> Caller = new("mcp.caller");

    private const string SignatureHeader = "X-Mcp-Replica-Signature";
    private const string CallerHeader = "X-Mcp-Replica-Caller";

    /// <summary>Clocks of machines that keep time differ by less.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(2);

    private static readonly HashSet<string> Passed = new(StringComparer.OrdinalIgnoreCase) { "Content-Type", "Cache-Control", "Retry-After", "Allow", HeaderPolicy.SessionId };

    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler
    {
        ConnectTimeout = options.ConnectTimeout,
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
    });

    private string? _address;

    /// <summary>Where other replicas reach this one.</summary>
    public string Address => _address ??= options.ReplicaUrl?.AbsoluteUri.TrimEnd('/') ?? Listening(services.GetService<IServer>()?.Features.Get<IServerAddressesFeature>()?.Addresses);

    /// <returns>Null: nothing listens at the owner's address, so its process is gone; nothing was sent.</returns>
    public async Task<HttpResponseMessage?> SendAsync(BridgeClaim owner, UpstreamAddress to, HttpRequestMessage request, string caller, CancellationToken ct)
    {
        var sent = new HttpRequestMessage(request.Method, $"{owner.Address}{Path}/{to.Scheme}/{to.Host}") { Content = request.Content };
        foreach (var (name, values) in request.Headers.NonValidated)
        {
            sent.Headers.TryAddWithoutValidation(name, values);
        }

        sent.Headers.TryAddWithoutValidation(CallerHeader, Convert.ToBase64String(Encoding.UTF8.GetBytes(caller)));
        sent.Headers.TryAddWithoutValidation(SignatureHeader, Sign(request.Method.Method, to.Host, caller, time.GetUtcNow()));
        try
        {
            return await _http.SendAsync(sent, ct);
        }
        catch (HttpRequestException e) when (e.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.HostNotFound })
        {
            return null;
        }
    }

    /// <summary>A request of another replica, answered by the bridge here.</summary>
    public async Task HandleAsync(HttpContext context, string scheme, string server, Bridges bridges)
    {
        if (CallerOf(context.Request, server) is not { } caller)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), "http://replica/");
        request.Content = HttpMethods.IsPost(context.Request.Method) ? new StreamContent(context.Request.Body) : null;
        foreach (var (name, values) in context.Request.Headers)
        {
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        using var reply = await bridges.ServeAsync(new UpstreamAddress(server, 0, Scheme: scheme), request, caller, context.RequestAborted);
        await CopyAsync(reply, context);
    }

    public void Dispose() => _http.Dispose();

    private static async Task CopyAsync(HttpResponseMessage from, HttpContext to)
    {
        to.Response.StatusCode = (int)from.StatusCode;
        foreach (var (name, values) in from.Headers.NonValidated.Concat(from.Content.Headers.NonValidated).Where(header => Passed.Contains(header.Key)))
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

    private string Sign(string method, string server, string caller, DateTimeOffset at)
    {
        var moment = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = HMACSHA256.HashData(options.ReplicaKey, Encoding.UTF8.GetBytes($"{moment}\n{method}\n{server}\n{caller}"));
        return $"{moment}.{Convert.ToHexStringLower(signature)}";
    }

    /// <returns>Null: it does not come from a replica.</returns>
    private string? CallerOf(HttpRequest request, string server)
    {
        if (options.ReplicaKey.Length == 0 || request.Headers[SignatureHeader] is not [{ } signature] || request.Headers[CallerHeader] is not [{ } encoded])
        {
            return null;
        }

        var bytes = new byte[encoded.Length];
        if (!Convert.TryFromBase64String(encoded, bytes, out var length)
            || !long.TryParse(signature.AsSpan(0, Math.Max(0, signature.IndexOf('.', StringComparison.Ordinal))), NumberStyles.None, CultureInfo.InvariantCulture, out var moment)
            || moment > DateTimeOffset.MaxValue.ToUnixTimeSeconds())
        {
            return null;
        }

        var (caller, at) = (Encoding.UTF8.GetString(bytes, 0, length), DateTimeOffset.FromUnixTimeSeconds(moment));
        var expected = Sign(request.Method, server, caller, at);
        return (time.GetUtcNow() - at).Duration() <= Skew && CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(expected), Encoding.UTF8.GetBytes(signature)) ? caller : null;
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
}
