using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// What the bridge has subscribed to on behalf of its clients: once each, whoever and however many they are. A server of the older era
/// is asked with <c>resources/subscribe</c>, one of the newer with a listening request of the bridge's own.
/// </summary>
internal sealed class Subscriptions(Bridge bridge)
{
    private readonly ConcurrentDictionary<string, Lazy<Call>> _listening = new(StringComparer.Ordinal);

    /// <summary>For a server of the newer era with a client of the older: changes of its lists, which the client expects unasked.</summary>
    public void ListenToLists() => Listen("", """{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}""");

    public void ListenTo(string uri) => Listen(uri, $$"""{"resourceSubscriptions":[{{JsonSerializer.Serialize(uri)}}]}""");

    /// <summary>For a server of the older era with a client of the newer.</summary>
    public async Task SubscribeAsync(string uri, CancellationToken ct) =>
        await bridge.Calls.AskAsync(id => Frames.Request(id, "resources/subscribe", to => to.WriteString("uri"u8, uri)), ct);

    /// <summary>A client no longer wants to hear of it; nor does the bridge, if it was the last.</summary>
    public void Dropped(string uri)
    {
        if (bridge.Sessions.All.Any(session => session.IsSubscribedTo(uri)) || bridge.Listeners.All.Any(listener => listener.Uris.Contains(uri)))
        {
            return;
        }

        if (_listening.TryRemove(uri, out var listening))
        {
            bridge.Cancel(listening.Value, "Nobody listens any more.");
            return;
        }

        _ = UnsubscribeAsync(uri);
    }

    private async Task UnsubscribeAsync(string uri)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30), bridge.Time);
            if (!(await bridge.FactsAsync(limit.Token)).IsStateless)
            {
                await bridge.Calls.AskAsync(id => Frames.Request(id, "resources/unsubscribe", to => to.WriteString("uri"u8, uri)), limit.Token);
            }
        }
        catch (Exception e) when (e is BridgeException or OperationCanceledException)
        {
            // A courtesy: what it still tells of is told to nobody.
            return;
        }
    }

    private void Listen(string key, string filter) => _ = _listening.GetOrAdd(key, _ => new Lazy<Call>(() => Begin(key, filter))).Value;

    private Call Begin(string key, string filter)
    {
        var text = $$$"""{"jsonrpc":"2.0","id":0,"method":"subscriptions/listen","params":{"notifications":{{{filter}}}}}""";
        var message = JsonRpcMessage.Read(System.Text.Encoding.UTF8.GetBytes(text), out _, out _)!;
        var call = new Call(bridge, caller: "", message, new Outbox("own", bridge.Limits))
        {
            StartedAt = bridge.Time.GetTimestamp(),
            Frame = id => Frames.Request(id, message.Method, to => Frames.Fields(to, message.Params, new MetaEdit(null, Keep: true, Translation.OwnMeta))),

            // Its end is the server's word that it will tell no more; the next who wants to know asks anew.
            Translate = answer => (Frames.Same(answer), HttpStatusCode.OK),
            Ended = () => _listening.TryRemove(key, out var _),
        };
        bridge.Calls.Begin(call);
        return call;
    }
}
