using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>The bridges of one replica, spoken to as the gateway does.</summary>
internal sealed class BridgeHost : IAsyncDisposable
{
    public static readonly UpstreamAddress Address = new("server", 0, Scheme: ScriptedStdio.TestScheme);

    private readonly ReplicaLink _link;

    public BridgeHost(ScriptedStdio server, BridgeLimits? limits = null, IBridgeTable? table = null, TimeProvider? time = null, byte[]? replicaKey = null, Uri? address = null)
    {
        var options = new GatewayOptions { SessionKey = GatewayHost.Key, ReplicaKey = replicaKey ?? GatewayHost.Key, Stdio = limits ?? new BridgeLimits(), ReplicaUrl = address ?? new Uri($"http://127.0.0.1:{Interlocked.Increment(ref _port)}") };
        Options = options;
        var clock = new BridgeClock(time ?? TimeProvider.System, NullLogger<Bridge>.Instance);
        _link = new ReplicaLink(options, clock, new Nothing());
        Bridges = new Bridges([server], table ?? new MemoryBridges(), _link, options, clock);
    }

    // Never listened at: each host's own, and no way to it.
    private static int _port = 2;

    public GatewayOptions Options { get; }

    public Bridges Bridges { get; }

    public async Task<HttpResponseMessage> SendAsync(HttpMethod method, string? body, string? session = null, string caller = "alice", CancellationToken ct = default, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, "http://server/mcp");
        request.Options.Set(ReplicaLink.Caller, caller);
        request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (session is not null)
        {
            request.Headers.TryAddWithoutValidation("Mcp-Session-Id", session);
        }

        request.Content = body is null ? null : new StringContent(body, System.Text.Encoding.UTF8, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json"));
        return await Bridges.SendAsync(Address, request, ct).InTime();
    }

    public Task<HttpResponseMessage> PostAsync(string body, string? session = null, string caller = "alice", CancellationToken ct = default) => SendAsync(HttpMethod.Post, body, session, caller, ct);

    public Task<HttpResponseMessage> StatelessAsync(string method, string parameters, string? name = null, CancellationToken ct = default) => SendAsync(
        HttpMethod.Post,
        $$$$"""{"jsonrpc":"2.0","id":"s","method":"{{{{method}}}}","params":{ {{{{parameters}}}}{{{{(parameters.Length > 0 ? "," : "")}}}}"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{},"progressToken":"mine"}}}""",
        ct: ct,
        headers: name is null ? [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method)] : [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", method), ("Mcp-Name", name)]);

    public async Task<string> InitializeAsync(string caller = "alice", string capabilities = "{}")
    {
        using var reply = await PostAsync($$$$"""{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{{{{capabilities}}}},"clientInfo":{"name":"test","version":"1"}}}""", caller: caller);
        ((int)reply.StatusCode).Should().Be(200, await reply.Content.ReadAsStringAsync());
        return reply.Headers.GetValues("Mcp-Session-Id").Single();
    }

    public static string Call(int id, string text, string more = "") => $$$$"""{"jsonrpc":"2.0","id":{{{{id}}}},"method":"tools/call","params":{"name":"echo","arguments":{"text":"{{{{text}}}}"} {{{{more}}}} } }""";

    /// <summary>The messages of an answer, whichever way it came.</summary>
    public static async Task<IReadOnlyList<JsonObject>> MessagesAsync(HttpResponseMessage reply)
    {
        using (reply)
        {
            if (reply.Content.Headers.ContentType?.MediaType != "text/event-stream")
            {
                return [JsonNode.Parse(await reply.Content.ReadAsStringAsync().InTime())!.AsObject()];
            }

            var messages = new List<JsonObject>();
            await using var stream = await reply.Content.ReadAsStreamAsync();
            await foreach (var item in SseParser.Create(stream).EnumerateAsync())
            {
                messages.Add(JsonNode.Parse(item.Data)!.AsObject());
            }

            return messages;
        }
    }

    /// <summary>The next messages of a stream that stays open.</summary>
    public static async Task<IReadOnlyList<JsonObject>> NextAsync(HttpResponseMessage reply, int count)
    {
        var messages = new List<JsonObject>();
        var stream = await reply.Content.ReadAsStreamAsync();
        await foreach (var item in SseParser.Create(stream).EnumerateAsync())
        {
            messages.Add(JsonNode.Parse(item.Data)!.AsObject());
            if (messages.Count == count)
            {
                break;
            }
        }

        return messages;
    }

    public async ValueTask DisposeAsync()
    {
        await Bridges.StopAsync(CancellationToken.None);
        await Bridges.DisposeAsync();
        _link.Dispose();
    }

    private sealed class Nothing : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
