using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>A server of 2026-07-28, which knows nothing of sessions.</summary>
internal static class ModernStdio
{
    /// <param name="rounds">So often it asks its client for input before it answers a call with the text "asks".</param>
    /// <param name="asksForNothing">Its rounds hold no request.</param>
    public static ScriptedStdio Server(int rounds = 0, bool asksForNothing = false, bool answersAtLast = true) => new()
    {
        Answer = (message, process) => message["method"]!.GetValue<string>() switch
        {
            "server/discover" => process.ResultAsync(message, """{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"modern","version":"1"}},"ttlMs":0,"cacheScope":"public"}"""),
            "tools/list" => process.ResultAsync(message, """{"resultType":"complete","tools":[{"name":"echo","inputSchema":{"type":"object"}}],"ttlMs":1000,"cacheScope":"public"}"""),
            "tools/call" => CallAsync(message, process, rounds, asksForNothing, answersAtLast),
            "subscriptions/listen" or "notifications/cancelled" => Task.CompletedTask,
            _ => process.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{message["id"]?.ToJsonString() ?? "null"}}},"error":{"code":-32601,"message":"Method not found"}}"""),
        },
    };

    private static Task CallAsync(JsonObject message, ScriptedProcess process, int rounds, bool asksForNothing, bool answersAtLast)
    {
        var text = message["params"]!["arguments"]!["text"]!.GetValue<string>();
        var round = message["params"]!["requestState"]?.GetValue<string>() is { } state ? int.Parse(state.AsSpan("state ".Length), System.Globalization.CultureInfo.InvariantCulture) : 0;
        if (text == "asks" && round < rounds)
        {
            var asked = asksForNothing ? "" : $$$""" "key":{"method":"elicitation/create","params":{"message":"round {{{round + 1}}}","requestedSchema":{"type":"object","properties":{} } } }""";
            return process.ResultAsync(message, $$$"""{"resultType":"input_required","inputRequests":{ {{{asked}}} },"requestState":"state {{{round + 1}}}"}""");
        }

        return text == "asks" && !answersAtLast ? Task.CompletedTask : process.ResultAsync(message, $$$"""{"resultType":"complete","content":[{"type":"text","text":"{{{text}}}"}]}""");
    }
}

/// <summary>The messages of a stream, one after the other.</summary>
internal sealed class EventReader(HttpResponseMessage reply) : IAsyncDisposable
{
    private IAsyncEnumerator<SseItem<string>>? _items;

    public async Task<JsonObject> NextAsync()
    {
        _items ??= SseParser.Create(await reply.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator();
        (await _items.MoveNextAsync().AsTask().InTime()).Should().BeTrue("the stream goes on");
        return JsonNode.Parse(_items.Current.Data)!.AsObject();
    }

    public async ValueTask DisposeAsync()
    {
        if (_items is not null)
        {
            await _items.DisposeAsync();
        }
    }
}
