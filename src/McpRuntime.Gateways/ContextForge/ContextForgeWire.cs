using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends;
using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>ContextForge's API for gateways, and the only file that knows it. Throws nothing but <see cref="BackendFault"/>.</summary>
internal sealed class ContextForgeWire : IDisposable
{
    public const string Conflict = "GatewayConflict";

    /// <summary>Bytes of one answer: a list of some ten thousand gateways.</summary>
    private const int MaxBytes = 32 << 20;

    private const int MostPages = 1000;

    private readonly ContextForgeOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;

    /// <summary>Below the address: releases differ in whether the API has its version in its path. Found out by the first list.</summary>
    private volatile string? _gateways;

    public ContextForgeWire(ContextForgeOptions options, TimeProvider time)
    {
        (_options, _time) = (options, time);
        _http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, PooledConnectionLifetime = TimeSpan.FromMinutes(2) })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxBytes,
        };
        _http.DefaultRequestHeaders.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
    }

    /// <summary>All there are, inactive ones too.</summary>
    public async Task<IReadOnlyList<GatewayRead>> ListAsync(CancellationToken ct)
    {
        var found = new List<GatewayRead>();
        string? cursor = null;
        for (var page = 0; page < MostPages; page++)
        {
            var query = "?include_inactive=true&limit=0" + (cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}");
            var reply = await ListPageAsync(query, ct);
            var isPage = reply.ValueKind is JsonValueKind.Object;
            var items = isPage && reply.TryGetProperty("gateways", out var listed) ? listed : reply;
            if (items.ValueKind is not JsonValueKind.Array)
            {
                throw NotContextForge("its list of gateways is no list");
            }

            found.AddRange(items.EnumerateArray().Select(GatewayRead.Of).OfType<GatewayRead>());
            cursor = isPage && reply.TryGetProperty("nextCursor", out var next) && next.ValueKind is JsonValueKind.String ? next.GetString() : null;
            if (string.IsNullOrEmpty(cursor))
            {
                return found;
            }
        }

        throw NotContextForge("its list of gateways does not end");
    }

    /// <returns>False: accepted, and still on its way.</returns>
    public async Task<bool> CreateAsync(JsonObject body, CancellationToken ct) => (await SendAsync(HttpMethod.Post, "", body, absentIsFine: false, ct)).Status is not HttpStatusCode.Accepted;

    /// <returns>False: accepted, and still on its way.</returns>
    public async Task<bool> UpdateAsync(string id, JsonObject body, CancellationToken ct) => (await SendAsync(HttpMethod.Put, $"/{Uri.EscapeDataString(id)}", body, absentIsFine: false, ct)).Status is not HttpStatusCode.Accepted;

    public Task SetStateAsync(string id, bool active, CancellationToken ct) =>
        SendAsync(HttpMethod.Post, $"/{Uri.EscapeDataString(id)}/state?activate={(active ? "true" : "false")}", null, absentIsFine: false, ct);

    /// <returns>False: accepted, and still on its way. Absent is fine.</returns>
    public async Task<bool> DeleteAsync(string id, CancellationToken ct) =>
        (await SendAsync(HttpMethod.Delete, $"/{Uri.EscapeDataString(id)}", null, absentIsFine: true, ct)).Status is not HttpStatusCode.Accepted;

    public void Dispose() => _http.Dispose();

    /// <summary>Where the API is versioned the path without a version answers 404, or 422 as if the question were wrong.</summary>
    private async Task<JsonElement> ListPageAsync(string query, CancellationToken ct)
    {
        if (_gateways is { } known)
        {
            return (await SendAsync(HttpMethod.Get, known, query, null, absentIsFine: false, ct)).Body;
        }

        foreach (var path in (string[])["/gateways", "/v1/gateways"])
        {
            try
            {
                var reply = await SendAsync(HttpMethod.Get, path, query, null, absentIsFine: false, ct);
                _gateways = path;
                return reply.Body;
            }
            catch (BackendFault fault) when (path == "/gateways" && fault.Fault.Reason is ContextForgeFaults.NotFound or ContextForgeFaults.Invalid)
            {
                // The other path is asked.
            }
        }

        throw NotContextForge("neither /gateways nor /v1/gateways is there");
    }

    private Task<Reply> SendAsync(HttpMethod method, string below, JsonObject? body, bool absentIsFine, CancellationToken ct) =>
        SendAsync(method, _gateways ?? "/gateways", below, body, absentIsFine, ct);

    private async Task<Reply> SendAsync(HttpMethod method, string path, string below, JsonObject? body, bool absentIsFine, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(_options.Url.AbsoluteUri.TrimEnd('/') + path + below));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _options.Token.Reveal());
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        using var late = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            using var response = await _http.SendAsync(request, either.Token);
            var text = await response.Content.ReadAsStringAsync(either.Token);
            if (response.IsSuccessStatusCode || (absentIsFine && response.StatusCode is HttpStatusCode.NotFound))
            {
                return new Reply(response.StatusCode, text.Length == 0 ? default : JsonSerializer.Deserialize<JsonElement>(text));
            }

            throw new BackendFault(ContextForgeFaults.Of(response, text, _time.GetUtcNow()));
        }
        catch (OperationCanceledException cut) when (!ct.IsCancellationRequested)
        {
            throw new BackendFault(ContextForgeFaults.Away($"it did not answer within {_options.Timeout.TotalSeconds:0} s"), cut);
        }
        catch (HttpRequestException fault)
        {
            throw new BackendFault(ContextForgeFaults.Away(fault.InnerException?.Message ?? fault.Message), fault);
        }
        catch (JsonException fault)
        {
            throw NotContextForge("it answered with what is no JSON", fault);
        }
    }

    private static BackendFault NotContextForge(string why, Exception? inner = null) =>
        new(new Fault(FaultKind.Transient, "NotContextForge", $"What is at RUNTIME_CONTEXTFORGE_URL does not speak as ContextForge does: {why}."), inner);

    private sealed record Reply(HttpStatusCode Status, JsonElement Body);
}
