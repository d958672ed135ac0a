using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>One server, and several callers who want more of it than there is.</summary>
[TestFixture]
internal sealed class FairShareTests
{
    private readonly ConcurrentDictionary<string, JsonObject> _calls = new(StringComparer.Ordinal);
    private ScriptedStdio _server = null!;

    [SetUp]
    public void Keep()
    {
        _calls.Clear();

        // Calls are kept until the test has them answered.
        _server = new ScriptedStdio
        {
            Answer = (message, process) =>
            {
                if (message["method"]?.GetValue<string>() != "tools/call")
                {
                    return ScriptedStdio.Plain(message, process);
                }

                _calls[message["params"]!["arguments"]!["text"]!.GetValue<string>()] = message;
                return Task.CompletedTask;
            },
        };
    }

    [Test]
    public async Task One_caller_can_not_take_all_places_and_who_comes_later_is_served_at_once()
    {
        await using var host = new BridgeHost(_server, new BridgeLimits { InFlight = 4, Waiting = 8 });
        var session = await host.InitializeAsync();
        var flood = Enumerable.Range(1, 20).Select(id => host.PostAsync(BridgeHost.Call(id, $"alice {id}"), session)).ToList();
        await Eventually.TrueAsync(() => flood.Count(call => call.IsCompletedSuccessfully) >= 14, "what is beyond her share is refused");

        foreach (var refused in flood.Where(call => call.IsCompletedSuccessfully))
        {
            using var reply = await refused;
            reply.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
            reply.Headers.RetryAfter.Should().NotBeNull();
            (await reply.Content.ReadAsStringAsync()).Should().Contain("its share").And.Contain("Nothing was sent");
        }

        _ = host.PostAsync(BridgeHost.Call(1, "bob"), await host.InitializeAsync("bob"), "bob");
        await Eventually.TrueAsync(() => _calls.ContainsKey("bob"), "the server works on bob's call, however many of alice's wait");
        _calls.Keys.Count(text => text.StartsWith("alice", StringComparison.Ordinal)).Should().Be(2);
        flood.Count(call => !call.IsCompleted).Should().Be(6, "two are worked on, four wait");
    }

    [Test]
    public async Task A_place_that_gets_free_goes_to_whom_it_is_the_turn_of_and_not_to_who_asked_most()
    {
        await using var host = new BridgeHost(_server, new BridgeLimits { InFlight = 2, Waiting = 100 });
        await CallsAsync(host, "alice", 4);
        await Eventually.TrueAsync(() => _calls.ContainsKey("alice 1"), "alice's first is worked on");
        await CallsAsync(host, "bob", 1);
        await Eventually.TrueAsync(() => _calls.ContainsKey("bob 1"), "bob's is worked on");
        await CallsAsync(host, "carol", 1);

        await AnswerAsync("bob 1");
        await Eventually.TrueAsync(() => _calls.ContainsKey("carol 1"), "carol came last, and is next");
        _calls.Keys.Should().BeEquivalentTo("alice 1", "bob 1", "carol 1");

        await AnswerAsync("carol 1");
        await AnswerAsync("alice 1");
        await Eventually.TrueAsync(() => _calls.ContainsKey("alice 2"), "and then alice again");
    }

    [Test]
    public async Task Those_who_wait_have_their_turns_one_after_the_other()
    {
        await using var host = new BridgeHost(_server, new BridgeLimits { InFlight = 4, Waiting = 100 });
        await CallsAsync(host, "alice", 5);
        await Eventually.TrueAsync(() => _calls.Count == 2, "two of alice's are worked on");
        await CallsAsync(host, "bob", 5);
        await Eventually.TrueAsync(() => _calls.Count == 3, "and one of bob's");

        await AnswerAsync("alice 1");
        await Eventually.TrueAsync(() => _calls.ContainsKey("alice 3"), "alice was first to wait");
        await AnswerAsync("alice 2");
        await Eventually.TrueAsync(() => _calls.Count == 5, "the next turn is somebody's");

        _calls.Keys.Should().Contain("bob 2").And.NotContain("alice 4");
    }

    [Test]
    public async Task One_caller_can_not_take_all_streams_that_listen()
    {
        await using var host = new BridgeHost(_server, new BridgeLimits { Listeners = 4 });
        var replies = new List<HttpResponseMessage>();
        for (var i = 0; i < 4; i++)
        {
            replies.Add(await host.StatelessAsync("subscriptions/listen", "\"notifications\":{\"toolsListChanged\":true}"));
        }

        replies.Select(reply => reply.StatusCode).Should().Equal(HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.ServiceUnavailable, HttpStatusCode.ServiceUnavailable);
        replies[0].Dispose();
        using var again = await host.StatelessAsync("subscriptions/listen", "\"notifications\":{\"toolsListChanged\":true}");
        again.StatusCode.Should().Be(HttpStatusCode.OK, "one was given back");
        replies.ForEach(reply => reply.Dispose());
    }

    private static async Task CallsAsync(BridgeHost host, string caller, int count)
    {
        var session = await host.InitializeAsync(caller);
        for (var id = 1; id <= count; id++)
        {
            // The first two seconds of a call pass within PostAsync; the test does not wait for its answer.
            _ = host.PostAsync(BridgeHost.Call(id, $"{caller} {id}"), session, caller);
        }
    }

    private Task AnswerAsync(string text) => ScriptedStdio.Plain(_calls[text], _server.Process);
}
