using System.Collections.Concurrent;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>A stateless client's <c>subscriptions/listen</c>, where the bridge itself serves it.</summary>
/// <param name="Id">As JSON: the client's request id, which every message carries.</param>
internal sealed record Listener(string Caller, string Id, Outbox Outbox, IReadOnlySet<string> Lists, IReadOnlySet<string> Uris)
{
    /// <summary>The kinds of change a client may ask for, by the notification that tells of one.</summary>
    public static readonly IReadOnlyDictionary<string, string> Kinds = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["notifications/tools/list_changed"] = "toolsListChanged",
        ["notifications/prompts/list_changed"] = "promptsListChanged",
        ["notifications/resources/list_changed"] = "resourcesListChanged",
    };

    public static Listener Of(string caller, JsonRpcMessage message, Outbox outbox)
    {
        var lists = Kinds.Where(kind => message.At("notifications", kind.Value) is { ValueKind: JsonValueKind.True }).Select(kind => kind.Key);
        var uris = message.At("notifications", "resourceSubscriptions") is { ValueKind: JsonValueKind.Array } asked
            ? asked.EnumerateArray().Select(Protocol.TextOf).OfType<string>()
            : [];
        return new Listener(caller, message.IdText, outbox, lists.ToHashSet(StringComparer.Ordinal), uris.Take(1000).ToHashSet(StringComparer.Ordinal));
    }

    public void Acknowledge() => Outbox.TrySend(Frames.Notification("notifications/subscriptions/acknowledged", to =>
    {
        to.WritePropertyName("notifications"u8);
        to.WriteStartObject();
        foreach (var list in Lists)
        {
            to.WriteBoolean(Kinds[list], value: true);
        }

        if (Uris.Count > 0)
        {
            to.WriteStartArray("resourceSubscriptions"u8);
            foreach (var uri in Uris)
            {
                to.WriteStringValue(uri);
            }

            to.WriteEndArray();
        }

        to.WriteEndObject();
        Translation.Meta(to, Subscription);
    }));

    public void Tell(JsonRpcMessage notification) =>
        Outbox.TrySend(Frames.Notification(notification.Method, to => Frames.Fields(to, notification.Params, new MetaEdit(ProgressToken: null, Keep: false, Subscription))));

    private void Subscription(Utf8JsonWriter to)
    {
        to.WritePropertyName(Protocol.SubscriptionKey);
        to.WriteRawValue(Id, skipInputValidation: true);
    }
}

internal sealed class ListenerTable
{
    private readonly Lock _adding = new();
    private readonly ConcurrentDictionary<Listener, bool> _listeners = new(ReferenceEqualityComparer.Instance);

    public IEnumerable<Listener> All => _listeners.Keys;

    /// <returns>False: its caller has as many as it leaves free of the most there may be.</returns>
    public bool TryAdd(Listener listener, int most)
    {
        lock (_adding)
        {
            return All.Count(other => other.Caller == listener.Caller) < most - _listeners.Count && _listeners.TryAdd(listener, true);
        }
    }

    public bool Remove(Listener listener) => _listeners.TryRemove(listener, out _);
}
