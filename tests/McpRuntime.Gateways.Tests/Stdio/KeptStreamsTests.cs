using System.Net;
using System.Text.Json;
using McpRuntime.Gateways.Stdio;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>What a session keeps for a client that was cut off, and what not.</summary>
[TestFixture]
internal sealed class KeptStreamsTests
{
    [Test]
    public async Task An_answer_that_went_as_one_message_is_not_kept()
    {
        await using var host = new BridgeHost(new ScriptedStdio());
        var session = await host.InitializeAsync();
        using var reply = await host.PostAsync(BridgeHost.Call(1, "x"), session);
        reply.Content.Headers.ContentType!.MediaType.Should().Be("application/json");

        using var again = await host.SendAsync(HttpMethod.Get, null, session, headers: ("Last-Event-ID", "1-0"));

        again.StatusCode.Should().Be(HttpStatusCode.BadRequest, "there is no such stream, and a 404 would end the session");
    }

    [Test]
    public void Streams_that_are_over_are_kept_within_their_bytes_and_the_latest_longest()
    {
        var session = new Session("id", "alice", "2025-11-25", default(JsonElement), new BridgeLimits { KeptBytes = 2500 });
        var streams = Enumerable.Range(0, 5).Select(_ => session.NewStream()).ToList();

        foreach (var stream in streams.Skip(1))
        {
            stream.Finish(new byte[1000], HttpStatusCode.OK);
            session.Trim();
        }

        streams.Select(stream => session.Resume($"{stream.Name}-0") is not null).Should().Equal([true, false, false, true, true], "the first still runs");
    }
}
