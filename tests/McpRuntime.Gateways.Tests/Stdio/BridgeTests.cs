using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Embedded.Sessions;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using McpRuntime.Gateways.Upstream;

namespace McpRuntime.Gateways.Tests.Stdio;

[TestFixture]
internal sealed class BridgeTests
{
    [Test]
    public async Task Every_answer_goes_to_its_asker_whatever_order_the_server_answers_in()
    {
        var late = new List<JsonObject>();
        var server = new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                if (message["method"]?.GetValue<string>() != "tools/call")
                {
                    await ScriptedStdio.Plain(message, process);
                    return;
                }

                late.Add(message);
                if (late.Count == 50)
                {
                    foreach (var one in late.AsEnumerable().Reverse())
                    {
                        await ScriptedStdio.Plain(one, process);
                    }

                    late.Clear();
                }
            },
        };
        await using var host = new BridgeHost(server);
        var sessions = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => host.InitializeAsync($"caller-{i}")));

        var answers = await Task.WhenAll(sessions.Select(async (session, i) => await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(7, $"text of {i}"), session, $"caller-{i}"))));

        for (var i = 0; i < sessions.Length; i++)
        {
            answers[i].Should().ContainSingle();
            answers[i][0]["id"]!.GetValue<int>().Should().Be(7);
            answers[i][0]["result"]!["content"]![0]!["text"]!.GetValue<string>().Should().Be($"text of {i}");
        }

        server.Process.Read.Count(message => message["method"]?.GetValue<string>() == "initialize").Should().Be(1, "one process is initialized once");
    }

    [Test]
    public async Task A_session_is_its_callers_alone_and_ends_with_delete()
    {
        await using var host = new BridgeHost(new ScriptedStdio());
        var session = await host.InitializeAsync();

        (await host.PostAsync(BridgeHost.Call(1, "x"), session, "bob")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        (await host.PostAsync(BridgeHost.Call(1, "x"))).StatusCode.Should().Be(HttpStatusCode.BadRequest, "there is no session header");
        (await host.SendAsync(HttpMethod.Delete, null, session)).StatusCode.Should().Be(HttpStatusCode.OK);
        (await host.PostAsync(BridgeHost.Call(1, "x"), session)).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task A_session_opened_anew_in_a_callers_name_is_that_callers_and_is_closed_in_its_name()
    {
        await using var host = new BridgeHost(new ScriptedStdio());
        using var upstream = new UpstreamConnector(host.Options, host.Bridges);
        var reopener = new Reopener(upstream, new SessionSeal(host.Options, TimeProvider.System));
        var route = new MemoryRoutes().Add("a", new Uri("http://server:1/")) with { Address = BridgeHost.Address };

        var (inner, _) = await reopener.OpenAsync(route, "alice", """{"protocolVersion":"2025-11-25","capabilities":{}}""", "2025-11-25", CancellationToken.None);

        (await host.PostAsync(BridgeHost.Call(1, "x"), inner)).StatusCode.Should().Be(HttpStatusCode.OK);
        await reopener.CloseAsync(route, "alice", inner!, CancellationToken.None);
        (await host.PostAsync(BridgeHost.Call(2, "x"), inner)).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task What_is_in_flight_when_the_server_dies_ends_with_an_error_and_its_session_with_a_404()
    {
        var server = new ScriptedStdio { Answer = (message, process) => message["method"]?.GetValue<string>() == "tools/call" ? Task.CompletedTask : ScriptedStdio.Plain(message, process) };
        await using var host = new BridgeHost(server, new BridgeLimits { InFlight = 1 });
        var session = await host.InitializeAsync();
        var working = host.PostAsync(BridgeHost.Call(1, "worked on"), session);
        await Eventually.TrueAsync(() => server.Process.Read.Any(message => message["method"]?.GetValue<string>() == "tools/call"), "the server has the call");
        var waiting = host.PostAsync(BridgeHost.Call(2, "waits"), session);

        server.Replace();

        Words(await BridgeHost.MessagesAsync(await working)).Should().Contain("Whether it was executed is not known");
        Words(await BridgeHost.MessagesAsync(await waiting)).Should().Contain("not executed");
        (await host.PostAsync(BridgeHost.Call(3, "x"), session)).StatusCode.Should().Be(HttpStatusCode.NotFound);
        await host.InitializeAsync();
        server.Process.Read.Should().NotContain(message => message["method"]!.GetValue<string>() == "tools/call", "nothing is sent twice");
    }

    [Test]
    public async Task Progress_goes_to_the_caller_that_asked_for_it_under_its_own_word()
    {
        var server = new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                if (message["params"]?["_meta"]?["progressToken"] is { } token && message["method"]!.GetValue<string>() == "tools/call")
                {
                    await process.WriteAsync($$$"""{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":{{{token.ToJsonString()}}},"progress":1}}""");
                }

                await ScriptedStdio.Plain(message, process);
            },
        };
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync();

        var messages = await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(4, "x", ""","_meta":{"progressToken":"my word"}"""), session));

        messages.Should().HaveCount(2);
        messages[0]["params"]!["progressToken"]!.GetValue<string>().Should().Be("my word");
        messages[1]["id"]!.GetValue<int>().Should().Be(4);
    }

    [Test]
    public async Task A_servers_request_is_answered_by_the_session_whose_call_it_works_on()
    {
        JsonObject? call = null;
        var server = new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                if (message["method"]?.GetValue<string>() == "tools/call")
                {
                    call = message;
                    await process.WriteAsync("""{"jsonrpc":"2.0","id":"ask","method":"sampling/createMessage","params":{"maxTokens":1}}""");
                }
                else if (message["method"] is null)
                {
                    await process.ResultAsync(call!, $$$"""{"content":[],"heard":{{{(message["result"] ?? message["error"])!.ToJsonString()}}} }""");
                }
                else
                {
                    await ScriptedStdio.Plain(message, process);
                }
            },
        };
        await using var host = new BridgeHost(server);
        var able = await host.InitializeAsync(capabilities: """{"sampling":{}}""");
        var unable = await host.InitializeAsync("bob");

        var refused = (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(1, "x"), unable, "bob")))[0];
        refused["result"]!["heard"]!["code"]!.GetValue<int>().Should().Be(-32601, "bob's client can't sample");

        using var reply = await host.PostAsync(BridgeHost.Call(2, "x"), able);
        var asked = (await BridgeHost.NextAsync(reply, 1))[0];
        var id = asked["id"]!.ToJsonString();
        id.Should().NotBe("\"ask\"", "the server's ids are not shown");
        (await host.PostAsync($$$"""{"jsonrpc":"2.0","id":{{{id}}},"result":{"by":"bob"}}""", unable, "bob")).StatusCode.Should().Be(HttpStatusCode.Accepted);
        (await host.PostAsync($$$"""{"jsonrpc":"2.0","id":{{{id}}},"result":{"by":"alice"}}""", able)).StatusCode.Should().Be(HttpStatusCode.Accepted);
        var answer = await BridgeHost.NextAsync(await host.SendAsync(HttpMethod.Get, null, able, headers: ("Last-Event-ID", "1-1")), 1);
        answer[0]["result"]!["heard"]!["by"]!.GetValue<string>().Should().Be("alice");
    }

    [Test]
    public async Task A_servers_request_is_refused_while_calls_of_two_clients_are_worked_on()
    {
        var calls = new List<JsonObject>();
        JsonObject? refused = null;
        var server = new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                if (message["method"]?.GetValue<string>() == "tools/call")
                {
                    calls.Add(message);
                    if (calls.Count == 2)
                    {
                        await process.WriteAsync("""{"jsonrpc":"2.0","id":"ask","method":"elicitation/create","params":{}}""");
                    }
                }
                else if (message["method"] is null)
                {
                    refused = message;
                    foreach (var call in calls)
                    {
                        await ScriptedStdio.Plain(call, process);
                    }
                }
                else
                {
                    await ScriptedStdio.Plain(message, process);
                }
            },
        };
        await using var host = new BridgeHost(server);
        var sessions = new[] { await host.InitializeAsync(capabilities: """{"elicitation":{}}"""), await host.InitializeAsync("bob", """{"elicitation":{}}""") };

        var answers = await Task.WhenAll(BothAsync(host, sessions[0], "alice"), BothAsync(host, sessions[1], "bob"));

        refused!["error"]!["message"]!.GetValue<string>().Should().Contain("several clients");
        answers.Should().OnlyContain(messages => messages.Count == 1, "nobody was shown what may be another's");
    }

    [Test]
    public async Task What_a_server_asks_and_logs_for_a_cancelled_call_is_shown_to_nobody_else()
    {
        JsonObject? cancelled = null;
        JsonObject? bobs = null;
        var refused = new List<string>();
        var server = new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                switch (message["method"]?.GetValue<string>())
                {
                    case "tools/call" when cancelled is null:
                        cancelled = message;
                        break;
                    case "tools/call":
                        bobs = message;
                        await process.WriteAsync("""{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"error","data":"of the cancelled call"}}""");
                        await process.WriteAsync("""{"jsonrpc":"2.0","id":"ask","method":"elicitation/create","params":{"message":"of the cancelled call"}}""");
                        break;
                    case null when message["error"] is { } error:
                        refused.Add(error["message"]!.GetValue<string>());
                        await ScriptedStdio.Plain(cancelled!, process);
                        await ScriptedStdio.Plain(bobs!, process);
                        break;
                    default:
                        await ScriptedStdio.Plain(message, process);
                        break;
                }
            },
        };
        await using var host = new BridgeHost(server);
        var alice = await host.InitializeAsync(capabilities: """{"elicitation":{}}""");
        var bob = await host.InitializeAsync("bob", """{"elicitation":{}}""");
        var abandoned = host.PostAsync(BridgeHost.Call(1, "alice's"), alice);
        await Eventually.TrueAsync(() => cancelled is not null, "the server has alice's call");
        await host.PostAsync("""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}""", alice);
        (await abandoned).Dispose();

        var messages = await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(2, "bob's"), bob, "bob"));

        messages.Should().ContainSingle().Which["result"].Should().NotBeNull();
        refused.Should().ContainSingle().Which.Should().Contain("several clients");
    }

    [Test]
    public async Task A_stateless_client_is_served_by_a_server_of_sessions()
    {
        await using var host = new BridgeHost(new ScriptedStdio());

        var discovered = (await BridgeHost.MessagesAsync(await host.StatelessAsync("server/discover", "")))[0]["result"]!;
        discovered["supportedVersions"]![0]!.GetValue<string>().Should().Be("2026-07-28");
        discovered["resultType"]!.GetValue<string>().Should().Be("complete");
        var list = (await BridgeHost.MessagesAsync(await host.StatelessAsync("tools/list", "")))[0]["result"]!;
        list["ttlMs"]!.GetValue<int>().Should().Be(0);
        list["cacheScope"]!.GetValue<string>().Should().Be("private");
        var called = (await BridgeHost.MessagesAsync(await host.StatelessAsync("tools/call", "\"name\":\"echo\",\"arguments\":{\"text\":\"x\"}", name: "echo")))[0];
        called["id"]!.GetValue<string>().Should().Be("s");
        called["result"]!["content"]![0]!["text"]!.GetValue<string>().Should().Be("x");

        using var mismatch = await host.StatelessAsync("tools/call", "\"name\":\"echo\",\"arguments\":{}", name: "other");
        mismatch.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        (await BridgeHost.MessagesAsync(mismatch))[0]["error"]!["code"]!.GetValue<int>().Should().Be(-32020);
        using var unknown = await host.StatelessAsync("no/such", "");
        unknown.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task A_stateless_client_that_closes_its_stream_has_cancelled_the_call()
    {
        var server = new ScriptedStdio { Answer = (message, process) => message["method"]?.GetValue<string>() == "tools/call" ? Task.CompletedTask : ScriptedStdio.Plain(message, process) };
        await using var host = new BridgeHost(server);
        using var client = new CancellationTokenSource();
        var call = host.StatelessAsync("tools/call", "\"name\":\"echo\",\"arguments\":{}", "echo", client.Token);
        await Eventually.TrueAsync(() => server.Process.Read.Any(message => message["method"]?.GetValue<string>() == "tools/call"), "the server has the call");

        await client.CancelAsync();

        await call.Invoking(async task => await task).Should().ThrowAsync<OperationCanceledException>();
        await Eventually.TrueAsync(() => server.Process.Read.Any(message => message["method"]?.GetValue<string>() == "notifications/cancelled"), "the server is told");
    }

    private static async Task<IReadOnlyList<JsonObject>> BothAsync(BridgeHost host, string session, string caller) =>
        await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(1, "x"), session, caller));

    private static string Words(IReadOnlyList<JsonObject> messages) => messages.Single()["error"]!["message"]!.GetValue<string>();
}
