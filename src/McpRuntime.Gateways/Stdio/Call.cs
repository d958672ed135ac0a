using System.Net;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>One request of a client, from its arrival to its one answer.</summary>
/// <param name="asker">Whose it is: a session, or for a stateless request something of its own.</param>
/// <param name="message">As the client sent it.</param>
internal sealed class Call(object asker, string caller, JsonRpcMessage message, Outbox outbox)
{
    public object Asker => asker;

    public Session? Session => asker as Session;

    public string Caller => caller;

    public JsonRpcMessage Message => message;

    public Outbox Outbox => outbox;

    /// <summary>As JSON.</summary>
    public string ClientId { get; } = message.IdText;

    /// <summary>The client's own word for its progress, as JSON; null when it did not ask for any.</summary>
    public JsonElement? ProgressToken { get; } = message.At("_meta", "progressToken") is { ValueKind: JsonValueKind.String or JsonValueKind.Number } token ? token : null;

    /// <summary>The id it has with the server. Guarded by the table's lock.</summary>
    public long Id { get; set; }

    /// <summary>Its client went before it was sent: it is not sent any more. Guarded by the table's lock.</summary>
    public bool IsAbandoned { get; set; }

    /// <summary>When it came, on the clock of timestamps.</summary>
    public required long StartedAt { get; init; }

    /// <summary>How often the server asked for more before it went on.</summary>
    public int Rounds { get; set; }

    /// <summary>A stream that stays open; it takes nobody's turn.</summary>
    public bool IsListening => message.Method == "subscriptions/listen";

    /// <summary>What is sent to the server under an id.</summary>
    public required Func<long, byte[]> Frame { get; init; }

    /// <summary>What the client is answered with. Null: it is not the answer yet.</summary>
    public required Func<JsonRpcMessage, (byte[] Message, HttpStatusCode Status)?> Translate { get; init; }

    /// <summary>Told once, however it ends.</summary>
    public Action? Ended { get; init; }

    public void Fail(int code, string why, HttpStatusCode status = HttpStatusCode.OK) => Finish(Frames.Error(ClientId, code, why), status);

    /// <param name="message">Null: it has no answer, and its client waits for none.</param>
    public void Finish(byte[]? message, HttpStatusCode status = HttpStatusCode.OK)
    {
        outbox.Finish(message, status);
        Ended?.Invoke();
    }
}

/// <summary>What a server is asked by the bridge itself.</summary>
internal sealed class OwnRequest
{
    public TaskCompletionSource<JsonRpcMessage> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
