using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// Brings what a server says unasked to those it concerns, and to nobody else. stdio does not say which call a message belongs to: where
/// the message itself does not tell either, it goes to the one client whose calls are being worked on, or, if there are several, to none.
/// </summary>
internal sealed partial class Notices(CallTable calls, SessionTable sessions, ListenerTable listeners, object own, ILogger logger)
{
    public void Deliver(JsonRpcMessage notice)
    {
        switch (notice.Method)
        {
            case "notifications/progress":
                Progress(notice);
                return;
            case "notifications/cancelled":
                Cancelled(notice);
                return;
            case "notifications/message":
                Logged(notice);
                return;
        }

        if (notice.At("_meta", Protocol.SubscriptionKey) is { ValueKind: JsonValueKind.Number } subscription && subscription.TryGetInt64(out var id) && calls.Find(id) is { } listening && listening.Asker != own)
        {
            Subscribed(listening, notice);
        }
        else if (Listener.Kinds.ContainsKey(notice.Method))
        {
            Everybody(notice);
        }
        else if (notice.Method == "notifications/resources/updated")
        {
            Subscribers(notice);
        }
        else if (notice.Method != "notifications/subscriptions/acknowledged")
        {
            OnlyAsker(notice);
        }
    }

    private void Progress(JsonRpcMessage notice)
    {
        if (notice.At("progressToken") is { ValueKind: JsonValueKind.Number } token && token.TryGetInt64(out var id) && calls.Find(id) is { ProgressToken: { } asked } call)
        {
            call.Outbox.TrySend(Frames.Notification(notice.Method, to =>
            {
                to.WritePropertyName("progressToken"u8);
                Frames.Value(to, asked);
                foreach (var field in notice.Params!.Value.EnumerateObject().Where(field => !field.NameEquals("progressToken"u8)))
                {
                    Frames.Field(to, field);
                }
            }));
            return;
        }

        Log.Nobodys(logger, notice.Method);
    }

    /// <summary>The server takes back what it asked a client.</summary>
    private void Cancelled(JsonRpcMessage notice)
    {
        if (notice.At("requestId") is not { } id)
        {
            return;
        }

        foreach (var session in sessions.All)
        {
            if (session.AskedAs(id.GetRawText()) is { } name && session.TakeAsked(name) is { } request)
            {
                request.For.Outbox.TrySend(Frames.Notification(notice.Method, to =>
                {
                    to.WritePropertyName("requestId"u8);
                    to.WriteRawValue(name, skipInputValidation: true);
                    foreach (var field in notice.Params!.Value.EnumerateObject().Where(field => !field.NameEquals("requestId"u8)))
                    {
                        Frames.Field(to, field);
                    }
                }));
                return;
            }
        }
    }

    /// <summary>Of a call while one client's calls run; else to those that asked for logs, when nobody's call runs at all, not even a cancelled one.</summary>
    private void Logged(JsonRpcMessage notice)
    {
        var level = Array.IndexOf(Protocol.LogLevels, Protocol.Text(notice.Params, "level"));
        if (!calls.IsIdle)
        {
            if (calls.OnlyAskers() is { } call && (call.Session is not { LogLevel: { } least } || level >= least))
            {
                call.Outbox.TrySend(Frames.Same(notice));
            }

            return;
        }

        var frame = Frames.Same(notice);
        foreach (var session in sessions.All.Where(session => session.LogLevel is { } least && level >= least))
        {
            session.Stream.TrySend(frame);
        }
    }

    private static void Subscribed(Call listening, JsonRpcMessage notice)
    {
        var edit = new MetaEdit(ProgressToken: null, Keep: false, to =>
        {
            to.WritePropertyName(Protocol.SubscriptionKey);
            to.WriteRawValue(listening.ClientId, skipInputValidation: true);
        });
        listening.Outbox.TrySend(Frames.Notification(notice.Method, to => Frames.Fields(to, notice.Params, edit)));
    }

    private void Everybody(JsonRpcMessage notice)
    {
        var frame = ForSessions(notice);
        foreach (var session in sessions.All)
        {
            session.Stream.TrySend(frame);
        }

        foreach (var listener in listeners.All.Where(listener => listener.Lists.Contains(notice.Method)))
        {
            listener.Tell(notice);
        }
    }

    private void Subscribers(JsonRpcMessage notice)
    {
        if (notice.TextAt("uri") is not { } uri)
        {
            return;
        }

        var frame = ForSessions(notice);
        foreach (var session in sessions.All.Where(session => session.IsSubscribedTo(uri)))
        {
            session.Stream.TrySend(frame);
        }

        foreach (var listener in listeners.All.Where(listener => listener.Uris.Contains(uri)))
        {
            listener.Tell(notice);
        }
    }

    private void OnlyAsker(JsonRpcMessage notice)
    {
        if (calls.OnlyAskers() is { } call)
        {
            call.Outbox.TrySend(Frames.Same(notice));
        }
        else
        {
            Log.Nobodys(logger, notice.Method.Length > 100 ? notice.Method[..100] : notice.Method);
        }
    }

    private static byte[] ForSessions(JsonRpcMessage notice) =>
        notice.Params is null ? Frames.Same(notice) : Frames.Notification(notice.Method, to => Frames.Fields(to, notice.Params, new MetaEdit(ProgressToken: null, Keep: false)));

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Debug, Message = "A notification that concerns no client was dropped: {Method}")]
        public static partial void Nobodys(ILogger logger, string method);
    }
}
