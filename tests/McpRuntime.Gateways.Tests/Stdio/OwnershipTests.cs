using System.Net;
using System.Net.Http.Headers;
using System.Text;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>Who serves when the replica that owns a server has no bridge to it.</summary>
[TestFixture]
internal sealed class OwnershipTests
{
    private const string Initialize = """{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}""";

    [Test]
    public async Task An_owner_whose_bridge_ended_opens_it_again_for_another_replica()
    {
        var server = new ScriptedStdio();
        await using var host = new BridgeHost(server);
        await host.InitializeAsync();
        server.Replace();

        await Eventually.TrueAsync(
            async () =>
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, "http://replica/") { Content = new StringContent(Initialize, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
                using var reply = await host.Bridges.ServeAsync(BridgeHost.Address, request, "bob", CancellationToken.None);
                return reply.IsSuccessStatusCode && !server.Process.Read.IsEmpty;
            },
            "it serves from the new process");

        server.Process.Number.Should().Be(2);
    }

    [Test]
    public async Task A_replica_that_is_no_longer_the_owner_is_asked_once_and_the_message_goes_to_who_is()
    {
        var table = new MemoryBridges();
        await using var other = await ScriptedUpstream.StartAsync(async context =>
        {
            await table.ReleaseAsync("other", CancellationToken.None);
            context.Response.Headers[ReplicaLink.OwnerHeader] = "other";
            context.Response.StatusCode = (int)ReplicaLink.NotOwner;
        });
        await table.ClaimAsync("server", seen: null, "other", other.Url.AbsoluteUri.TrimEnd('/'), CancellationToken.None);
        await using var host = new BridgeHost(new ScriptedStdio(), table: table);

        using var reply = await host.PostAsync(Initialize);

        reply.StatusCode.Should().Be(HttpStatusCode.OK, "the message was still whole");
        other.Requests.Should().ContainSingle().Which.Body.Should().Be(Initialize);
    }

    [Test]
    public async Task An_owner_that_can_not_be_reached_keeps_its_server_until_it_gave_no_sign_of_life_for_long()
    {
        var (server, table, time) = (new ScriptedStdio(), new MemoryBridges(), new ManualTime());
        await using var first = new BridgeHost(server, table: table, time: time);
        await using var second = new BridgeHost(server, table: table, time: time);
        await first.InitializeAsync();

        // Nothing listens at the first one's address.
        using var session = await second.PostAsync(BridgeHost.Call(1, "x"), "its session at the first one");
        session.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "the session may well live: it has not ended");
        session.Headers.RetryAfter.Should().NotBeNull();
        (await session.Content.ReadAsStringAsync()).Should().Contain("can't be reached").And.Contain("Nothing was sent");
        time.Pass(TimeSpan.FromSeconds(10));
        (await second.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        await table.BeatAsync(first.Bridges.Owner, CancellationToken.None);
        time.Pass(TimeSpan.FromSeconds(10));
        (await second.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "it has given a sign of life");
        server.Process.Number.Should().Be(1);

        time.Pass(TimeSpan.FromSeconds(16));
        (await second.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.OK);
        server.Process.Number.Should().Be(2, "the new owner can't go on with a process that another one began with");
    }

    [Test]
    public async Task Replicas_that_have_the_same_address_do_not_take_each_others_servers()
    {
        var (server, table) = (new ScriptedStdio(), new MemoryBridges());
        await using var owner = await GatewayHost.StartAsync(with: options => options with { ReplicaKey = GatewayHost.Key }, bridges: table, stdio: server);
        var loopback = new Uri(owner.Url, "/");
        await using var elsewhere = new BridgeHost(server, table: table, address: loopback);

        // On another machine the same loopback address leads to that machine's own replica.
        (await elsewhere.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.OK);
        var bridges = (Bridges)owner.Services.GetService(typeof(Bridges))!;
        using var request = new HttpRequestMessage(HttpMethod.Post, "http://server/mcp") { Content = new StringContent(Initialize, Encoding.UTF8, new MediaTypeHeaderValue("application/json")) };
        using var refused = await bridges.SendAsync(BridgeHost.Address, request, CancellationToken.None);

        refused.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await refused.Content.ReadAsStringAsync()).Should().Contain("RUNTIME_REPLICA_URL");
        server.Process.Number.Should().Be(1, "nobody took it");
    }

    [Test]
    public async Task While_the_database_is_away_nobody_can_give_a_sign_of_life_and_nobody_is_taken_for_gone()
    {
        var (server, table, time) = (new ScriptedStdio(), new MemoryBridges(), new ManualTime());
        await using var first = new BridgeHost(server, table: table, time: time);
        await using var second = new BridgeHost(server, table: table, time: time);
        await first.InitializeAsync();
        await second.Bridges.StartAsync(CancellationToken.None);
        (await second.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);

        table.IsAway = true;
        for (var beat = 1; beat <= 5; beat++)
        {
            await Eventually.TrueAsync(() => time.Waiting >= 2, "it waits for its next sign of life");
            time.Pass(TimeSpan.FromSeconds(4));
            await Eventually.TrueAsync(() => table.RefusedBeats == beat, "it could not give it");
        }

        using (var session = await second.PostAsync(BridgeHost.Call(1, "x"), "its session at the first one"))
        {
            session.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "that nobody can read who has the server ends no session");
        }

        table.IsAway = false;
        (await second.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "20 s have passed, of which the owner could use none");
        server.Process.Number.Should().Be(1);

        time.Pass(TimeSpan.FromSeconds(16));
        (await second.PostAsync(Initialize)).StatusCode.Should().Be(HttpStatusCode.OK, "now it could have");
    }
}
