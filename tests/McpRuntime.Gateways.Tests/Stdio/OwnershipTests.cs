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
            context.Response.StatusCode = (int)ReplicaLink.NotOwner;
        });
        await table.ClaimAsync("server", seen: null, "other", other.Url.AbsoluteUri.TrimEnd('/'), CancellationToken.None);
        await using var host = new BridgeHost(new ScriptedStdio(), table: table);

        using var reply = await host.PostAsync(Initialize);

        reply.StatusCode.Should().Be(HttpStatusCode.OK, "the message was still whole");
        other.Requests.Should().ContainSingle().Which.Body.Should().Be(Initialize);
    }
}
