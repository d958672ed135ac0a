using System.Net;
using System.Text;
using McpRuntime.Gateways.Tests.Embedded.Harness;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class LegacySseTests
{
    [TestCase("/message?sessionId=1", "/message?sessionId=1")]
    [TestCase("message?sessionId=1", "/message?sessionId=1")]
    [TestCase("http://localhost:3001/message?sessionId=1", "/message?sessionId=1", Description = "where it believes itself to be does not matter")]
    [TestCase("http://169.254.169.254/latest/meta-data", "/latest/meta-data", Description = "only its own address is ever dialled")]
    [TestCase("//evil.example/x", "/x")]
    public async Task Messages_go_to_the_servers_own_address_whatever_it_names(string endpoint, string path)
    {
        await using var upstream = await UpstreamAsync(endpoint);
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("old", upstream.Url, "/sse", "SSE");

        var address = await EndpointAsync(gateway);
        address.Should().StartWith("/mcp/old/message?").And.NotContain("sessionId");
        using var posted = await PostAsync(gateway, address, "alice");

        posted.StatusCode.Should().Be(HttpStatusCode.Accepted);
        upstream.Requests.Last().Should().BeEquivalentTo(new { Method = "POST", Path = path });
    }

    [Test]
    public async Task An_address_is_its_callers_alone_and_ends_with_the_container()
    {
        await using var upstream = await UpstreamAsync("/message?sessionId=1");
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("old", upstream.Url, "/sse", "SSE");
        gateway.Routes.Add("other", upstream.Url, "/sse", "SSE");
        var address = await EndpointAsync(gateway);
        var before = upstream.Requests.Count;

        foreach (var (to, who) in new[] { (address, "bob"), (address.Replace("old", "other", StringComparison.Ordinal), "alice"), ("/mcp/old/message", "alice"), ("/mcp/old/message?to=%2Fmessage", "alice") })
        {
            using var stolen = await PostAsync(gateway, to, who);
            stolen.StatusCode.Should().Be(HttpStatusCode.NotFound, $"{who} at {to}");
        }

        gateway.Routes.Add("old", upstream.Url, "/sse", "SSE", instance: "i2");
        using var late = await PostAsync(gateway, address, "alice");
        late.StatusCode.Should().Be(HttpStatusCode.NotFound);
        upstream.Requests.Count.Should().Be(before);
    }

    [TestCase("SSE")]
    [TestCase("STREAMABLEHTTP", Description = "a server that turns out to speak the old way is no less rewritten")]
    public async Task No_stream_points_a_client_at_our_own_api(string transport)
    {
        await using var upstream = await UpstreamAsync("/ok", "/runtimes/deploy");
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("old", upstream.Url, "/sse", transport);

        using var stream = await gateway.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/mcp/old"), HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        for (var seen = 0; seen < 2;)
        {
            if (await lines.ReadLineAsync().InTime() is { } line && line.StartsWith("data:", StringComparison.Ordinal))
            {
                line.Should().StartWith("data: /mcp/old/message?to=");
                seen++;
            }
        }
    }

    [TestCase("text/event-stream; charset=utf-16", "")]
    [TestCase("text/event-stream;;=", "")]
    [TestCase("text/html, text/event-stream", "")]
    [TestCase("Text/Event-Stream", "gzip")]
    public async Task No_spelling_of_a_stream_gets_past_the_reading_of_it(string contentType, string encoding)
    {
        await using var upstream = new RawUpstream(RawUpstream.Saying(
            $"HTTP/1.1 200 OK\r\nContent-Type: {contentType}\r\n{(encoding.Length == 0 ? "" : $"Content-Encoding: {encoding}\r\n")}Connection: close\r\n\r\nevent: endpoint\ndata: /runtimes/deploy\n\n"));
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("old", upstream.Url, "/sse", "SSE");

        using var answer = await gateway.Client.GetAsync("/mcp/old");

        if (encoding.Length > 0)
        {
            answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
            return;
        }

        answer.Content.Headers.ContentType!.ToString().Should().Be("text/event-stream");
        (await answer.Content.ReadAsStringAsync()).Should().StartWith("event: endpoint\ndata: /mcp/old/message?to=");
    }

    [Test]
    public async Task Who_posts_to_its_stream_is_told_to_open_it()
    {
        await using var upstream = await UpstreamAsync("/ok");
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("old", upstream.Url, "/sse", "SSE");

        using var answer = await PostAsync(gateway, "/mcp/old", "alice");

        answer.StatusCode.Should().Be(HttpStatusCode.MethodNotAllowed, "it is by a 4xx that clients know to try the older transport");
        answer.Content.Headers.Allow.Should().Equal("GET");
    }

    [Test]
    public async Task Below_a_public_path_the_address_has_it()
    {
        await using var upstream = await UpstreamAsync("/message");
        await using var gateway = await GatewayHost.StartAsync(options => options with { PublicUrl = new Uri("http://127.0.0.1/runtime/") });
        gateway.Routes.Add("old", upstream.Url, "/sse", "SSE");

        (await EndpointAsync(gateway)).Should().StartWith("/runtime/mcp/old/message?to=");
    }

    private static Task<ScriptedUpstream> UpstreamAsync(params string[] endpoints) => ScriptedUpstream.StartAsync(async context =>
    {
        if (context.Request.Method == "POST")
        {
            context.Response.StatusCode = 202;
            return;
        }

        foreach (var endpoint in endpoints)
        {
            await ScriptedUpstream.EventAsync(context, $"event: endpoint\ndata: {endpoint}\n\n");
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
    });

    private static async Task<string> EndpointAsync(GatewayHost gateway)
    {
        using var stream = await gateway.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/mcp/old"), HttpCompletionOption.ResponseHeadersRead);
        stream.Content.Headers.ContentType!.MediaType.Should().Be("text/event-stream");
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        (await lines.ReadLineAsync().InTime()).Should().Be("event: endpoint");
        return (await lines.ReadLineAsync().InTime())!["data: ".Length..];
    }

    private static async Task<HttpResponseMessage> PostAsync(GatewayHost gateway, string address, string who)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new StringContent("""{"jsonrpc":"2.0","id":1,"method":"ping"}""", Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new("Bearer", who);
        return await gateway.Client.SendAsync(request);
    }
}
