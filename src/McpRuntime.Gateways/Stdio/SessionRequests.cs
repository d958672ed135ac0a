using System.Net;
using System.Text.Json;
using McpRuntime.Gateways.Embedded;

namespace McpRuntime.Gateways.Stdio;

/// <summary>Requests of one caller in the era with sessions (2025-11-25 and before).</summary>
internal sealed class SessionRequests(Bridge bridge, ServerFacts server, string caller)
{
    private const string Reopen = "Session not found: it has ended, or the server was replaced. Initialize again.";

    public async Task<HttpResponseMessage> PostAsync(HttpRequestMessage request, JsonRpcMessage message, CancellationToken ct)
    {
        if (message is { Kind: MessageKind.Request, Method: "initialize" })
        {
            return Initialize(message);
        }

        if (Find(request, BridgeEndpoint.Id(message), out var refused) is not { } session)
        {
            return refused;
        }

        switch (message.Kind)
        {
            case MessageKind.Response:
                session.TakeAsked(message.IdText)?.Answered(message);
                return Reply.Empty(HttpStatusCode.Accepted);
            case MessageKind.Notification:
                Notice(session, message);
                return Reply.Empty(HttpStatusCode.Accepted);
            case MessageKind.Request:
                return await RequestAsync(session, message, ct);
            default:
                throw new InvalidOperationException($"A message of kind {message.Kind} is none.");
        }
    }

    public HttpResponseMessage Get(HttpRequestMessage request)
    {
        if (Find(request, id: null, out var refused) is not { } session)
        {
            return refused;
        }

        if (BridgeEndpoint.Header(request, HeaderPolicy.LastEventId) is { } last)
        {
            return session.Resume(last) is { } resumed
                ? Reply.Events(resumed.Stream, resumed.After, numbered: true, () => { })
                // Not 404: to the gateway, and to clients, that is the end of the session.
                : Reply.Error(HttpStatusCode.BadRequest, null, Protocol.Gateway, "The stream of that event is not kept any more.");
        }

        // Who does not say what it has begins behind what was read: nothing is told twice.
        return Reply.Events(session.Stream, session.Stream.LastRead, numbered: true, () => { });
    }

    public HttpResponseMessage Delete(HttpRequestMessage request)
    {
        if (Find(request, id: null, out var refused) is not { } session)
        {
            return refused;
        }

        bridge.EndSession(session);
        return Reply.Empty(HttpStatusCode.OK);
    }

    private Session? Find(HttpRequestMessage request, string? id, out HttpResponseMessage refused)
    {
        refused = Reply.Empty(HttpStatusCode.BadRequest);
        var version = BridgeEndpoint.Header(request, HeaderPolicy.ProtocolVersion);
        if (version is not null && !Protocol.WithSessions.Contains(version, StringComparer.Ordinal))
        {
            refused = Reply.Error(HttpStatusCode.BadRequest, id, Protocol.Gateway, $"The protocol version \"{version[..Math.Min(version.Length, 40)]}\" is not supported. These are: {string.Join(", ", Protocol.WithSessions)}, {Protocol.Stateless}.");
            return null;
        }

        if (BridgeEndpoint.Header(request, HeaderPolicy.SessionId) is not { Length: > 0 } text)
        {
            refused = Reply.Error(HttpStatusCode.BadRequest, id, Protocol.Gateway, "The header Mcp-Session-Id is missing: initialize first.");
            return null;
        }

        var session = bridge.Sessions.Find(text, caller);
        if (session is null)
        {
            refused = Reply.Error(HttpStatusCode.NotFound, id, Protocol.SessionNotFound, Reopen);
        }

        return session;
    }

    private HttpResponseMessage Initialize(JsonRpcMessage message)
    {
        var version = Translation.VersionFor(message.TextAt("protocolVersion"), server);
        var session = bridge.Sessions.Open(caller, version, message.At("capabilities") ?? default, out var why);
        if (session is null)
        {
            return Reply.Error(HttpStatusCode.ServiceUnavailable, message.IdText, Protocol.Gateway, why);
        }

        if (bridge.End.IsCompleted)
        {
            bridge.EndSession(session);
            return Reply.Error(HttpStatusCode.ServiceUnavailable, message.IdText, Protocol.Gateway, "The server has just ended; it is being replaced. Try again.");
        }

        if (server.IsStateless)
        {
            bridge.Subscriptions.ListenToLists();
        }

        var reply = Reply.Json(Translation.InitializeResult(message.IdText, server, version));
        reply.Headers.TryAddWithoutValidation(HeaderPolicy.SessionId, session.Id);
        return reply;
    }

    private void Notice(Session session, JsonRpcMessage message)
    {
        // The bridge has told the server itself that it is initialized; and whose roots changed is no server's business that serves many.
        if (message.Method == "notifications/cancelled" && message.At("requestId") is { } id && session.FindCall(id.GetRawText()) is { } call)
        {
            bridge.Cancel(call, message.TextAt("reason") ?? "The client cancelled it.");
        }
    }

    private async Task<HttpResponseMessage> RequestAsync(Session session, JsonRpcMessage message, CancellationToken ct)
    {
        if (Local(session, message) is { } local)
        {
            return Reply.Json(local);
        }

        Call? call = null;
        call = new Call(session, caller, message, session.NewStream())
        {
            StartedAt = bridge.Time.GetTimestamp(),
            Frame = id => Frame(id, session, message, call!),
            Translate = answer => Answered(session, call!, answer),
            Ended = () => Ended(session, call!),
        };
        if (!session.TryAdd(call))
        {
            return session.HasEnded
                ? Reply.Error(HttpStatusCode.NotFound, message.IdText, Protocol.SessionNotFound, Reopen)
                : Reply.Error(HttpStatusCode.BadRequest, message.IdText, Protocol.InvalidRequest, "A request of that id is being worked on; ids must not be used again.");
        }

        bridge.Calls.Begin(call);

        // A client that is cut off has not cancelled: it may come back for the rest.
        var reply = await Reply.OfAsync(call, numbered: true, bridge.Time, () => { }, ct);
        if (reply.Content is not StreamContent)
        {
            session.Drop(call.Outbox);
        }

        return reply;
    }

    /// <summary>What the bridge answers itself, where the server has nothing of the kind.</summary>
    private byte[]? Local(Session session, JsonRpcMessage message)
    {
        switch (message.Method)
        {
            case "logging/setLevel":
                var level = Array.IndexOf(Protocol.LogLevels, message.TextAt("level"));
                if (level < 0)
                {
                    return Frames.Error(message.IdText, Protocol.InvalidParams, $"level must be one of {string.Join(", ", Protocol.LogLevels)}.");
                }

                session.LogLevel = level;
                return server.IsStateless ? Frames.Result(message.IdText, _ => { }) : null;
            case "ping":
                return server.IsStateless ? Frames.Result(message.IdText, _ => { }) : null;
            case "resources/subscribe" when server.IsStateless && message.TextAt("uri") is { } uri:
                session.Subscribe(uri, on: true);
                bridge.Subscriptions.ListenTo(uri);
                return Frames.Result(message.IdText, _ => { });
            case "resources/unsubscribe" when message.TextAt("uri") is { } uri:
                session.Subscribe(uri, on: false);
                bridge.Subscriptions.Dropped(uri);
                return Frames.Result(message.IdText, _ => { });
            default:
                return null;
        }
    }

    private byte[] Frame(long id, Session session, JsonRpcMessage message, Call call) => message.Method == "logging/setLevel"
        ? Frames.Request(id, message.Method, to => to.WriteString("level"u8, Protocol.LogLevels[bridge.Sessions.All.Min(one => one.LogLevel ?? int.MaxValue) is var least && least < Protocol.LogLevels.Length ? least : session.LogLevel!.Value]))
        : Translation.Request(id, message, server, session, call.ProgressToken is not null);

    private (byte[] Message, HttpStatusCode Status)? Answered(Session session, Call call, JsonRpcMessage answer)
    {
        if (call.Message.Method == "resources/subscribe" && answer.Result is not null && call.Message.TextAt("uri") is { } uri)
        {
            session.Subscribe(uri, on: true);
        }

        if (server.IsStateless && answer.Result is { ValueKind: JsonValueKind.Object } result && Protocol.Text(result, "resultType") == "input_required")
        {
            new InputRound(bridge, server, session, call).Begin(result);
            return null;
        }

        return Translation.Answer(answer, call, server);
    }

    private static void Ended(Session session, Call call)
    {
        session.Remove(call);
        foreach (var request in session.TakeAskedFor(call))
        {
            request.Answered(null);
        }

        session.Trim();
    }
}
