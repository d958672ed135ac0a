using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>A client of the era with sessions, on a server of the one without.</summary>
[TestFixture]
internal sealed class OldClientNewServerTests
{
    private const string Elicitation = """{"elicitation":{}}""";

    [Test]
    public async Task It_initializes_lists_calls_pings_and_hears_of_changes_as_with_a_server_of_its_own_era()
    {
        var server = ModernStdio.Server();
        await using var host = new BridgeHost(server);
        using var opened = await host.PostAsync("""{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"old","version":"1"}}}""");
        var session = opened.Headers.GetValues("Mcp-Session-Id").Single();
        var told = JsonNode.Parse(await opened.Content.ReadAsStringAsync())!["result"]!;
        told["protocolVersion"]!.GetValue<string>().Should().Be("2025-06-18");
        told["serverInfo"]!["name"]!.GetValue<string>().Should().Be("modern");
        told["capabilities"]!["tools"].Should().NotBeNull();

        var list = await ResultAsync(host, session, """{"jsonrpc":"2.0","id":2,"method":"tools/list"}""");
        list["tools"]![0]!["name"]!.GetValue<string>().Should().Be("echo");
        list.AsObject().Select(field => field.Key).Should().NotContain(["resultType", "ttlMs", "cacheScope"], "its era does not know them");
        (await ResultAsync(host, session, BridgeHost.Call(3, "hello")))["content"]![0]!["text"]!.GetValue<string>().Should().Be("hello");
        (await ResultAsync(host, session, """{"jsonrpc":"2.0","id":4,"method":"ping"}""")).AsObject().Should().BeEmpty();
        (await ResultAsync(host, session, """{"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":{"level":"warning"}}""")).AsObject().Should().BeEmpty();
        await ResultAsync(host, session, BridgeHost.Call(6, "with a level"));

        var calls = server.Process.Read.Where(message => message["method"]!.GetValue<string>() == "tools/call").ToList();
        calls.Should().OnlyContain(call => call["params"]!["_meta"]!["io.modelcontextprotocol/protocolVersion"]!.GetValue<string>() == "2026-07-28");
        calls[1]["params"]!["_meta"]!["io.modelcontextprotocol/logLevel"]!.GetValue<string>().Should().Be("warning");
        server.Process.Read.Select(message => message["method"]!.GetValue<string>()).Should().NotContain(["initialize", "ping", "logging/setLevel"], "the server knows none of these");

        using var stream = await host.SendAsync(HttpMethod.Get, null, session);
        var listening = server.Process.Read.Single(message => message["method"]!.GetValue<string>() == "subscriptions/listen");
        await server.Process.WriteAsync($$$"""{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":{{{listening["id"]!.ToJsonString()}}} } } }""");
        await server.Process.WriteAsync("""{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}""");
        (await BridgeHost.NextAsync(stream, 1).InTime())[0]["method"]!.GetValue<string>().Should().Be("notifications/tools/list_changed");
    }

    [Test]
    public async Task What_the_server_needs_it_is_asked_for_and_its_one_call_goes_on_with_the_answers()
    {
        var server = ModernStdio.Server(rounds: 2);
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync(capabilities: Elicitation);
        using var reply = await host.PostAsync(BridgeHost.Call(7, "asks"), session);
        await using var messages = new EventReader(reply);

        for (var round = 1; round <= 2; round++)
        {
            var asked = await messages.NextAsync();
            asked["method"]!.GetValue<string>().Should().Be("elicitation/create");
            asked["params"]!["message"]!.GetValue<string>().Should().Be($"round {round}");
            await AnswerAsync(host, session, asked, $$$"""{"action":"accept","content":{"n":{{{round}}}}}""");
        }

        var answer = await messages.NextAsync();
        answer["id"]!.GetValue<int>().Should().Be(7);
        answer["result"]!["content"]![0]!["text"]!.GetValue<string>().Should().Be("asks");
        var sent = server.Process.Read.Where(message => message["method"]!.GetValue<string>() == "tools/call").ToList();
        sent.Should().HaveCount(3);
        sent[2]["params"]!["inputResponses"]!["key"]!["content"]!["n"]!.GetValue<int>().Should().Be(2);
        sent[2]["params"]!["requestState"]!.GetValue<string>().Should().Be("state 2");
    }

    [Test]
    public async Task A_call_that_is_cancelled_while_its_client_is_asked_goes_no_further()
    {
        var server = ModernStdio.Server(rounds: 1);
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync(capabilities: Elicitation);
        using var reply = await host.PostAsync(BridgeHost.Call(7, "asks"), session);
        await using var messages = new EventReader(reply);
        var asked = await messages.NextAsync();

        await host.PostAsync("""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}""", session);
        await AnswerAsync(host, session, asked, """{"action":"accept","content":{}}""");

        await ResultAsync(host, session, """{"jsonrpc":"2.0","id":8,"method":"tools/list"}""");
        server.Process.Read.Count(message => message["method"]!.GetValue<string>() == "tools/call").Should().Be(1, "it is not made again");
    }

    [Test]
    public async Task A_call_that_is_cancelled_in_a_later_round_is_cancelled_with_the_server_under_its_latest_id()
    {
        var server = ModernStdio.Server(rounds: 2, answersAtLast: false);
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync(capabilities: Elicitation);
        using var reply = await host.PostAsync(BridgeHost.Call(7, "asks"), session);
        await using var messages = new EventReader(reply);
        for (var round = 1; round <= 2; round++)
        {
            await AnswerAsync(host, session, await messages.NextAsync(), """{"action":"accept","content":{}}""");
        }

        await Eventually.TrueAsync(() => server.Process.Read.Count(message => message["method"]!.GetValue<string>() == "tools/call") == 3, "the server has the call's third form");
        await host.PostAsync("""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}""", session);

        var last = server.Process.Read.Last(message => message["method"]!.GetValue<string>() == "tools/call")["id"]!.ToJsonString();
        await Eventually.TrueAsync(() => server.Process.Read.Any(message => message["method"]!.GetValue<string>() == "notifications/cancelled" && message["params"]!["requestId"]!.ToJsonString() == last), "the server is told");
    }

    [Test]
    public async Task A_server_that_asks_on_and_on_is_told_no_and_the_call_ends()
    {
        var server = ModernStdio.Server(rounds: int.MaxValue, asksForNothing: true);
        await using var host = new BridgeHost(server, new BridgeLimits { InputRounds = 5 });
        var session = await host.InitializeAsync(capabilities: Elicitation);

        var answer = (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(7, "asks"), session)))[^1];

        answer["error"]!["message"]!.GetValue<string>().Should().Contain("5 times");
        server.Process.Read.Count(message => message["method"]!.GetValue<string>() == "tools/call").Should().Be(6);
    }

    [Test]
    public async Task A_client_that_never_answers_what_it_is_asked_has_its_call_ended_in_time()
    {
        var time = new ManualTime();
        await using var host = new BridgeHost(ModernStdio.Server(rounds: 1), time: time);
        var session = await host.InitializeAsync(capabilities: Elicitation);
        using var reply = await host.PostAsync(BridgeHost.Call(7, "asks"), session);
        await using var messages = new EventReader(reply);
        await messages.NextAsync();

        time.Pass(host.Options.TotalTimeout + TimeSpan.FromMinutes(1));

        (await messages.NextAsync())["error"]!["message"]!.GetValue<string>().Should().Contain("RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS");
        (await ResultAsync(host, session, BridgeHost.Call(7, ""))).Should().NotBeNull("its id is free again");
    }

    private static async Task<JsonNode> ResultAsync(BridgeHost host, string session, string message)
    {
        var answer = (await BridgeHost.MessagesAsync(await host.PostAsync(message, session)))[^1];
        answer["error"].Should().BeNull();
        return answer["result"]!;
    }

    private static async Task AnswerAsync(BridgeHost host, string session, JsonObject asked, string result) =>
        (await host.PostAsync($$$"""{"jsonrpc":"2.0","id":{{{asked["id"]!.ToJsonString()}}},"result":{{{result}}} }""", session)).StatusCode.Should().Be(HttpStatusCode.Accepted);
}
