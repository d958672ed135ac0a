using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Http;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>
/// Code Engine's REST API v2, and the only code that knows it. Throws nothing but <see cref="BackendFault"/> and cancellation; what is
/// a normal answer to a question (404: it is not there; 409: the name is taken) comes back as a value.
/// </summary>
internal sealed partial class CodeEngineWire : IDisposable
{
    /// <summary>The fault's reason when a quota of the project is used up.</summary>
    public const string QuotaExceeded = "QuotaExceeded";

    private const string Quota = "The project's quota";

    /// <summary>The newest behaviour this was written against; the platform keeps older ones.</summary>
    private const string ApiVersion = "2025-07-10";

    private const long LargestReply = 32L << 20;
    private const int PageSize = 100;
    private const int MostPages = 50;

    /// <summary>Below the cap of an effect (8 s).</summary>
    private static readonly TimeSpan Usual = TimeSpan.FromSeconds(7);

    /// <summary>When told to slow down without being told how long.</summary>
    private static readonly TimeSpan UsualPause = TimeSpan.FromSeconds(5);

    private readonly CodeEngineOptions _options;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly Pause _pause;
    private long _calls;

    public CodeEngineWire(CodeEngineOptions options, TimeProvider time)
    {
        _options = options;
        _time = time;
        _pause = new Pause(time);
        _http = new HttpClient(new SocketsHttpHandler
        {
            UseCookies = false,
            AllowAutoRedirect = false,
            ConnectTimeout = TimeSpan.FromSeconds(5),
            MaxConnectionsPerServer = 16,
            PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("secure-mcp-runtime/0.1");
        Token = new IamToken(_http, options.IamBase, options.ApiKey, _pause, time);
    }

    public IamToken Token { get; }

    /// <summary>For the two log routes, which are other APIs under the same token.</summary>
    public HttpClient Http => _http;

    /// <summary>Requests sent to the API so far.</summary>
    public long Calls => Interlocked.Read(ref _calls);

    public void Dispose()
    {
        Token.Dispose();
        _http.Dispose();
    }

    /// <summary>Null: 404.</summary>
    private async Task<T?> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken ct)
        where T : class
    {
        var reply = await CallAsync(HttpMethod.Get, path, body: null, ct, HttpStatusCode.NotFound);
        return reply.Status == HttpStatusCode.NotFound ? null : Read(reply.Body, type, path);
    }

    /// <summary>Every page. A name that moved to a later page while we read comes once, as it was read last.</summary>
    /// <param name="nothing">Statuses that mean that there is nothing to list.</param>
    private async Task<IReadOnlyList<T>> ListAsync<T>(string path, Func<Page, IReadOnlyList<T>?> items, Func<T, string> name, CancellationToken ct, params HttpStatusCode[] nothing)
    {
        var found = new Dictionary<string, T>(StringComparer.Ordinal);
        string? start = null;
        for (var pages = 0; pages < MostPages; pages++)
        {
            var query = $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}limit={PageSize}{(start is null ? "" : "&start=" + Uri.EscapeDataString(start))}";
            var reply = await CallAsync(HttpMethod.Get, query, body: null, ct, nothing);
            if (nothing.Contains(reply.Status))
            {
                return [];
            }

            var page = Read(reply.Body, CodeEngineJson.Default.Page, path);
            foreach (var item in items(page) ?? throw Odd(path, "has no list"))
            {
                found[name(item)] = item;
            }

            var next = page.Next?.Start ?? StartOf(page.Next?.Href);
            if (next is null || next == start)
            {
                return [.. found.Values];
            }

            start = next;
        }

        throw Odd(path, $"has more than {MostPages} pages");
    }

    private static string? StartOf(string? href)
    {
        var at = href?.IndexOf("start=", StringComparison.Ordinal) ?? -1;
        return at < 0 ? null : Uri.UnescapeDataString(href![(at + "start=".Length)..].Split('&')[0]);
    }

    /// <param name="answers">Statuses besides 2xx that the caller takes as values.</param>
    private Task<Reply> CallAsync(HttpMethod method, string path, HttpBody? body, CancellationToken ct, params HttpStatusCode[] answers) => GuardedAsync(path, async limited =>
    {
        _pause.ThrowWhileHeld();
        var token = await Token.GetAsync(limited);
        var reply = await SendAsync(method, path, body, token, limited);
        if (reply.Status == HttpStatusCode.Unauthorized)
        {
            // Once: the token may have been revoked. A second no is about the key.
            Token.Drop(token);
            reply = await SendAsync(method, path, body, await Token.GetAsync(limited), limited);
        }

        return (int)reply.Status is >= 200 and < 300 || answers.Contains(reply.Status) && !IsQuota(reply) ? reply : throw new BackendFault(FaultOf(reply, method, path));
    }, ct);

    private async Task<Reply> SendAsync(HttpMethod method, string path, HttpBody? body, string token, CancellationToken ct)
    {
        var versioned = $"/v2/projects/{Uri.EscapeDataString(_options.ProjectId)}{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}version={ApiVersion}";
        using var request = new HttpRequestMessage(method, new Uri(_options.ApiBase, versioned));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/json");
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body.Json) { Headers = { ContentType = new MediaTypeHeaderValue(body.MediaType) } };
            if (body.IfMatch is { } tag)
            {
                request.Headers.TryAddWithoutValidation("If-Match", tag);
            }
        }

        Interlocked.Increment(ref _calls);
        using var reply = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);
        await using var bounded = new BoundedStream(await reply.Content.ReadAsStreamAsync(ct), LargestReply);
        using var whole = new MemoryStream();
        await bounded.CopyToAsync(whole, ct);
        return new Reply(reply.StatusCode, whole.ToArray(), _pause.AskedBy(reply, UsualPause), Header(reply, "X-Request-Id") ?? Header(reply, "X-Correlation-Id"));
    }

    /// <summary>The one place where what goes wrong on the way becomes a named fault.</summary>
    private async Task<T> GuardedAsync<T>(string path, Func<CancellationToken, Task<T>> call, CancellationToken ct)
    {
        using var clock = new CancellationTokenSource(Usual, _time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        try
        {
            return await call(limited.Token);
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "CodeEngineTimeout", $"Code Engine did not answer {PathOnly(path)} within {Usual.TotalSeconds:0} s."), e);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException)
        {
            ct.ThrowIfCancellationRequested();
            throw new BackendFault(new Fault(FaultKind.Transient, "CodeEngineUnreachable", $"Code Engine at {_options.ApiBase.Host} cannot be reached: {e.GetBaseException().Message}"), e);
        }
    }

    private Fault FaultOf(Reply reply, HttpMethod method, string path)
    {
        if (reply.Pause is { } pause)
        {
            _pause.Hold(pause);
        }

        var words = $"Code Engine answered {(int)reply.Status} to {method} {PathOnly(path)}: {MessageOf(reply, path)}";
        if (IsQuota(reply))
        {
            return new Fault(FaultKind.Throttled, QuotaExceeded, $"{words} {QuotaOf(method, path)}", reply.Pause ?? TimeSpan.FromSeconds(60));
        }

        return (int)reply.Status switch
        {
            400 or 413 or 415 or 422 or 428 => new Fault(FaultKind.Refused, "CodeEngineRefused", words),
            401 => new Fault(FaultKind.Unauthorized, "CodeEngineDenied", $"{words} Check RUNTIME_IBM_CODE_ENGINE_API_KEY."),
            403 => new Fault(FaultKind.Unauthorized, "CodeEngineDenied", $"{words} The key's owner needs the service role Writer on the project."),
            404 => new Fault(FaultKind.Transient, "ProjectNotFound", $"{words} Check RUNTIME_IBM_CODE_ENGINE_PROJECT_ID and _REGION."),
            409 or 412 => new Fault(FaultKind.Transient, "ChangedMeanwhile", words),
            429 => new Fault(FaultKind.Throttled, "CodeEngineThrottled", words, reply.Pause),
            _ => new Fault(FaultKind.Transient, "CodeEngineError", words),
        };
    }

    /// <summary>No code for a used-up quota is documented, so the words decide, under whatever status they come.</summary>
    private static bool IsQuota(Reply reply) => (int)reply.Status is 400 or 403 or 409 or 429
        && ErrorOf(reply)?.Errors is [{ } error, ..]
        && $"{error.Code} {error.Message}".Contains("quota", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the platform's own words are of app revisions: of an update's quotas only that one is helped by removing some. What we add to the words is of what may be.</summary>
    public static bool IsOfRevisions(Fault fault) => fault.Reason == QuotaExceeded
        && fault.Message[..Math.Max(0, fault.Message.LastIndexOf(Quota, StringComparison.Ordinal))].Contains("revision", StringComparison.OrdinalIgnoreCase);

    /// <summary>Which quota, by what was asked for, and what to do.</summary>
    private static string QuotaOf(HttpMethod method, string path) => path switch
    {
        "/apps" when method == HttpMethod.Post => $"{Quota} is used up (40 apps, 120 app revisions): a new app needs a free place, and so does an update, which makes the new app beside the old one. Delete a runtime or an app, or ask IBM for more; it is tried again by itself.",
        "/secrets" => $"{Quota} of secrets is used up (100): delete some that nothing uses, or ask IBM for more; it is tried again by itself.",
        "/builds" => $"{Quota} of builds is used up (100): delete some that nothing uses, or ask IBM for more; it is tried again by itself.",
        "/build_runs" => $"{Quota} of build runs is used up (100): delete old ones, or ask IBM for more; it is tried again by itself.",
        _ => $"{Quota} of app revisions is used up (120): delete old revisions of other apps, or ask IBM for more; it is tried again by itself.",
    };

    private static ErrorBody? ErrorOf(Reply reply)
    {
        try
        {
            return JsonSerializer.Deserialize(reply.Body, CodeEngineJson.Default.ErrorBody);
        }
        catch (JsonException)
        {
            return null; // A proxy's page.
        }
    }

    private static string MessageOf(Reply reply, string path)
    {
        var error = ErrorOf(reply);
        if (path.StartsWith("/secrets", StringComparison.Ordinal))
        {
            // No word of it: the platform, or a proxy before it, may quote the values that it was sent. A trace that is none is one of those words.
            return $"{Plain(error?.Errors is [{ Code: { } code }, ..] ? code : null) ?? "no code"} (its words are left out: they may hold a secret's values){Traced(Plain(error?.Trace ?? reply.RequestId))}";
        }

        var text = error?.Errors is [{ Message: { } message } first, ..] ? $"{message} ({first.Code})" : error?.Message ?? error?.ErrorMessage;
        text ??= Encoding.UTF8.GetString(reply.Body, 0, Math.Min(reply.Body.Length, 300)).ReplaceLineEndings(" ").Trim();
        return $"{(text.Length <= 1_000 ? text : text[..1_000] + "…")}{Traced(error?.Trace ?? reply.RequestId)}";
    }

    /// <summary>Null for what is no plain word.</summary>
    private static string? Plain(string? text) => text is { Length: > 0 and <= 100 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') ? text : null;

    private static string Traced(string? trace) => trace is null ? "" : $" [trace {trace}]";

    private static T Read<T>(byte[] body, JsonTypeInfo<T> type, string path)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body, type) ?? throw Odd(path, "is null");
        }
        catch (JsonException e)
        {
            // Without the parser's words: an answer may hold a secret's data.
            throw Odd(path, $"is not the JSON it documents (at {e.Path})");
        }
    }

    private static BackendFault Odd(string path, string what) => new(new Fault(FaultKind.Transient, "CodeEngineAnswer", $"Code Engine's answer to {PathOnly(path)} {what}."));

    private static string PathOnly(string path) => path.IndexOf('?', StringComparison.Ordinal) is var at and >= 0 ? path[..at] : path.Length == 0 ? "/" : path;

    private static string? Header(HttpResponseMessage reply, string name) => reply.Headers.TryGetValues(name, out var values) ? values.FirstOrDefault() : null;

    private static string Escaped(string name) => Uri.EscapeDataString(name);

    private sealed record Reply(HttpStatusCode Status, byte[] Body, TimeSpan? Pause, string? RequestId);

    private sealed record HttpBody(byte[] Json, string MediaType, string? IfMatch)
    {
        public static HttpBody Of<T>(T value, JsonTypeInfo<T> type, string? ifMatch = null) => new(JsonSerializer.SerializeToUtf8Bytes(value, type), "application/json", ifMatch);

        public static HttpBody Patch(JsonObject patch, string ifMatch) => new(Encoding.UTF8.GetBytes(patch.ToJsonString()), "application/merge-patch+json", ifMatch);
    }
}

internal enum Written
{
    Done,

    /// <summary>The name is taken, or the thing was changed since it was read.</summary>
    Conflict,

    /// <summary>It is not there.</summary>
    Absent,
}
