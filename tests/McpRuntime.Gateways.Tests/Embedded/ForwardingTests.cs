using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.AspNetCore.Http;
using static McpRuntime.Gateways.Tests.Embedded.Harness.Calls;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class ForwardingTests
{
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
            await ScriptedUpstream.EventAsync(context, "event: message\ndata: {\"id\":1,\"result\":2}\n\n");
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(HttpMethod.Post, "/mcp/a", Call));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
        (await lines.ReadLineAsync().InTime()).Should().Be("event: message");
        (await lines.ReadLineAsync().InTime()).Should().Be("data: 1");
        read.SetResult();

        (await lines.ReadToEndAsync().InTime()).Should().Be("\nevent: message\ndata: {\"id\":1,\"result\":2}\n\n");
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

    [TestCase("DELETE", "/mcp/a", 202)]
    [TestCase("DELETE", "/mcp/a?status=204", 204)]
    [TestCase("POST", "/mcp/a?status=204", 204)]
    [TestCase("GET", "/mcp/a?status=405", 405)]
    [TestCase("PUT", "/mcp/a", 405)]
    [TestCase("POST", "/mcp/a/anything", 404)]
    public async Task Other_methods_and_addresses(string method, string path, int status)
    {
        await using var upstream = await ScriptedUpstream.StartAsync(context =>
        {
            context.Response.StatusCode = context.Request.Query["status"] is [{ } asked] ? int.Parse(asked, System.Globalization.CultureInfo.InvariantCulture) : 202;
            return Task.CompletedTask;
        });
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("a", upstream.Url);

        using var answer = await SendAsync(gateway, Message(new HttpMethod(method), path));

        answer.StatusCode.Should().Be((HttpStatusCode)status);
    }
}
