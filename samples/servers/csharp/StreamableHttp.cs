using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;
using ModelContextProtocol;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace McpRuntime.SampleServer;

/// <summary>
/// One path, both eras of the transport: a request without a session that is not <c>initialize</c> is answered on its own (2026-07-28);
/// <c>initialize</c> opens a session that later requests name in <c>Mcp-Session-Id</c>.
/// </summary>
internal sealed class StreamableHttp(McpServerOptions options, ILoggerFactory loggers, TimeProvider time)
{
    private const string SessionHeader = "Mcp-Session-Id";

    /// <summary>Sessions that nobody ended. Above this the longest idle one goes: a sample must not grow without bound.</summary>
    private const int MaxSessions = 2_000;

    private static readonly JsonTypeInfo<JsonRpcMessage> MessageType = (JsonTypeInfo<JsonRpcMessage>)McpJsonUtilities.DefaultOptions.GetTypeInfo(typeof(JsonRpcMessage));

    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.Ordinal);

    public async Task PostAsync(HttpContext context)
    {
        var ct = context.RequestAborted;
        JsonRpcMessage? message;
        try
        {
            message = await JsonSerializer.DeserializeAsync(context.Request.Body, MessageType, ct);
        }
        catch (JsonException fault)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, -32700, fault.Message);
            return;
        }

        if (message is null)
        {
            await RefuseAsync(context, StatusCodes.Status400BadRequest, -32600, "The body is not a JSON-RPC message.");
            return;
        }

        message.Context = new JsonRpcMessageContext { ProtocolVersion = NullIfEmpty(context.Request.Headers["MCP-Protocol-Version"].ToString()) };
        var asked = context.Request.Headers[SessionHeader].ToString();
        if (asked.Length > 0)
        {
            if (!_sessions.TryGetValue(asked, out var session))
            {
                await RefuseAsync(context, StatusCodes.Status404NotFound, -32001, "This session has ended; initialize again.");
                return;
            }

            session.LastUsed = time.GetTimestamp();
            await AnswerAsync(context, session.Transport, message, ct);
        }
        else if (message is JsonRpcRequest { Method: "initialize" })
        {
            var session = Open();
            context.Response.Headers[SessionHeader] = session.Id;
            await AnswerAsync(context, session.Transport, message, ct);
        }
        else
        {
            await AnswerAloneAsync(context, message, ct);
        }
    }

    public async Task GetAsync(HttpContext context)
    {
        if (!_sessions.TryGetValue(context.Request.Headers[SessionHeader].ToString(), out var session))
        {
            await RefuseAsync(context, StatusCodes.Status405MethodNotAllowed, -32000, "Only a session has a stream of its own.");
            return;
        }

        StartStream(context);
        await context.Response.Body.FlushAsync(context.RequestAborted);
        await session.Transport.HandleGetRequestAsync(context.Response.Body, context.RequestAborted);
    }

    public async Task DeleteAsync(HttpContext context)
    {
        if (_sessions.TryRemove(context.Request.Headers[SessionHeader].ToString(), out var session))
        {
            await session.DisposeAsync();
        }
    }

    private async Task AnswerAloneAsync(HttpContext context, JsonRpcMessage message, CancellationToken ct)
    {
        await using var transport = new StreamableHttpServerTransport(loggers) { Stateless = true };
        await using var server = McpServer.Create(transport, options, loggers);
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var running = server.RunAsync(ended.Token);
        await AnswerAsync(context, transport, message, ct);
        await ended.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task AnswerAsync(HttpContext context, StreamableHttpServerTransport transport, JsonRpcMessage message, CancellationToken ct)
    {
        StartStream(context);
        var wrote = await transport.HandlePostRequestAsync(message, context.Response.Body, first => ChooseStatus(context, first), ct);
        if (!wrote && !context.Response.HasStarted)
        {
            context.Response.Headers.ContentType = default;
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        }
    }

    // 2026-07-28 gives some JSON-RPC errors an HTTP status of their own; they can only be had before the first byte.
    private static ValueTask ChooseStatus(HttpContext context, JsonRpcMessage? first)
    {
        if (!context.Response.HasStarted && first is JsonRpcError error)
        {
            context.Response.StatusCode = error.Error.Code switch
            {
                -32601 => StatusCodes.Status404NotFound,
                -32020 or -32021 or -32022 => StatusCodes.Status400BadRequest,
                _ => StatusCodes.Status200OK,
            };
        }

        return ValueTask.CompletedTask;
    }

    private Session Open()
    {
        if (_sessions.Count >= MaxSessions && _sessions.Values.MinBy(session => session.LastUsed) is { } idlest && _sessions.TryRemove(idlest.Id, out _))
        {
            _ = idlest.DisposeAsync().AsTask();
        }

        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var transport = new StreamableHttpServerTransport(loggers) { SessionId = id };
        var session = new Session(id, transport, McpServer.Create(transport, options, loggers)) { LastUsed = time.GetTimestamp() };
        _sessions[id] = session;
        session.Run();
        return session;
    }

    private static void StartStream(HttpContext context)
    {
        context.Response.Headers.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        context.Features.GetRequiredFeature<IHttpResponseBodyFeature>().DisableBuffering();
    }

    private static Task RefuseAsync(HttpContext context, int status, int code, string message)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.ContentType = "application/json";
        return context.Response.WriteAsync(
            JsonSerializer.Serialize(new { jsonrpc = "2.0", id = (string?)null, error = new { code, message } }),
            context.RequestAborted);
    }

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;

    private sealed class Session(string id, StreamableHttpServerTransport transport, McpServer server) : IAsyncDisposable
    {
        private readonly CancellationTokenSource _ended = new();
        private Task _running = Task.CompletedTask;

        public string Id { get; } = id;

        public StreamableHttpServerTransport Transport { get; } = transport;

        public long LastUsed { get; set; }

        public void Run() => _running = server.RunAsync(_ended.Token);

        public async ValueTask DisposeAsync()
        {
            await _ended.CancelAsync();
            await Transport.DisposeAsync();
            await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await server.DisposeAsync();
            _ended.Dispose();
        }
    }
}
