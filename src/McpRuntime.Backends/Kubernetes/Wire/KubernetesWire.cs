using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>
/// The Kubernetes API, and the only code that knows it; the same for every server from 1.20 on. Throws nothing but <see cref="BackendFault"/>
/// and cancellation; what is a normal answer to a question (404: it is not there) comes back as a value.
/// </summary>
public sealed partial class KubernetesWire : IDisposable
{
    /// <summary>All we set is set under this name, so that the server can tell our fields from others'.</summary>
    public const string FieldManager = "mcpruntime";

    private const long LargestReply = 64L << 20;
    private const int PageSize = 500;
    private const int MostPages = 200;

    /// <summary>Below the cap of an effect (8 s).</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(7);

    private readonly ClusterAccess _access;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http;
    private long _connections;
    private long _calls;

    public KubernetesWire(ClusterAccess access, TimeProvider time)
    {
        _access = access;
        _time = time;
        _http = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseCookies = false,
            UseProxy = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
            SslOptions = access.Tls(),
            ConnectCallback = ConnectAsync,
        });
    }

    public Uri Server => _access.Server;

    /// <summary>Connections made so far. As long as it stays, it is the same server that answers.</summary>
    public long Connections => Interlocked.Read(ref _connections);

    /// <summary>Requests sent so far.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    public void Dispose() => _http.Dispose();

    /// <summary>The server's own version (<c>v1.20.2</c>), which is not parsed: what it can do is asked of it, not concluded.</summary>
    public async Task<string> VersionAsync(CancellationToken ct) =>
        new KubeObject(await ReadAsync(HttpMethod.Get, "version", body: null, ct) ?? throw Odd("version", "is empty")).Text("gitVersion") ?? "unknown";

    /// <summary>The versions of a group that the server serves, the preferred one first; empty: it has no such group.</summary>
    public async Task<IReadOnlyList<string>> VersionsOfAsync(string group, CancellationToken ct)
    {
        if (await ReadAsync(HttpMethod.Get, $"apis/{group}", body: null, ct) is not { } found)
        {
            return [];
        }

        var preferred = new KubeObject(found).Text("preferredVersion", "version");
        return [.. found["versions"].Objects().Select(v => v["version"].AsText()).OfType<string>().OrderByDescending(v => v == preferred)];
    }

    /// <summary>Null: it is not there.</summary>
    public async Task<KubeObject?> GetAsync(KubeKind kind, string? space, string name, CancellationToken ct) => Wrap(await ReadAsync(HttpMethod.Get, kind.Path(space, name), body: null, ct));

    /// <summary>All of them, page by page. A list that expires between two pages (410) is begun anew, once.</summary>
    /// <param name="selector">Of labels: <c>a=b,c</c>; null: all.</param>
    public async Task<KubeList> ListAsync(KubeKind kind, string? space, string? selector, CancellationToken ct)
    {
        try
        {
            return await PagesAsync(kind, space, selector, ct);
        }
        catch (BackendFault e) when (e.Fault.Reason == Faults.Expired)
        {
            return await PagesAsync(kind, space, selector, ct);
        }
    }

    /// <summary>
    /// Makes the fields given so, and ours: made when absent, edited in place otherwise. Fields that others own stay as they are.
    /// </summary>
    /// <param name="subresource"><c>status</c>; null: the object itself.</param>
    public async Task<KubeObject> ApplyAsync(KubeKind kind, string? space, string name, JsonObject wanted, CancellationToken ct, string? subresource = null)
    {
        var path = $"{kind.Path(space, name)}{(subresource is null ? "" : "/" + subresource)}?fieldManager={FieldManager}&force=true";
        var body = new HttpBody(Encoded(kind, wanted), "application/apply-patch+yaml");
        return Wrap(await ReadAsync(HttpMethod.Patch, path, body, ct)) ?? throw Missing(kind, space, name);
    }

    /// <summary>The whole object as given, and no field besides. With <c>metadata.resourceVersion</c> in it: only if it was not changed since.</summary>
    public async Task<KubeObject> ReplaceAsync(KubeKind kind, string? space, string name, JsonObject wanted, CancellationToken ct, string? subresource = null)
    {
        var path = $"{kind.Path(space, name)}{(subresource is null ? "" : "/" + subresource)}?fieldManager={FieldManager}";
        return Wrap(await ReadAsync(HttpMethod.Put, path, new HttpBody(Encoded(kind, wanted), "application/json"), ct)) ?? throw Missing(kind, space, name);
    }

    /// <param name="patch">A JSON merge patch (RFC 7396).</param>
    /// <returns>Null: it is not there.</returns>
    public async Task<KubeObject?> PatchAsync(KubeKind kind, string? space, string name, JsonObject patch, CancellationToken ct, string? subresource = null)
    {
        var path = $"{kind.Path(space, name)}{(subresource is null ? "" : "/" + subresource)}?fieldManager={FieldManager}";
        return Wrap(await ReadAsync(HttpMethod.Patch, path, new HttpBody(Encoding.UTF8.GetBytes(patch.ToJsonString()), "application/merge-patch+json"), ct));
    }

    /// <exception cref="BackendFault">Reason <c>ChangedMeanwhile</c>: the name is taken.</exception>
    public async Task<KubeObject> CreateAsync(KubeKind kind, string? space, JsonObject wanted, CancellationToken ct) =>
        Wrap(await ReadAsync(HttpMethod.Post, $"{kind.Path(space)}?fieldManager={FieldManager}", new HttpBody(Encoded(kind, wanted), "application/json"), ct)) ?? throw Missing(kind, space, "");

    /// <summary>Only the object that was looked at: one that was made anew under its name stays.</summary>
    /// <param name="uid">The precondition; null: whatever has the name.</param>
    /// <param name="grace">Seconds between SIGTERM and SIGKILL; null: its own.</param>
    /// <returns>False: it is not there (any more).</returns>
    public async Task<bool> DeleteAsync(KubeKind kind, string? space, string name, string? uid, CancellationToken ct, int? grace = null)
    {
        // What has Pods is seen until they are gone. All else goes at once: the cluster's collector would come to it with seconds of delay.
        var policy = kind == KubeKind.Deployment || kind == KubeKind.ReplicaSet ? "Foreground" : "Background";
        var options = new JsonObject { ["kind"] = "DeleteOptions", ["apiVersion"] = "v1", ["propagationPolicy"] = policy };
        if (uid is not null)
        {
            options["preconditions"] = new JsonObject { ["uid"] = uid };
        }

        if (grace is { } seconds)
        {
            options["gracePeriodSeconds"] = seconds;
        }

        var body = new HttpBody(Encoding.UTF8.GetBytes(options.ToJsonString()), "application/json");
        return await ReadAsync(HttpMethod.Delete, kind.Path(space, name), body, ct) is not null;
    }

    private async Task<KubeList> PagesAsync(KubeKind kind, string? space, string? selector, CancellationToken ct)
    {
        List<KubeObject> items = [];
        var query = $"{kind.Path(space)}?limit={PageSize}{(selector is null ? "" : "&labelSelector=" + Uri.EscapeDataString(selector))}";
        string? next = null;
        for (var pages = 0; pages < MostPages; pages++)
        {
            var page = await ReadAsync(HttpMethod.Get, query + (next is null ? "" : "&continue=" + Uri.EscapeDataString(next)), body: null, ct) ?? throw NotServed(kind, space);
            if (page["items"] is not JsonArray)
            {
                throw Odd(query, "has no items");
            }

            items.AddRange(page["items"].Objects().Select(i => new KubeObject(i)));
            next = page["metadata"]?["continue"].AsText();
            if (string.IsNullOrEmpty(next))
            {
                return new KubeList(items, page["metadata"]?["resourceVersion"].AsText() ?? "");
            }
        }

        throw Odd(query, $"has more than {MostPages} pages");
    }

    /// <summary>Null: 404. Bounded in size and in time.</summary>
    private async Task<JsonObject?> ReadAsync(HttpMethod method, string path, HttpBody? body, CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(Usual, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        return await GuardAsync(path, async () =>
        {
            using var reply = await SendAsync(method, path, body, limited.Token);
            await using var content = new BoundedStream(await reply.Content.ReadAsStreamAsync(limited.Token), LargestReply);
            if (reply.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }

            if (!reply.IsSuccessStatusCode)
            {
                throw await FaultOfAsync(reply, content, method, path, limited.Token);
            }

            return await JsonNode.ParseAsync(content, cancellationToken: limited.Token) as JsonObject ?? throw Odd(path, "is no JSON object");
        }, ct);
    }

    /// <summary>With our token; and once more with a new one, if the server refuses the first.</summary>
    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpBody? body, CancellationToken ct)
    {
        var reply = await OnceAsync(method, path, body, ct);
        if (reply.StatusCode != HttpStatusCode.Unauthorized || !_access.Token.Renew())
        {
            return reply;
        }

        reply.Dispose();
        return await OnceAsync(method, path, body, ct);
    }

    private async Task<HttpResponseMessage> OnceAsync(HttpMethod method, string path, HttpBody? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(_access.Server, path));
        request.Headers.UserAgent.ParseAdd("secure-mcp-runtime/0.1");
        request.Headers.Accept.ParseAdd("application/json");
        if (await _access.Token.ReadAsync(ct) is { } token)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        }

        if (body is not null)
        {
            request.Content = new ByteArrayContent(body.Bytes) { Headers = { ContentType = new MediaTypeHeaderValue(body.MediaType) } };
        }

        _ = Interlocked.Increment(ref _calls);
        return await _http.SendAsync(request, ct);
    }

    private async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // A peer that vanished without a word is noticed within a minute, also under a stream that waits for one.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, optionValue: true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
            await socket.ConnectAsync(context.DnsEndPoint, ct);
            _ = Interlocked.Increment(ref _connections);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static byte[] Encoded(KubeKind kind, JsonObject wanted)
    {
        var whole = new JsonObject { ["apiVersion"] = kind.ApiVersion, ["kind"] = kind.Kind };
        foreach (var (name, value) in wanted)
        {
            whole[name] = value?.DeepClone();
        }

        return Encoding.UTF8.GetBytes(whole.ToJsonString());
    }

    private static KubeObject? Wrap(JsonObject? json) => json is null ? null : new KubeObject(json);

    private sealed record HttpBody(byte[] Bytes, string MediaType);
}
