using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class ForwardingTests
{
    private const string Call = """{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}""";

    [Test]
    public async Task A_message_arrives_as_it_was_sent_and_its_answer_as_it_was_given()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(context =>
        {
            context.Response.Headers["Mcp-Method"] = "tools/call";
            return ScriptedUpstream.JsonAsync(context, """{"jsonrpc":"2.0","id":7,"result":{"ok":true}}""", 203);
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url, "/some/mcp");

        using var answer = await PostAsync(gateway, "/mcp/a?x=%2F1", Call, ("MCP-Protocol-Version", "2025-11-25"), ("Mcp-Param-Region", "eu"), ("Accept", "application/json, text/event-stream"), ("X-Api-Key", "the server's own"));

        answer.StatusCode.Should().Be((HttpStatusCode)203);
        (await answer.Content.ReadAsStringAsync()).Should().Be("""{"jsonrpc":"2.0","id":7,"result":{"ok":true}}""");
        answer.Headers.GetValues("X-Accel-Buffering").Should().Equal("no");
        answer.Headers.GetValues("Mcp-Method").Should().Equal("tools/call");
        var seen = upstream.Requests.Single();
        seen.Should().BeEquivalentTo(new { Method = "POST", Path = "/some/mcp?x=%2F1", Body = Call });
        seen.Headers["Content-Type"].Should().Be("application/json");
        seen.Headers["Mcp-Param-Region"].Should().Be("eu");
        seen.Headers["MCP-Protocol-Version"].Should().Be("2025-11-25");
        seen.Headers["X-Api-Key"].Should().Be("the server's own");
        seen.Headers["Host"].Should().Be(upstream.Url.Authority);
    }

    [Test]
    public async Task Our_credentials_and_what_belongs_to_the_connection_stay_here()
    {
        await using var upstream = await ScriptedUpstream.EchoAsync();
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await PostAsync(
            gateway, "/mcp/a", Call, ("Cookie", "console=secret"), ("Proxy-Authorization", "Basic x"), ("X-Forwarded-For", "1.2.3.4"), ("Forwarded", "for=1.2.3.4"), ("TE", "trailers"), ("Referer", "http://x/"), ("Sec-Fetch-Site", "none"), ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));

        upstream.Requests.Single().Headers.Keys.Should().BeSubsetOf(["Host", "Content-Type", "Content-Length", "traceparent"]);
    }

    [Test]
    public async Task A_server_sets_no_cookie_policy_or_redirect_at_our_origin()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(context =>
        {
            var headers = context.Response.Headers;
            headers.SetCookie = "a=b";
            headers.AccessControlAllowOrigin = "*";
            headers["Strict-Transport-Security"] = "max-age=1";
            headers["Refresh"] = "0; url=http://evil.example/";
            headers.Connection = "X-Hop";
            headers["X-Hop"] = "1";
            context.Response.ContentType = "text/html";
            return context.Response.WriteAsync("<script>alert(1)</script>");
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await gateway.Client.GetAsync("/mcp/a");

        answer.Headers.Select(header => header.Key).Should().BeEquivalentTo(["Date", "Server", "X-Accel-Buffering", "X-Content-Type-Options", "Content-Security-Policy", "Transfer-Encoding"]);
    }

    [Test]
    public async Task An_event_arrives_before_the_next_one_is_made()
    {
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            await ScriptedUpstream.EventAsync(context, "event: message\ndata: 1\n\n");
            await read.Task.InTime();
            await ScriptedUpstream.EventAsync(context, "event: message\ndata: 2\n\n");
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await lines.ReadLineAsync().InTime()).Should().Be("event: message");
        (await lines.ReadLineAsync().InTime()).Should().Be("data: 1");
        read.SetResult();

        (await lines.ReadToEndAsync().InTime()).Should().Be("\nevent: message\ndata: 2\n\n");
    }

    [Test]
    public async Task The_head_of_a_stream_arrives_before_its_first_event()
    {
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            context.Response.ContentType = "text/event-stream";
            await context.Response.Body.FlushAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Get, "/mcp/a")).InTime();

        answer.Content.Headers.ContentType!.MediaType.Should().Be("text/event-stream");
    }

    [Test]
    public async Task A_client_that_goes_takes_the_servers_work_along()
    {
        var working = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            await using var registration = context.RequestAborted.Register(() => cancelled.TrySetResult());
            working.SetResult();
            await cancelled.Task.InTime();
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);
        using var leave = new CancellationTokenSource();

        var calling = gateway.Client.SendAsync(Message(HttpMethod.Post, "/mcp/a", Call), leave.Token);
        await working.Task.InTime();
        await leave.CancelAsync();

        await cancelled.Task.InTime();
        await calling.Invoking(task => task).Should().ThrowAsync<OperationCanceledException>();
    }

    [Test]
    public async Task A_client_that_leaves_a_stream_ends_it_at_the_server_too()
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = await ScriptedUpstream.StartAsync(async context =>
        {
            await using var registration = context.RequestAborted.Register(() => cancelled.TrySetResult());
            await ScriptedUpstream.EventAsync(context, "data: 1\n\n");
            await cancelled.Task.InTime();
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using (var answer = await SendAsync(gateway, Message(HttpMethod.Get, "/mcp/a")))
        using (var lines = new StreamReader(await answer.Content.ReadAsStreamAsync()))
        {
            (await lines.ReadLineAsync().InTime()).Should().Be("data: 1");
        }

        await cancelled.Task.InTime();
    }

    [TestCase("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"jsonrpc\":")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")]
    public async Task A_server_that_breaks_off_leaves_no_answer_that_looks_whole(string part)
    {
        await using var upstream = new RawUpstream(RawUpstream.Saying(part));
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        var reading = async () =>
        {
            using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
            await answer.Content.ReadAsStringAsync();
        };

        await reading.Should().ThrowAsync<HttpRequestException>();
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
            await ScriptedUpstream.EventAsync(context, "data: 2\n\n");
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
        (await lines.ReadToEndAsync().InTime()).Should().EndWith("data: 2\n\n");
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

        var reading = async () =>
        {
            using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
            await answer.Content.ReadAsStringAsync().InTime();
        };

        await reading.Should().ThrowAsync<HttpRequestException>();
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

    [TestCase("DELETE", "/mcp/a", 202)]
    [TestCase("PUT", "/mcp/a", 405)]
    [TestCase("POST", "/mcp/a/anything", 404)]
    public async Task Other_methods_and_addresses(string method, string path, int status)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(context =>
        {
            context.Response.StatusCode = 202;
            return Task.CompletedTask;
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(new HttpMethod(method), path));

        answer.StatusCode.Should().Be((HttpStatusCode)status);
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

    private static HttpRequestMessage Message(HttpMethod method, string path, string? body = null) =>
        new(method, path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")) };

    private static Task<HttpResponseMessage> SendAsync(GatewayHost gateway, HttpRequestMessage request) => gateway.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);

    private static Task<HttpResponseMessage> PostAsync(GatewayHost gateway, string path, string body, params (string Name, string Value)[] headers)
    {
        var request = Message(HttpMethod.Post, path, body);
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return SendAsync(gateway, request);
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
