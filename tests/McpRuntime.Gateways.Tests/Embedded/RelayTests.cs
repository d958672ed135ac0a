using System.Net;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using McpRuntime.Gateways.Upstream;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class RelayTests
{
    private readonly List<string> _heads = [];

    [Test]
    public async Task A_call_goes_through_the_relay_with_its_token_and_never_with_the_clients()
    {
        await using var upstream = await ScriptedUpstream.EchoAsync();
        await using var relay = new RawUpstream((stream, ct) => RelayAsync(stream, upstream.Url, ct));
        await using var gateway = await GatewayHost.StartAsync(options => options with { RelayToken = new SecretText("relay-secret") });
        gateway.Routes.Add("closed", new Uri($"http://10.11.12.13:{upstream.Url.Port}"), relay: relay.Url.Authority);

        for (var i = 0; i < 3; i++)
        {
            using var answer = await gateway.Client.PostAsync("/mcp/closed", new StringContent("{}", Encoding.UTF8, "application/json"));
            answer.StatusCode.Should().Be(HttpStatusCode.OK);
        }

        var target = $"10.11.12.13:{upstream.Url.Port}";
        _heads.Should().Equal([$"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Bearer relay-secret\r\n\r\n"], "one tunnel serves many calls");
        upstream.Requests.Should().HaveCount(3).And.OnlyContain(request => !request.Headers.ContainsKey("Proxy-Authorization") && !request.Headers.ContainsKey("Authorization"));
        upstream.Requests.First().Headers["Host"].Should().Be(target);
    }

    [TestCase("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "does not accept our token")]
    [TestCase("HTTP/1.1 403 Forbidden\r\nX-Guard-Reason: Target\r\n\r\nguard: not a closed network\n", "403 guard: not a closed network")]
    [TestCase("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", "more than an answer")]
    [TestCase("hello\r\n\r\n", "does not speak HTTP")]
    [TestCase("", "without an answer")]
    public async Task A_relay_that_refuses_is_503_and_the_server_got_nothing(string said, string words)
    {
        await using var relay = new RawUpstream(RawUpstream.Saying(said));
        await using var gateway = await GatewayHost.StartAsync(options => options with { RelayToken = new SecretText("relay-secret") });
        gateway.Routes.Add("closed", new Uri("http://10.11.12.13:80"), relay: relay.Url.Authority);

        using var answer = await gateway.Client.PostAsync("/mcp/closed", new StringContent("{}", Encoding.UTF8, "application/json"));

        answer.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await answer.Content.ReadAsStringAsync()).Should().Contain(words).And.NotContain("relay-secret");
    }

    [Test]
    public async Task A_relay_whose_answer_does_not_end_is_given_up()
    {
        await using var relay = new RawUpstream(RawUpstream.Saying("HTTP/1.1 200 OK\r\n" + new string('x', 20_000)));
        using var connector = new UpstreamConnector(new GatewayOptions { SessionKey = GatewayHost.Key });
        var address = new UpstreamAddress("10.11.12.13", 80, relay.Url.Authority);
        using var request = new HttpRequestMessage(HttpMethod.Get, UpstreamConnector.UriOf(address, "/"));

        var sending = async () => await connector.SendAsync(address, request, CancellationToken.None).InTime();

        UpstreamTrouble.Of((await sending.Should().ThrowAsync<HttpRequestException>()).Which, address).Should().BeEquivalentTo(new { NothingSent = true });
    }

    [Test]
    public void An_address_may_be_of_either_version_of_IP()
    {
        UpstreamConnector.UriOf(new UpstreamAddress("fd00::2", 3001), "/mcp").AbsoluteUri.Should().Be("http://[fd00::2]:3001/mcp");
        UpstreamConnector.UriOf(new UpstreamAddress("10.0.0.2", 443, Scheme: "https"), "/mcp?a=1").AbsoluteUri.Should().Be("https://10.0.0.2/mcp?a=1");
    }

    private async Task RelayAsync(NetworkStream client, Uri upstream, CancellationToken ct)
    {
        _heads.Add(await RawUpstream.HeadAsync(client, ct));
        using var server = new TcpClient();
        await server.ConnectAsync(upstream.Host, upstream.Port, ct);
        await client.WriteAsync("HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray(), ct);
        var there = client.CopyToAsync(server.GetStream(), ct);
        var back = server.GetStream().CopyToAsync(client, ct);
        await Task.WhenAny(there, back);
    }
}
