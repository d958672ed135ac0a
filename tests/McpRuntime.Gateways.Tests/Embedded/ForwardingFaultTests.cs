using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.AspNetCore.Http;
using static McpRuntime.Gateways.Tests.Embedded.Harness.Calls;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class ForwardingFaultTests
{
    [TestCase("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"jsonrpc\":")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\ndata: ", 100_000)]
    public async Task A_server_that_breaks_off_leaves_no_answer_that_looks_whole(string part, int more = 0)
    {
        await using var upstream = new RawUpstream(RawUpstream.Saying(part + new string('x', more)));
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        var reading = async () =>
        {
            using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
            await answer.Content.ReadAsStringAsync();
        };

        await reading.Should().ThrowAsync<HttpRequestException>();
    }

    [TestCase("9\r\ndata: 1\n\n\r\n", "whether")]
    [TestCase("9\r\ndata: 1\n\n\r\nc\r\ndata: {\"half\r\n", "whether")]
    [TestCase("9\r\ndata: 1\n\n\r\n0\r\n\r\n", "ended without an answer")]
    public async Task A_stream_that_breaks_off_between_events_ends_with_an_error_for_the_call(string chunks, string why)
    {
        await using var upstream = new RawUpstream(RawUpstream.Saying("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks));
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
        var text = await answer.Content.ReadAsStringAsync().InTime();

        text.Should().StartWith("data: 1\n\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":7,\"error\":").And.NotContain("half");
        text.ToLowerInvariant().Should().Contain(why);
    }

    [TestCase("data: {\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n\n")]
    [TestCase("id: 1\ndata: \n\n")]
    public async Task A_stream_that_has_answered_or_may_be_resumed_ends_as_it_ended(string events)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(context => ScriptedUpstream.EventAsync(context, events));
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));

        (await answer.Content.ReadAsStringAsync().InTime()).Should().Be(events);
    }

    [Test]
    public async Task A_server_that_is_away_is_503_and_the_call_keeps_its_id()
    {
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", new Uri($"http://127.0.0.1:{ClosedPort()}"));

        using var answer = await PostAsync(gateway, "/mcp/a", Call);

        answer.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter!.Delta.Should().Be(TimeSpan.FromSeconds(2));
        await ShouldBeErrorAsync(answer, "7", -32000, "nothing listens");
    }

    [TestCase("", "closed the connection")]
    [TestCase("SSH-2.0-OpenSSH_9.2\r\n\r\n", "does not speak HTTP")]
    public async Task A_server_that_gives_no_answer_is_502(string said, string why)
    {
        await using var upstream = new RawUpstream(RawUpstream.Saying(said));
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await PostAsync(gateway, "/mcp/a", Call);

        answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
        await ShouldBeErrorAsync(answer, "7", -32000, why);
        upstream.Connections.Should().Be(1, "a call that may have been executed is never sent twice");
    }

    [Test]
    public async Task A_server_that_says_nothing_is_504()
    {
        await using var upstream = new RawUpstream(RawUpstream.SilenceAsync);
        await using var gateway = await GatewayHost.StartAsync(options => options with { IdleTimeout = TimeSpan.FromMilliseconds(200) });
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await PostAsync(gateway, "/mcp/a", Call);

        answer.StatusCode.Should().Be(HttpStatusCode.GatewayTimeout);
        await ShouldBeErrorAsync(answer, "7", -32000, "RUNTIME_GATEWAY_IDLE_TIMEOUT_SECONDS");
    }

    [Test]
    public async Task A_stream_of_events_may_be_silent_for_longer_than_the_idle_timeout_and_is_kept_alive()
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            await ScriptedUpstream.EventAsync(context, "data: 1\n\n");
            await go.Task.InTime();
            await ScriptedUpstream.EventAsync(context, "data: {\"id\":7,\"result\":2}\n\n");
        });
        await using var gateway = await GatewayHost.StartAsync(options => options with { IdleTimeout = TimeSpan.FromMilliseconds(300), KeepAlive = TimeSpan.FromMilliseconds(200) });
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var comments = 0;
        while (comments < 3)
        {
            comments += await lines.ReadLineAsync().InTime() is [':', ..] ? 1 : 0;
        }

        go.SetResult();
        (await lines.ReadToEndAsync().InTime()).Should().EndWith("data: {\"id\":7,\"result\":2}\n\n");
    }

    [Test]
    public async Task A_call_that_takes_too_long_in_all_is_cut()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            while (true)
            {
                await ScriptedUpstream.EventAsync(context, "data: 1\n\n");
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, context.RequestAborted);
            }
        });
        await using var gateway = await GatewayHost.StartAsync(options => options with { TotalTimeout = TimeSpan.FromMilliseconds(500) });
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));

        (await answer.Content.ReadAsStringAsync().InTime()).Should().Contain("\"id\":7,\"error\":").And.Contain("RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS");
    }

    [Test]
    public async Task A_stream_that_only_listens_outlives_every_timeout_and_ends_well_with_the_service()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            await ScriptedUpstream.EventAsync(context, "data: 1\n\n");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        });
        var gateway = await GatewayHost.StartAsync(options => options with { TotalTimeout = TimeSpan.FromMilliseconds(200), IdleTimeout = TimeSpan.FromMilliseconds(100), KeepAlive = TimeSpan.FromMilliseconds(100) });
        await using var _ = gateway;
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Get, "/mcp/a"));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        var comments = 0;
        while (comments < 5)
        {
            comments += await lines.ReadLineAsync().InTime() is [':', ..] ? 1 : 0;
        }

        var stopping = gateway.StopAsync();
        await lines.ReadToEndAsync().InTime();
        await stopping.InTime();
    }

    [Test]
    public async Task A_message_of_many_megabytes_is_streamed_and_one_over_the_limit_is_413()
    {
        var received = 0L;
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            var buffer = new byte[64 * 1024];
            for (int read; (read = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0;)
            {
                received += read;
            }

            await ScriptedUpstream.JsonAsync(context, "{}");
        });
        await using var gateway = await GatewayHost.StartAsync(options => options with { MaxBodyBytes = 40_000_000 });
        gateway.Routes.Add("a", upstream.Url);

        using var fits = await SendAsync(gateway, Chunked("/mcp/a", 39_000_000));
        fits.StatusCode.Should().Be(HttpStatusCode.OK);
        received.Should().Be(39_000_000 + Prefix.Length);

        using var tooLong = await SendAsync(gateway, Chunked("/mcp/a", 41_000_000));
        tooLong.StatusCode.Should().Be(HttpStatusCode.RequestEntityTooLarge);
        await ShouldBeErrorAsync(tooLong, "9", -32600, "40000000");

        var announced = new HttpRequestMessage(HttpMethod.Post, "/mcp/a") { Content = new ByteArrayContent(new byte[40_000_001]) };
        using var refused = await SendAsync(gateway, announced);
        refused.StatusCode.Should().Be(HttpStatusCode.RequestEntityTooLarge);
    }

    [Test]
    public async Task A_challenge_or_redirect_of_the_server_is_not_taken_for_ours()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(context =>
        {
            context.Response.StatusCode = context.Request.Path == "/401" ? 401 : 307;
            context.Response.Headers.WWWAuthenticate = "Bearer resource_metadata=\"http://evil.example/\"";
            context.Response.Headers.Location = "http://evil.example/";
            return Task.CompletedTask;
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url, "/401");
        gateway.Routes.Add("b", upstream.Url, "/307");

        foreach (var name in (string[])["a", "b"])
        {
            using var answer = await PostAsync(gateway, $"/mcp/{name}", Call);
            answer.StatusCode.Should().Be(HttpStatusCode.BadGateway);
            answer.Headers.WwwAuthenticate.Should().BeEmpty();
            answer.Headers.Location.Should().BeNull();
        }
    }

    [Test]
    public async Task Without_the_database_an_unknown_route_is_503_not_404()
    {
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Away = new Refusal(RefusalKind.Unavailable, "away", "away");

        using var answer = await PostAsync(gateway, "/mcp/a", Call);

        answer.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        answer.Headers.RetryAfter.Should().NotBeNull();
    }

    private const string Prefix = """{"jsonrpc":"2.0","id":9,"method":"x","params":" """;

    private static HttpRequestMessage Chunked(string path, int size)
    {
        var content = new StreamContent(new Endless(size, Encoding.ASCII.GetBytes(Prefix)));
        content.Headers.ContentType = new("application/json");
        return new HttpRequestMessage(HttpMethod.Post, path) { Content = content, Headers = { TransferEncodingChunked = true } };
    }

    private static async Task ShouldBeErrorAsync(HttpResponseMessage answer, string id, int code, string words)
    {
        answer.Content.Headers.ContentType!.MediaType.Should().Be("application/json");
        var body = JsonNode.Parse(await answer.Content.ReadAsStringAsync())!;
        body["id"]!.ToJsonString().Should().Be(id);
        body["error"]!["code"]!.GetValue<int>().Should().Be(code);
        body["error"]!["message"]!.GetValue<string>().Should().Contain(words);
    }

    private static int ClosedPort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>So many blanks behind the prefix, made as they are read.</summary>
    private sealed class Endless(int size, byte[] prefix) : MemoryStream
    {
        private int _left = size + prefix.Length;
        private bool _started;

        public override bool CanSeek => false;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = _started ? Math.Min(buffer.Length, _left) : prefix.Length;
            buffer.Span[..read].Fill((byte)' ');
            if (!_started)
            {
                prefix.CopyTo(buffer);
                _started = true;
            }

            _left -= read;
            return ValueTask.FromResult(read);
        }
    }
}
