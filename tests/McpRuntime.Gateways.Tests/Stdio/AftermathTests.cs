using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>What calls and streams leave behind, and for how long.</summary>
[TestFixture]
internal sealed class AftermathTests
{
    private const string Elicitation = """{"elicitation":{}}""";

    [Test]
    public async Task Soon_after_a_cancelled_call_others_are_asked_what_their_own_calls_need([Values] bool serverAnswers)
    {
        var time = new ManualTime();
        var server = Asking(call => call == "cancelled");
        await using var host = new BridgeHost(server, time: time);
        var alice = await host.InitializeAsync(capabilities: Elicitation);
        var bob = await host.InitializeAsync("bob", Elicitation);
        var abandoned = host.PostAsync(BridgeHost.Call(1, "cancelled"), alice);
        await Eventually.TrueAsync(() => Calls(server).Count == 1, "the server has alice's call");
        await host.PostAsync("""{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}""", alice);
        (await abandoned).Dispose();

        var refused = (await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(2, "too soon"), bob, "bob")))[^1];
        refused["result"]!["heard"]!["message"]!.GetValue<string>().Should().Contain("several clients", "it may still be alice's that it asks for");

        if (serverAnswers)
        {
            await ScriptedStdio.Plain(Calls(server)[0], server.Process);
        }
        else
        {
            time.Pass(TimeSpan.FromSeconds(16));
        }

        using var reply = await host.PostAsync(BridgeHost.Call(3, "later"), bob, "bob");
        await using var messages = new EventReader(reply);
        (await messages.NextAsync())["method"]!.GetValue<string>().Should().Be("elicitation/create");
    }

    [Test]
    public async Task A_stream_opened_again_tells_nothing_twice_unless_it_is_asked_to()
    {
        var server = new ScriptedStdio();
        await using var host = new BridgeHost(server);
        var session = await host.InitializeAsync();
        async Task ChangedAsync(int count)
        {
            for (var i = 0; i < count; i++)
            {
                await server.Process.WriteAsync("""{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}""");
            }
        }

        await ChangedAsync(3);
        using (var first = await host.SendAsync(HttpMethod.Get, null, session))
        {
            (await BridgeHost.NextAsync(first, 3).InTime()).Should().HaveCount(3, "what came before it was open waited for it");
        }

        using var second = await host.SendAsync(HttpMethod.Get, null, session);
        await server.Process.WriteAsync("""{"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}""");
        (await BridgeHost.NextAsync(second, 1).InTime())[0]["method"]!.GetValue<string>().Should().Be("notifications/prompts/list_changed");
        second.Dispose();

        using var resumed = await host.SendAsync(HttpMethod.Get, null, session, headers: ("Last-Event-ID", "0-2"));
        (await BridgeHost.NextAsync(resumed, 2).InTime()).Select(message => message["method"]!.GetValue<string>()).Should().Equal("notifications/tools/list_changed", "notifications/prompts/list_changed");
    }

    [Test]
    public async Task A_server_can_not_ask_a_client_without_end()
    {
        var refused = 0;
        JsonObject? call = null;
        var server = new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                if (message["error"] is not null)
                {
                    refused++;
                    if (refused == 10)
                    {
                        await ScriptedStdio.Plain(call!, process);
                    }
                }
                else if (message["method"]?.GetValue<string>() == "tools/call")
                {
                    call = message;
                    for (var i = 0; i < 30; i++)
                    {
                        await process.WriteAsync($$$"""{"jsonrpc":"2.0","id":"ask-{{{i}}}","method":"elicitation/create","params":{}}""");
                    }
                }
                else
                {
                    await ScriptedStdio.Plain(message, process);
                }
            },
        };
        await using var host = new BridgeHost(server, new BridgeLimits { Asked = 20 });
        var session = await host.InitializeAsync(capabilities: Elicitation);

        var messages = await BridgeHost.MessagesAsync(await host.PostAsync(BridgeHost.Call(1, "x"), session)).InTime();

        messages.Should().HaveCount(21, "20 requests, and the answer");
    }

    [Test]
    public void What_its_client_cancelled_before_it_was_sent_is_not_sent()
    {
        var sent = 0;
        var table = new CallTable(new BridgeLimits(), TimeProvider.System, _ => ++sent > 0);
        var message = JsonRpcMessage.Read(Encoding.UTF8.GetBytes(BridgeHost.Call(1, "x")), out _, out _)!;
        var call = new Call(new object(), "alice", message, new Outbox("call", new BridgeLimits())) { StartedAt = 0, Frame = id => Frames.Request(id, "tools/call", null), Translate = _ => null };

        table.Abandon(call).Should().BeNull();
        table.Begin(call);

        sent.Should().Be(0);
        table.Working.Should().Be(0, "it holds no place");
    }

    [Test]
    public void Of_a_cancelled_call_only_its_number_is_kept_for_long()
    {
        var time = new ManualTime();
        var calls = new AbandonedCalls(TimeSpan.FromSeconds(15), time);
        var session = Abandoned(calls, 1);
        calls.Askers.Should().ContainSingle();

        time.Pass(TimeSpan.FromSeconds(16));
        calls.Add(2, asker: null);
        GC.Collect();

        session.IsAlive.Should().BeFalse("a session that ended is not held by what it cancelled");
        calls.Answered(1).Should().BeTrue("a late answer is known for what it is");
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference Abandoned(AbandonedCalls calls, long id)
    {
        var session = new object();
        calls.Add(id, session);
        return new WeakReference(session);
    }

    [Test]
    public async Task What_could_not_be_asked_is_not_waited_for()
    {
        var table = new CallTable(new BridgeLimits(), TimeProvider.System, _ => false);

        await table.Invoking(calls => calls.AskAsync(id => Frames.Request(id, "initialize", null), CancellationToken.None)).Should().ThrowAsync<BridgeException>();

        table.Answer(1, JsonRpcMessage.Read(Encoding.UTF8.GetBytes("""{"jsonrpc":"2.0","id":1,"result":{}}"""), out _, out _)!).Should().BeFalse("nobody asked that");
    }

    private static IReadOnlyList<JsonObject> Calls(ScriptedStdio server) => [.. server.Process.Read.Where(message => message["method"]?.GetValue<string>() == "tools/call")];

    /// <summary>Asks its client before it answers any call but those that <paramref name="silent"/> names, and answers with what it heard.</summary>
    private static ScriptedStdio Asking(Func<string, bool> silent)
    {
        JsonObject? call = null;
        return new ScriptedStdio
        {
            Answer = async (message, process) =>
            {
                switch (message["method"]?.GetValue<string>())
                {
                    case "tools/call" when silent(message["params"]!["arguments"]!["text"]!.GetValue<string>()):
                        break;
                    case "tools/call":
                        call = message;
                        await process.WriteAsync("""{"jsonrpc":"2.0","id":"ask","method":"elicitation/create","params":{}}""");
                        break;
                    case null:
                        await process.ResultAsync(call!, $$$"""{"content":[],"heard":{{{(message["result"] ?? message["error"])!.ToJsonString()}}} }""");
                        break;
                    default:
                        await ScriptedStdio.Plain(message, process);
                        break;
                }
            },
        };
    }
}
