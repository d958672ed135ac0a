using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Upstream;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>The two handshakes of streamable HTTP at one path.</summary>
internal sealed class StreamableHandshake(UpstreamConnector upstream, UpstreamAddress address, string path)
{
    private const int MethodNotFound = -32601;
    private const int UnsupportedVersion = -32022;

    /// <summary>A server that never ends its list is not asked forever.</summary>
    public const int MaxPages = 50;

    private string? _session;
    private string? _version;

    /// <summary>2026-07-28 and later. Not final: it does not know this; <see cref="InitializeAsync"/> may do better.</summary>
    public async Task<Attempt> DiscoverAsync(CancellationToken ct)
    {
        _session = null;
        _version = McpMessages.Stateless;
        var answer = await PostAsync(McpMessages.Discover(1, _version), "server/discover", 1, ct);
        if (answer.IsChallenge)
        {
            return Attempt.Challenged(path, EmbeddedGateway.StreamableHttp, stateless: true);
        }

        if (answer.ErrorCode == UnsupportedVersion && Newest(answer.ErrorData, "supported") is { } offered)
        {
            _version = offered;
            answer = await PostAsync(McpMessages.Discover(2, _version), "server/discover", 2, ct);
        }

        if (answer.Result is not { } result || Newest(result, "supportedVersions") is not { } version)
        {
            return Attempt.NotHere(path, answer);
        }

        _version = version;
        return await PassedAsync(result, version, stateless: true, ct);
    }

    /// <summary>2025-11-25 and before; whatever session it opens is closed again.</summary>
    public async Task<Attempt> InitializeAsync(CancellationToken ct)
    {
        _session = null;
        _version = null;
        var answer = await PostAsync(McpMessages.Initialize(1), "initialize", 1, ct);
        if (answer.IsChallenge)
        {
            return Attempt.Challenged(path, EmbeddedGateway.StreamableHttp, stateless: false);
        }

        if (answer.Result is not { } result || McpMessages.Text(result, "protocolVersion") is not { Length: <= 32 } version)
        {
            return Attempt.NotHere(path, answer);
        }

        _session = answer.SessionId;
        _version = version;
        try
        {
            var initialized = await PostAsync(McpMessages.Initialized(), "notifications/initialized", id: null, ct);
            return initialized.IsSuccess
                ? await PassedAsync(result, version, stateless: false, ct)
                : Attempt.Failed($"It took initialize at {path}, but answered notifications/initialized with {initialized.InWords}.");
        }
        finally
        {
            await EndSessionAsync(ct);
        }
    }

    private async Task<Attempt> PassedAsync(JsonElement result, string version, bool stateless, CancellationToken ct)
    {
        var tools = new ToolList();
        if (McpMessages.Has(result, "capabilities", "tools") && await ListAsync(tools, stateless ? version : null, ct) is { } trouble)
        {
            return Attempt.Failed(trouble);
        }

        const string Meta = "io.modelcontextprotocol/serverInfo";
        return new Attempt(
            new HandshakeWord(HandshakeVerdict.Passed, $"MCP {Words.Plain(version, 32)} at {path}, {tools.Count} tools.")
            {
                ServerName = Words.Plain(McpMessages.Text(result, "serverInfo", "name") ?? McpMessages.Text(result, "_meta", Meta, "name"), 200),
                ServerVersion = Words.Plain(McpMessages.Text(result, "serverInfo", "version") ?? McpMessages.Text(result, "_meta", Meta, "version"), 100),
                ProtocolVersion = Words.Plain(version, 32),
                Server = new KnownServer(path, EmbeddedGateway.StreamableHttp, stateless),
                Tools = tools,
            },
            IsFinal: true);
    }

    /// <returns>What is wrong; null when the list is whole.</returns>
    private async Task<string?> ListAsync(ToolList tools, string? stateless, CancellationToken ct)
    {
        string? cursor = null;
        for (var page = 0; page < MaxPages; page++)
        {
            var id = 10 + page;
            var answer = await PostAsync(McpMessages.ListTools(id, cursor, stateless), "tools/list", id, ct);
            if (answer.ErrorCode == MethodNotFound && page == 0)
            {
                return null;
            }

            if (answer.Result is not { } result || !tools.Add(result))
            {
                return $"The handshake at {path} went well, but tools/list was answered with {(answer.Result is null ? answer.InWords : "something that is no list of tools")}.";
            }

            cursor = McpMessages.Text(result, "nextCursor");
            if (cursor is null)
            {
                return null;
            }
        }

        return $"Its list of tools has more than {MaxPages} pages.";
    }

    private async Task<McpAnswer> PostAsync(JsonObject message, string method, int? id, CancellationToken ct)
    {
        using var request = Request(HttpMethod.Post, method);
        request.Content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(message));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await upstream.SendAsync(address, request, ct);
        return await McpAnswer.ReadAsync(response, request.RequestUri!, id, ct);
    }

    private HttpRequestMessage Request(HttpMethod verb, string? method)
    {
        var request = new HttpRequestMessage(verb, UpstreamConnector.UriOf(address, path));
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        if (_version is not null && HeaderPolicy.IsVisibleAscii(_version))
        {
            request.Headers.TryAddWithoutValidation(HeaderPolicy.ProtocolVersion, _version);
            if (method is not null && McpMessages.IsStateless(_version))
            {
                request.Headers.TryAddWithoutValidation("Mcp-Method", method);
            }
        }

        if (_session is not null && HeaderPolicy.IsVisibleAscii(_session))
        {
            request.Headers.TryAddWithoutValidation(HeaderPolicy.SessionId, _session);
        }

        return request;
    }

    private async Task EndSessionAsync(CancellationToken ct)
    {
        if (_session is null || ct.IsCancellationRequested)
        {
            return;
        }

        try
        {
            using var request = Request(HttpMethod.Delete, method: null);
            using var response = await upstream.SendAsync(address, request, ct);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            // A courtesy: servers need not offer it, and the handshake's word stands without.
            _session = null;
        }
    }

    private static string? Newest(JsonElement? from, string field)
    {
        if (from is not { ValueKind: JsonValueKind.Object } parent || !parent.TryGetProperty(field, out var versions) || versions.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        // The one we know best if it is offered; else the oldest of the newer ones, which differs least from it.
        return versions.EnumerateArray()
            .Select(version => version.ValueKind == JsonValueKind.String ? version.GetString() : null)
            .OfType<string>()
            .Where(version => McpMessages.IsStateless(version) && version.Length == McpMessages.Stateless.Length)
            .Order(StringComparer.Ordinal)
            .FirstOrDefault();
    }
}
