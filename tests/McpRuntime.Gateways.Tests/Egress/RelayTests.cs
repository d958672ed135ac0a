using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Security.Cryptography;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Gateways.Egress;
using static McpRuntime.Gateways.Tests.Egress.GuardUnderTest;

namespace McpRuntime.Gateways.Tests.Egress;

[TestFixture]
internal sealed class RelayTests
{
    private static string Connect(string target, string token = Token) => $"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Bearer {token}\r\n\r\n";

    [Test]
    public async Task Bytes_pass_both_ways_unchanged_and_an_end_passes_as_an_end()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var server = new Upstream(ServerA, Upstream.EchoAsync);
        using var client = await guard.RelayAsync();
        (await client.AskAsync(Connect($"{ServerA}:{server.Port}"))).Should().StartWith("HTTP/1.1 200");
        var sent = RandomNumberGenerator.GetBytes(3_000_000);

        var sending = Task.Run(async () =>
        {
            await client.SendAsync(sent);
            client.Socket.Shutdown(SocketShutdown.Send);
        });
        var back = await client.ReadAsync(sent.Length + 1);
        await sending;

        back.Should().HaveCount(sent.Length);
        back.AsSpan().SequenceEqual(sent).Should().BeTrue();
    }

    [Test]
    public async Task Bytes_sent_right_behind_the_head_are_not_lost()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var server = new Upstream(ServerA, Upstream.EchoAsync);
        using var client = await guard.RelayAsync();
        await client.SendAsync(Connect($"{ServerA}:{server.Port}") + "early");
        await client.ReadHeadAsync();
        (await client.ReadAsync(5)).Should().Equal("early"u8.ToArray());
    }

    [TestCase("wrong-token-of-enough-length")]
    [TestCase("")]
    public async Task Without_the_token_nothing_is_relayed(string token)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var server = new Upstream(ServerA, Upstream.EchoAsync);
        using var client = await guard.RelayAsync();
        (await client.AskAsync(Connect($"{ServerA}:{server.Port}", token))).Should().StartWith("HTTP/1.1 407");
        server.Accepted.Should().Be(0);
    }

    [TestCase(GuardInA, Description = "itself, on a closed network")]
    [TestCase(GuardOutside, Description = "itself, outside")]
    [TestCase(Outsider, Description = "the outer network")]
    [TestCase("127.0.0.1")]
    [TestCase(Internet)]
    [TestCase("169.254.169.254")]
    [TestCase("ok.example", Description = "a name is never resolved")]
    [TestCase("[::ffff:127.1.0.5]", Description = "a mapped form of an inner address")]
    public async Task Only_addresses_of_closed_networks_are_relayed_to(string host)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var client = await guard.RelayAsync();
        (await client.AskAsync(Connect($"{host}:{guard.Host.Relay.Port}"))).Should().StartWith("HTTP/1.1 403");
        guard.Names.Asked.Should().Be(0);
    }

    [TestCase(ServerA, GuardInA)]
    [TestCase(ServerA, GuardOutside, Description = "the kernel answers for every address of ours on every interface")]
    [TestCase(Outsider, GuardInA)]
    public async Task A_closed_server_can_neither_relay_nor_control(string from, string to)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var sibling = new Upstream(ServerB, Upstream.EchoAsync);
        foreach (var port in new[] { guard.Host.Relay.Port, guard.Host.Control.Port })
        {
            (await AnswerAsync(from, to, port, Connect($"{ServerB}:{sibling.Port}"))).Should().BeEmpty("not a word is said inside");
        }

        sibling.Accepted.Should().Be(0);
        (await guard.RefusalsAsync()).Should().Contain(r => r.Reason == "NotFromOutside");
    }

    private static async Task<string> AnswerAsync(string from, string to, int port, string request)
    {
        try
        {
            using var client = await Peer.ConnectAsync(from, to, port);
            await client.SendAsync(request);
            return (await client.ReadToEndAsync()).Text;
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionReset or SocketError.Shutdown)
        {
            return "";
        }
    }

    [Test]
    public async Task A_network_linked_later_is_found_and_one_unlinked_is_gone()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var server = new Upstream("127.3.0.5", Upstream.EchoAsync);
        using var before = await guard.RelayAsync();
        (await before.AskAsync(Connect($"127.3.0.5:{server.Port}"))).Should().StartWith("HTTP/1.1 403");
        var outer = new Attachment(IPAddress.Parse(GuardOutside), IPNetwork.Parse("127.9.0.0/28"), Outer: true);

        guard.Networks.Become(outer, new Attachment(IPAddress.Parse("127.3.0.1"), IPNetwork.Parse("127.3.0.0/28"), Outer: false));

        using var after = await guard.RelayAsync();
        (await after.AskAsync(Connect($"127.3.0.5:{server.Port}"))).Should().StartWith("HTTP/1.1 200");
        using var gone = await guard.RelayAsync();
        (await gone.AskAsync(Connect($"{ServerA}:{server.Port}"))).Should().StartWith("HTTP/1.1 403");
    }

    [Test]
    public async Task A_server_that_does_not_listen_is_told_as_unreachable()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var client = await guard.RelayAsync();
        (await client.AskAsync(Connect($"{ServerA}:1"))).Should().StartWith("HTTP/1.1 502");
    }

    [Test]
    public async Task A_thousand_relayed_connections_are_held_and_let_go()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var server = new Upstream(ServerA, Upstream.EchoAsync);
        var peers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(async _ =>
        {
            var client = await guard.RelayAsync();
            (await client.AskAsync(Connect($"{ServerA}:{server.Port}"))).Should().StartWith("HTTP/1.1 200");
            await client.SendAsync("ping");
            (await client.ReadAsync(4)).Should().Equal("ping"u8.ToArray());
            return client;
        }));
        guard.Host.Tunnels.Relayed.Should().Be(1000);
        foreach (var peer in peers)
        {
            peer.Dispose();
        }

        await Eventually.TrueAsync(() => guard.Host.Tunnels.Relayed == 0);
    }

    [Test]
    public async Task Policies_survive_the_guards_death_and_a_broken_file_closes()
    {
        var folder = Directory.CreateTempSubdirectory("guard-").FullName;
        try
        {
            using var internet = new Upstream(Internet, Upstream.EchoAsync);
            await using (var first = await GuardUnderTest.StartAsync(folder: folder))
            {
                await first.AllowAsync(NetworkA, strict: false, $"ok.example:{internet.Port}");
            }

            await using (var second = await GuardUnderTest.StartAsync(folder: folder))
            {
                using var client = await second.ProxyAsync();
                (await client.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().StartWith("HTTP/1.1 200");
            }

            await File.WriteAllTextAsync(Path.Combine(folder, "policies.json"), "{\"policies\":[{\"id\":\"x\",");
            await using var third = await GuardUnderTest.StartAsync(folder: folder);
            using var closed = await third.ProxyAsync();
            (await closed.AskAsync($"CONNECT ok.example:{internet.Port} HTTP/1.1\r\n\r\n")).Should().Contain("NoPolicy");
            (await third.Control.GetFromJsonAsync<GuardHealth>("/healthz", GuardJson.Options))!.Trouble.Should().NotBeNull();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Test]
    public async Task A_subnet_given_out_again_takes_nothing_over()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        await guard.AllowAsync(NetworkA, strict: false, "ok.example");
        var next = new GuardPolicy("another-network", NetworkA, ["else.example"]);
        (await guard.Control.PutAsJsonAsync("/policies/another-network", next, GuardJson.Options)).EnsureSuccessStatusCode();

        guard.Host.Policies.All.Should().ContainSingle().Which.Id.Should().Be("another-network");
        using var client = await guard.ProxyAsync();
        (await client.AskAsync("CONNECT ok.example:443 HTTP/1.1\r\n\r\n")).Should().Contain("HostNotAllowed");
    }

    [TestCase("{")]
    [TestCase("null")]
    [TestCase("{\"network\":\"10.0.0.1/28\",\"allowed_hosts\":[]}")]
    [TestCase("{\"network\":\"x\",\"allowed_hosts\":[]}")]
    [TestCase("{\"network\":\"10.0.0.0/28\"}")]
    [TestCase("{\"network\":\"10.0.0.0/28\",\"allowed_hosts\":[\"*\"]}")]
    [TestCase("{\"network\":\"10.0.0.0/28\",\"allowed_hosts\":[null]}")]
    public async Task A_policy_that_makes_no_sense_is_refused_and_changes_nothing(string body)
    {
        await using var guard = await GuardUnderTest.StartAsync();
        using var reply = await guard.Control.PutAsync("/policies/x", new StringContent(body));
        ((int)reply.StatusCode).Should().BeInRange(400, 422);
        guard.Host.Policies.Count.Should().Be(0);
    }

    [Test]
    public async Task The_control_port_wants_the_token_for_all_but_health()
    {
        await using var guard = await GuardUnderTest.StartAsync();
        guard.Control.DefaultRequestHeaders.Authorization = null;
        foreach (var path in new[] { "/policies", "/refusals", "/traffic" })
        {
            (await guard.Control.GetAsync(path)).StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        }

        (await guard.Control.PutAsJsonAsync("/policies/x", new GuardPolicy("x", NetworkA, []), GuardJson.Options)).StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        (await guard.Control.GetAsync("/healthz")).StatusCode.Should().Be(HttpStatusCode.OK);
    }

    [Test]
    public async Task Refusals_are_merged_kept_apart_by_network_and_read_from_where_one_left_off()
    {
        await using var guard = await GuardUnderTest.StartAsync(new GuardLimits { RefusalsPerNetwork = 10 });
        var ledger = guard.Host.Ledger;
        ledger.Refuse(NetworkB, "b", "first.example", 443, Refused.HostNotAllowed);
        for (var i = 0; i < 1000; i++)
        {
            ledger.Refuse(NetworkA, "a", $"{i}.example", 443, Refused.HostNotAllowed);
        }

        ledger.Refuse(NetworkB, "b", "first.example", 443, Refused.HostNotAllowed);

        var page = (await guard.Control.GetFromJsonAsync<GuardRefusalPage>("/refusals", GuardJson.Options))!;
        page.Refusals.Should().HaveCount(11, "a flood has its own room");
        page.Refusals.Single(r => r.Network == NetworkB).Count.Should().Be(2);
        var next = (await guard.Control.GetFromJsonAsync<GuardRefusalPage>($"/refusals?after={page.Last}", GuardJson.Options))!;
        next.Refusals.Should().BeEmpty();
        next.Last.Should().Be(page.Last);
        var traffic = (await guard.Control.GetFromJsonAsync<GuardTrafficList>("/traffic", GuardJson.Options))!;
        traffic.Networks.Single(n => n.Network == NetworkA).Denied.Should().Be(1000);
    }
}
