using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>What a server may do to the bridge, and what comes of it.</summary>
[TestFixture]
internal sealed class HostileServerTests
{
    private static readonly BridgeLimits Small = new() { FrameBytes = 10_000 };

    [Test]
    public async Task An_answer_that_is_too_long_fails_its_own_call_and_no_other()
    {
        var server = Calling(async (message, process) =>
        {
            var id = message["id"]!.ToJsonString();
            await process.WriteAsync($$$"""{"jsonrpc":"2.0","id":{{{id}}},"result":{"content":[{"type":"text","text":"{{{new string('x', 50_000)}}}"}]}}""");
        });
        await using var host = new BridgeHost(server, Small);
        var session = await host.InitializeAsync();

        (await ErrorAsync(host, session)).Should().Contain("longer than the 10000 bytes");
        (await BridgeHost.MessagesAsync(await host.PostAsync("""{"jsonrpc":"2.0","id":2,"method":"tools/list"}""", session)))[0]["result"].Should().NotBeNull("it goes on");
        server.Process.Number.Should().Be(1);
    }

    [Test]
    public async Task A_line_without_an_end_ends_the_server_and_its_calls()
    {
        var server = Calling(async (_, process) =>
        {
            for (var i = 0; i < 100; i++)
            {
                await process.WriteRawAsync(new string('x', 10_000));
            }
        });
        await using var host = new BridgeHost(server, Small);
        var session = await host.InitializeAsync();

        (await ErrorAsync(host, session)).Should().Contain("Whether it was executed is not known");
        server.Answer = ScriptedStdio.Plain;
        await host.InitializeAsync();
        server.Process.Number.Should().Be(2, "it was started anew");
    }

    [Test]
    public async Task What_is_no_message_is_kept_with_the_log_and_disturbs_nothing()
    {
        var server = Calling(async (message, process) =>
        {
            await process.WriteAsync("Server listening, welcome!");
            await process.WriteAsync("{\"jsonrpc\":\"2.0\",");
            await process.WriteAsync("[]");
            await process.WriteAsync("""{"jsonrpc":"2.0","id":1,"id":2,"result":{}}""");
            await ScriptedStdio.Plain(message, process);
        });
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync();

        (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(1, "x"), session))).Should().ContainSingle().Which["result"].Should().NotBeNull();
        server.Notes.Should().Contain("Server listening, welcome!").And.HaveCount(4);
    }

    [Test]
    public async Task Answers_to_what_nobody_asked_and_second_answers_reach_nobody()
    {
        var server = Calling(async (message, process) =>
        {
            await process.WriteAsync("""{"jsonrpc":"2.0","id":999999,"result":{"stray":true}}""");
            await process.WriteAsync("""{"jsonrpc":"2.0","id":"text","result":{"stray":true}}""");
            await ScriptedStdio.Plain(message, process);
            await ScriptedStdio.Plain(message, process);
        });
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync();

        for (var id = 1; id <= 5; id++)
        {
            var messages = await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(id, $"text {id}"), session));
            messages.Should().ContainSingle();
            messages[0]["result"]!["content"]![0]!["text"]!.GetValue<string>().Should().Be($"text {id}");
        }
    }

    [Test]
    public async Task Text_that_is_none_is_the_trouble_of_its_own_call_and_ends_nothing()
    {
        var server = new ScriptedStdio { Answer = (message, process) => message["id"] is not null && message["method"]?.GetValue<string>() == "resources/subscribe" ? process.ResultAsync(message, "{}") : ScriptedStdio.Plain(message, process) };
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync();

        (await BridgeHost.MessagesAsync(await host.PostAsync("""{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"\ud800"}}""", session))).Should().ContainSingle();
        (await BridgeHost.MessagesAsync(await host.PostAsync("""{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo","_meta":{"\ud800":1}}}""", session)))[0]["error"].Should().NotBeNull();
        (await host.PostAsync("""{"jsonrpc":"2.0","id":4,"method":"\ud800"}""", session)).StatusCode.Should().Be(System.Net.HttpStatusCode.BadRequest);

        (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(5, "on"), session)))[0]["result"].Should().NotBeNull("the session goes on");
        server.Process.Number.Should().Be(1);
    }

    [Test]
    public async Task A_flood_of_notifications_slows_the_server_and_is_kept_within_bounds()
    {
        var server = Calling(async (message, process) =>
        {
            for (var i = 0; i < 3000; i++)
            {
                await process.WriteAsync("""{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}""");
            }

            await ScriptedStdio.Plain(message, process);
        });
        await using var host = new BridgeHost(server, new BridgeLimits { UnreadMessages = 100, NoticesPerSecond = 2000 });
        var session = await host.InitializeAsync();

        (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(1, "x"), session))).Should().ContainSingle().Which["result"].Should().NotBeNull();
        using var stream = await host.SendAsync(HttpMethod.Get, null, session);
        (await BridgeHost.NextAsync(stream, 100)).Should().HaveCount(100);
        await host.SendAsync(HttpMethod.Delete, null, session);
        var rest = await BridgeHost.MessagesAsync(stream);
        rest.Count.Should().BeLessThan(10, "what nobody read was dropped, not kept");
    }

    [Test]
    public async Task A_server_that_does_not_read_is_refused_to_in_bounds_and_then_ended()
    {
        var server = new ScriptedStdio();
        await using var host = new BridgeHost(server, new BridgeLimits { UnwrittenBytes = 200_000, WriteStall = TimeSpan.FromSeconds(1) });
        var session = await host.InitializeAsync();
        server.Process.IsDeaf = true;

        var calls = Enumerable.Range(1, 30).Select(async id => await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(id, new string('x', 20_000)), session)));
        var answers = await Task.WhenAll(calls).InTime();

        answers.Should().OnlyContain(messages => messages.Count == 1 && messages[0]["error"] != null, "none of them hangs");
        answers.Should().Contain(messages => messages[0]["error"]!["message"]!.GetValue<string>().Contains("does not take its input", StringComparison.Ordinal));
        (await host.PostAsync(BridgeHost.Call(99, "x"), session)).StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task Sessions_and_waiting_calls_are_bounded()
    {
        var server = Calling((_, _) => Task.CompletedTask);
        await using var host = new BridgeHost(server, new BridgeLimits { Sessions = 3, SessionsPerCaller = 2, InFlight = 1, Waiting = 1 });
        var session = await host.InitializeAsync();
        await host.InitializeAsync();

        var initialize = """{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}""";
        (await host.PostAsync(initialize)).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "alice has as many as one caller may");
        await host.InitializeAsync("bob");
        (await host.PostAsync(initialize, caller: "carol")).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "the server has as many as it may");
        _ = host.PostAsync(BridgeHost.Call(1, "works"), session);
        _ = host.PostAsync(BridgeHost.Call(2, "waits"), session);
        await Eventually.TrueAsync(() => server.Process.Read.Any(message => message["method"]?.GetValue<string>() == "tools/call"), "the server has the call");
        using var refused = await host.PostAsync(BridgeHost.Call(3, "too many"), session);
        refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        refused.Headers.RetryAfter.Should().NotBeNull();
    }

    private static ScriptedStdio Calling(Func<JsonObject, ScriptedProcess, Task> call) =>
        new() { Answer = (message, process) => message["method"]?.GetValue<string>() == "tools/call" ? call(message, process) : ScriptedStdio.Plain(message, process) };

    private static async Task<string> ErrorAsync(BridgeHost host, string session) =>
        (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(1, "x"), session))).Single()["error"]!["message"]!.GetValue<string>();
}
