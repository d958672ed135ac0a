using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Wire;

/// <summary>
/// The Docker Engine's HTTP API, and the only code that knows it. One part a noun. Throws nothing but <see cref="BackendFault"/> and
/// cancellation; what is a normal answer to a question (404: it is not there) comes back as a value.
/// </summary>
internal sealed partial class DockerWire : IDisposable
{
    /// <summary>The newest API this code was written against; an engine that is newer speaks it too.</summary>
    private static readonly Version Newest = new(1, 44);

    /// <summary>The oldest with everything we set: Init, PidsLimit, Mounts.</summary>
    private static readonly Version Oldest = new(1, 25);

    /// <summary>An answer of a local daemon that takes longer than this is not coming; effects are capped below the lease's margin.</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(7);

    /// <summary>A list of 2,000 containers is about 4 MB.</summary>
    private const long LargestReply = 32L << 20;

    private readonly DockerEndpoint _endpoint;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly X509Certificate2Collection _certificates = [];
    private string? _version;

    public DockerWire(DockerEndpoint endpoint, TimeProvider time)
    {
        _endpoint = endpoint;
        _time = time;
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            ConnectCallback = ConnectAsync,
            // No limit of its own: logs that are followed hold theirs for hours, and must never stand before an effect. The control loop bounds the rest.
            // Longer than the resync's interval: each new connection costs a look at the engine's identity.
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(6),
        };
        if (endpoint.CertificateFolder is { } folder)
        {
            handler.SslOptions = TlsOptions(folder);
        }

        _http = new HttpClient(handler)
        {
            BaseAddress = new UriBuilder(endpoint.CertificateFolder is null ? "http" : "https", endpoint.Host, endpoint.Port).Uri,
            Timeout = Timeout.InfiniteTimeSpan,
        };
    }

    public DockerEndpoint Endpoint => _endpoint;

    public void Dispose()
    {
        _http.Dispose();
        foreach (var certificate in _certificates)
        {
            certificate.Dispose();
        }
    }

    /// <summary>Null: 404.</summary>
    private Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct, TimeSpan? timeout = null)
        where T : class => CallAsync(HttpMethod.Get, path, content: null, type, ct, timeout);

    /// <summary>Null: 404.</summary>
    private Task<T?> CallAsync<T>(
        HttpMethod method, string path, HttpContent? content, JsonTypeInfo<T> type, CancellationToken ct, TimeSpan? timeout = null, string? registryAuth = null)
        where T : class => GuardedAsync(path, timeout ?? Usual, async limited =>
    {
        using var reply = await SendAsync(method, path, content, HttpCompletionOption.ResponseHeadersRead, registryAuth, limited);
        if (reply.StatusCode == HttpStatusCode.NotFound)
        {
            return null;
        }

        await ThrowUnlessSuccessAsync(reply, path, limited);
        var body = await reply.Content.ReadAsStreamAsync(limited);
        await using var bounded = new BoundedStream(body, LargestReply);
        return await JsonSerializer.DeserializeAsync(bounded, type, limited)
            ?? throw new BackendFault(new Fault(FaultKind.Transient, "EngineAnswer", $"The engine answered {path} with JSON null."));
    }, ct);

    /// <summary>For calls whose answer is their status alone; <paramref name="answers"/> are the statuses besides 2xx that the caller takes as values.</summary>
    private Task<(HttpStatusCode Status, string Message)> StatusAsync(
        HttpMethod method, string path, HttpContent? content, CancellationToken ct, TimeSpan? timeout = null, params HttpStatusCode[] answers) =>
        GuardedAsync(path, timeout ?? Usual, async limited =>
        {
            using var reply = await SendAsync(method, path, content, HttpCompletionOption.ResponseHeadersRead, registryAuth: null, limited);
            if (reply.IsSuccessStatusCode)
            {
                return (reply.StatusCode, "");
            }

            if (answers.Contains(reply.StatusCode))
            {
                return (reply.StatusCode, await MessageAsync(reply, limited));
            }

            await ThrowUnlessSuccessAsync(reply, path, limited);
            return (reply.StatusCode, "");
        }, ct);

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string path, HttpContent? content, HttpCompletionOption completion, string? registryAuth, CancellationToken ct)
    {
        var version = _version ??= await NegotiateAsync(ct);
        using var request = new HttpRequestMessage(method, $"/v{version}{path}") { Content = content };
        if (registryAuth is not null)
        {
            request.Headers.Add("X-Registry-Auth", registryAuth);
        }

        return await _http.SendAsync(request, completion, ct);
    }

    /// <summary>The older of the engine's newest and ours. Asked again after every lost connection: the engine may have been upgraded.</summary>
    private async Task<string> NegotiateAsync(CancellationToken ct)
    {
        using var reply = await _http.GetAsync(new Uri("/version", UriKind.Relative), HttpCompletionOption.ResponseHeadersRead, ct);
        await ThrowUnlessSuccessAsync(reply, "/version", ct);
        await using var bounded = new BoundedStream(await reply.Content.ReadAsStreamAsync(ct), LargestReply);
        var engine = await JsonSerializer.DeserializeAsync(bounded, DockerJson.Default.EngineVersion, ct);
        if (!Version.TryParse(engine?.ApiVersion, out var newest) || newest < Oldest)
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "EngineTooOld", $"The engine speaks API {engine?.ApiVersion ?? "unknown"}; {Oldest} or newer (Docker 1.13) is needed."));
        }

        if (Version.TryParse(engine.MinAPIVersion, out var oldest) && oldest > Newest)
        {
            throw new BackendFault(new Fault(FaultKind.Refused, "EngineTooNew", $"The engine speaks no API older than {oldest}; this release speaks {Newest}."));
        }

        return (newest < Newest ? newest : Newest).ToString(2);
    }

    /// <summary>The one place where what goes wrong on the way becomes a named fault.</summary>
    private async Task<T> GuardedAsync<T>(string path, TimeSpan timeout, Func<CancellationToken, Task<T>> call, CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(timeout, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            return await call(limited.Token);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            _version = null;
            throw new BackendFault(TimedOut(path, timeout), e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            _version = null;
            ct.ThrowIfCancellationRequested();
            throw new BackendFault(Unreachable(e), e);
        }
        catch (JsonException e)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "EngineAnswer", $"The engine's answer to {path} is not the JSON it documents: {e.Message}"), e);
        }
    }

    private Fault Unreachable(Exception e)
    {
        var permission = e.GetBaseException() is SocketException { SocketErrorCode: SocketError.AccessDenied };
        var what = permission ? "this process may not open it; add its user to the socket's group" : e.GetBaseException().Message;
        return new Fault(permission ? FaultKind.Unauthorized : FaultKind.Transient, "EngineUnreachable", $"The Docker Engine at {_endpoint.Description} cannot be reached: {what}.");
    }

    private static Fault TimedOut(string path, TimeSpan timeout) => new(
        FaultKind.Transient, "EngineTimeout", string.Create(CultureInfo.InvariantCulture, $"The Docker Engine did not answer {path} within {timeout.TotalSeconds:0} s."));

    private static async Task ThrowUnlessSuccessAsync(HttpResponseMessage reply, string path, CancellationToken ct)
    {
        if (reply.IsSuccessStatusCode)
        {
            return;
        }

        var message = await MessageAsync(reply, ct);
        var (kind, reason) = (int)reply.StatusCode switch
        {
            400 => (FaultKind.Refused, "EngineRefused"),
            401 or 403 => (FaultKind.Unauthorized, "EngineDenied"),
            404 => (FaultKind.Transient, "EngineNotFound"),
            406 or 413 or 422 or 501 => (FaultKind.Refused, "EngineRefused"),
            409 => (FaultKind.Transient, "EngineConflict"),
            429 => (FaultKind.Throttled, "EngineThrottled"),
            _ => (FaultKind.Transient, "EngineError"),
        };
        throw new BackendFault(new Fault(kind, reason, $"The engine answered {(int)reply.StatusCode} to {PathOnly(path)}: {message}", reply.Headers.RetryAfter?.Delta));
    }

    /// <summary>The engine's own words, <c>{"message": …}</c>, at most 4,000 characters of them.</summary>
    private static async Task<string> MessageAsync(HttpResponseMessage reply, CancellationToken ct)
    {
        var buffer = new byte[16_384];
        await using var body = await reply.Content.ReadAsStreamAsync(ct);
        var length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, ct);
        var text = System.Text.Encoding.UTF8.GetString(buffer, 0, length).Trim();
        try
        {
            text = JsonSerializer.Deserialize(text, DockerJson.Default.EngineMessage)?.Message ?? text;
        }
        catch (JsonException)
        {
            // Not JSON (a proxy in between): its text is the best there is.
            return Cut(text);
        }

        return Cut(text);
    }

    private static string Cut(string text) => text.Length <= 4_000 ? text : text[..4_000] + "…";

    private static string PathOnly(string path) => path.IndexOf('?', StringComparison.Ordinal) is var at and >= 0 ? path[..at] : path;

    private static ByteArrayContent Json<T>(T value, JsonTypeInfo<T> type)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(value, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    /// <summary><c>{"label":["a=b"]}</c>, escaped for a query.</summary>
    private static string Filters(params (string Key, string Value)[] filters)
    {
        var byKey = filters.GroupBy(f => f.Key, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Select(f => f.Value).ToArray(), StringComparer.Ordinal);
        return Uri.EscapeDataString(JsonSerializer.Serialize(byKey, DockerJson.Default.DictionaryStringStringArray));
    }
}
