using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Embedded;

/// <summary>The gateway's own answer where the server's can't be had.</summary>
/// <param name="Outcome">The word under which it is counted.</param>
/// <param name="Code">JSON-RPC: -32000 for what the gateway could not do, -32001 for an ended session (as the SDKs' own servers say it), -32600 for what is not a request, -32700 for what can't be read.</param>
internal sealed record GatewayError(int Status, string Outcome, int Code, string Title, string Message, TimeSpan? RetryAfter = null)
{
    private const int ParseError = -32700;

    public static GatewayError Unauthenticated { get; } = new(401, "unauthenticated", -32000, "Not authenticated", "This runtime's gateway takes no anonymous call: send a bearer token.");

    public static GatewayError NotACaller { get; } = new(403, "forbidden", -32000, "Not allowed", "Calling a server takes the role caller; this token has less.");

    public static GatewayError ForeignOrigin { get; } = new(403, "origin", -32000, "Origin not allowed", "Pages of this origin may not call. Its own address is RUNTIME_PUBLIC_URL; others are allowed by RUNTIME_GATEWAY_ALLOWED_ORIGINS.");

    public static GatewayError NoRoute(string name) => new(404, "not_found", -32000, "No such server", $"There is no server \"{name}\" here that you may call. GET /gateways lists those there are.");

    public static GatewayError SessionEnded { get; } = new(404, "session_ended", -32001, "Session not found", "Session not found: it has ended, or the server was replaced. Initialize again.");

    public static GatewayError TooManySessions(string name, int limit) => new(429, "too_many_sessions", -32000, "Too many sessions", $"The server \"{name}\" has {limit} open sessions, which is all it may have (RUNTIME_GATEWAY_MAX_SESSIONS_PER_RUNTIME). Idle ones end by themselves; try again.", TimeSpan.FromSeconds(30));

    public static GatewayError Ambiguous(string field) => new(400, "bad_request", ParseError, "Ambiguous message", $"The message has \"{Probing.Words.Plain(field, 60)}\" twice, or in a spelling that some readers take for another field; which is meant can't be told.");

    public static GatewayError Malformed { get; } = new(400, "bad_request", ParseError, "Malformed message", "Parse error: a message is one JSON text in UTF-8, without a byte order mark and with nothing behind it.");

    public static GatewayError Unreadable { get; } = new(400, "bad_request", -32600, "Unreadable message", "What this message calls can't be read (it is a batch, or names no tool). This gateway passes only what it understands (RUNTIME_TOOLS_PIN=quarantine).");

    public static GatewayError ToolsChanged(string name) => new(403, "quarantined", -32000, "Tools quarantined", $"The tools of \"{name}\" changed without a new deployment. Until an approver has looked at them and accepted them, none is called.");

    public static GatewayError ToolsUnknown(string name) => new(503, "quarantined", -32000, "Tools not known yet", $"Which tools were accepted of \"{name}\" is not known just now, so none is called. Try again shortly.", TimeSpan.FromSeconds(2));

    public static GatewayError ToolUnknown(string name, string tool) => new(403, "quarantined", -32000, "Tool not accepted", $"\"{Probing.Words.Plain(tool, 200)}\" is not among the tools that were accepted of \"{name}\".");

    public static GatewayError BadHeader(string name) => new(400, "bad_request", -32600, "Malformed header", $"The header {name} must be one value of visible ASCII; other text travels as =?base64?…?=.");

    public static GatewayError BadAddress { get; } = new(400, "bad_request", -32600, "Malformed address", "The query can't be read as part of an address.");

    /// <summary>Never as JSON-RPC: clients that look for the right transport take a JSON-RPC error for the answer of streamable HTTP, and do not try the older one.</summary>
    public static GatewayError MessagesElsewhere { get; } = new(405, "method", -32000, "Method not allowed", "This server speaks only the HTTP+SSE transport of 2024-11-05: open its stream with GET.");

    public static GatewayError ClientFault(BadHttpRequestException e) => new(e.StatusCode, e.StatusCode == 413 ? "too_large" : "bad_request", -32600, e.StatusCode == 413 ? "Message too large" : "Malformed request", e.Message);

    public static GatewayError RoutesAway { get; } = new(503, "routes_away", -32000, "Gateway unavailable", "The gateway's routes can't be read just now.", TimeSpan.FromSeconds(2));

    public static GatewayError Unreachable(string name, string why) => new(503, "unreachable", -32000, "Server unreachable", $"The server \"{name}\" can't be reached: {why}. Nothing was sent; try again.", TimeSpan.FromSeconds(2));

    public static GatewayError Broken(string name, string why) => new(502, "broken", -32000, "Bad answer", $"The server \"{name}\" gave no whole answer: {why}. Whether it executed the call is not known.");

    public static GatewayError Challenge(string name) => new(502, "challenged", -32000, "Server wants its own authorization", $"The server \"{name}\" asks for an authorization of its own, which does not travel in the Authorization header here. Give it in the runtime's environment, or in a header of the server's own.");

    public static GatewayError Redirect(string name) => new(502, "redirect", -32000, "Server redirects", $"The server \"{name}\" redirects to another address, which is not followed. Set the runtime's endpoint_path to where it really answers.");

    public static GatewayError BadSessionId(string name) => new(502, "broken", -32000, "Bad answer", $"The server \"{name}\" gave a session id that is not visible ASCII of reasonable length.");

    public static GatewayError Late(string name) => new(504, "timeout", -32000, "Server too slow", $"The server \"{name}\" gave no answer in time (RUNTIME_GATEWAY_IDLE_TIMEOUT_SECONDS, RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS).");

    /// <summary>As JSON-RPC where the request was, with its id; else as problem details.</summary>
    public async Task WriteAsync(HttpContext context, JsonRpcEnvelope request)
    {
        var response = context.Response;
        response.Headers.Clear();
        response.StatusCode = Status;
        if (RetryAfter is { } after)
        {
            response.Headers.RetryAfter = ((int)after.TotalSeconds).ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        if (Status == StatusCodes.Status405MethodNotAllowed)
        {
            response.Headers.Allow = "GET";
        }

        var asMessage = (request.IsMessage || Code == ParseError) && Status != StatusCodes.Status405MethodNotAllowed;
        JsonObject body = asMessage
            ? AsMessage(request)
            : new() { ["title"] = Title, ["status"] = Status, ["detail"] = Message };
        response.ContentType = asMessage ? "application/json" : "application/problem+json";
        await response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(body), context.RequestAborted);
    }

    /// <summary>As the last event of a stream that has begun, between two events.</summary>
    public async Task WriteEventAsync(HttpContext context, JsonRpcEnvelope request)
    {
        try
        {
            await context.Response.WriteAsync($"event: message\ndata: {AsMessage(request).ToJsonString()}\n\n", context.RequestAborted);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Nobody is left to be told.
            context.Abort();
        }
    }

    private JsonObject AsMessage(JsonRpcEnvelope request) => new()
    {
        ["jsonrpc"] = "2.0",
        ["id"] = request.Id is null ? null : JsonNode.Parse(request.Id),
        ["error"] = new JsonObject { ["code"] = Code, ["message"] = Message },
    };
}
