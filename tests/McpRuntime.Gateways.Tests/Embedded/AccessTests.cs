using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class AccessTests
{
    private GatewayHost _gateway = null!;
    private ScriptedUpstream _upstream = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _upstream = await ScriptedUpstream.StartAsync(context =>
        {
            context.Response.Headers["Mcp-Session-Id"] = context.Request.Headers["Mcp-Session-Id"] is [{ } id] ? id : "upstream-session";
            return ScriptedUpstream.JsonAsync(context, "{}");
        });
        _gateway = await GatewayHost.StartAsync(options => options with { PublicUrl = new Uri("https://mcp.example/runtime"), AllowedOrigins = ["https://app.example/"] });
        _gateway.Routes.Add("public", _upstream.Url);
        _gateway.Routes.Add("team", _upstream.Url, visibility: "team", team: "red");
        _gateway.Routes.Add("private", _upstream.Url, visibility: "private", createdBy: "alice");
        _gateway.Routes.Add("orphan", _upstream.Url, visibility: "private", createdBy: "");
        _gateway.Routes.Add("odd", _upstream.Url, visibility: "whatever");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _gateway.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    [TestCase("alice", "public team private")]
    [TestCase("bob", "public")]
    [TestCase("root", "odd orphan private public team")]
    [TestCase("external", "private", Description = "a token for one runtime opens that one")]
    public async Task A_server_that_one_may_not_see_does_not_exist(string who, string visible)
    {
        foreach (var name in (string[])["public", "team", "private", "orphan", "odd", "missing"])
        {
            using var answer = await SendAsync(HttpMethod.Post, $"/mcp/{name}", who);
            answer.StatusCode.Should().Be(visible.Split(' ').Contains(name) ? HttpStatusCode.OK : HttpStatusCode.NotFound, $"{who} calls {name}");
        }

        using var list = await SendAsync(HttpMethod.Get, "/gateways", who);
        var names = JsonNode.Parse(await list.Content.ReadAsStringAsync())!.AsArray().Select(entry => entry!["name"]!.GetValue<string>());
        names.Should().BeEquivalentTo(visible.Split(' '));
    }

    [TestCase("nobody", HttpStatusCode.Unauthorized)]
    [TestCase("viewer", HttpStatusCode.Forbidden)]
    public async Task Calling_takes_the_role_caller(string who, HttpStatusCode status)
    {
        using var answer = await SendAsync(HttpMethod.Post, "/mcp/public", who);

        answer.StatusCode.Should().Be(status);
    }

    [Test]
    public async Task A_viewer_reads_the_entries()
    {
        using var answer = await SendAsync(HttpMethod.Get, "/gateways/route-public", "viewer");

        var expected = JsonNode.Parse(
            """{"id":"route-public","name":"public","url":"https://mcp.example/runtime/mcp/public","transport":"STREAMABLEHTTP","runtime_id":"record-public","visibility":"public","team_id":null,"tags":["tag"],"tools":["echo"],"registered_at":"1970-01-01T00:00:00+00:00","registration":null}""");
        JsonNode.DeepEquals(JsonNode.Parse(await answer.Content.ReadAsStringAsync()), expected).Should().BeTrue();
        using var hidden = await SendAsync(HttpMethod.Get, "/gateways/route-private", "viewer");
        hidden.StatusCode.Should().Be(HttpStatusCode.NotFound);
        using var nobody = await SendAsync(HttpMethod.Get, "/gateways", "nobody");
        nobody.StatusCode.Should().Be(HttpStatusCode.Forbidden);
    }

    [Test]
    public async Task An_origin_is_ours_or_allowed_or_refused()
    {
        var port = _gateway.Url.Port;
        foreach (var (origin, host, status) in new (string, string?, int)[]
        {
            ($"http://127.0.0.1:{port}", null, 200),
            ($"http://localhost:{port}", $"localhost:{port}", 200),
            ("https://mcp.example", null, 200),
            ("https://app.example", null, 200),
            ($"http://127.0.0.1:{port + 1}", null, 403),
            ("http://mcp.example", null, 403),
            ("https://evil.example", null, 403),
            ($"http://evil.example:{port}", $"evil.example:{port}", 403),
            ("https://app.example.evil.example", null, 403),
            ("null", null, 403),
            ("garbage", null, 403),
        })
        {
            using var answer = await SendAsync(HttpMethod.Post, "/mcp/public", "alice", ("Origin", origin), ("Host", host));
            answer.StatusCode.Should().Be((HttpStatusCode)status, $"Origin {origin}, Host {host}");
        }
    }

    [Test]
    public async Task An_allowed_page_is_told_so_before_and_after()
    {
        using var asked = await SendAsync(HttpMethod.Options, "/mcp/public", "nobody", ("Origin", "https://app.example"), ("Access-Control-Request-Headers", "authorization, mcp-session-id"));
        asked.StatusCode.Should().Be(HttpStatusCode.NoContent);
        asked.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("https://app.example");
        asked.Headers.GetValues("Access-Control-Allow-Headers").Should().Equal("authorization, mcp-session-id");

        using var called = await SendAsync(HttpMethod.Post, "/mcp/public", "alice", ("Origin", "https://app.example"));
        called.Headers.GetValues("Access-Control-Allow-Origin").Should().Equal("https://app.example");

        using var refused = await SendAsync(HttpMethod.Options, "/mcp/public", "nobody", ("Origin", "https://evil.example"));
        refused.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        refused.Headers.Contains("Access-Control-Allow-Origin").Should().BeFalse();
    }

    [Test]
    public async Task A_session_is_its_callers_alone_and_the_server_sees_its_own_id()
    {
        using var opened = await SendAsync(HttpMethod.Post, "/mcp/public", "alice");
        var id = opened.Headers.GetValues("Mcp-Session-Id").Single();
        id.Should().NotContain("upstream-session");

        using var again = await SendAsync(HttpMethod.Post, "/mcp/public", "alice", ("Mcp-Session-Id", id));
        again.StatusCode.Should().Be(HttpStatusCode.OK);
        again.Headers.GetValues("Mcp-Session-Id").Should().Equal([id], "an id that is repeated stays the one the client knows");
        _upstream.Requests.Last().Headers["Mcp-Session-Id"].Should().Be("upstream-session");

        var before = _upstream.Requests.Count;
        foreach (var (who, name, text) in new[] { ("bob", "public", id), ("alice", "team", id), ("alice", "public", "garbage"), ("alice", "public", "upstream-session"), ("alice", "public", id + "A") })
        {
            using var stolen = await SendAsync(HttpMethod.Post, $"/mcp/{name}", who, ("Mcp-Session-Id", text));
            stolen.StatusCode.Should().Be(HttpStatusCode.NotFound, $"{who} at {name} with {text}");
            var error = JsonNode.Parse(await stolen.Content.ReadAsStringAsync())!;
            error["error"]!["code"]!.GetValue<int>().Should().Be(-32001);
            error["id"]!.GetValue<int>().Should().Be(1);
        }

        _upstream.Requests.Count.Should().Be(before, "nothing of these goes to the server");
    }

    [Test]
    public async Task When_the_container_was_replaced_its_sessions_are_gone_at_once()
    {
        _gateway.Routes.Add("replaced", _upstream.Url, instance: "i1");
        using var opened = await SendAsync(HttpMethod.Post, "/mcp/replaced", "alice");
        var id = opened.Headers.GetValues("Mcp-Session-Id").Single();

        _gateway.Routes.Add("replaced", _upstream.Url, instance: "i2");
        using var answer = await SendAsync(HttpMethod.Post, "/mcp/replaced", "alice", ("Mcp-Session-Id", id));
        _gateway.Routes.RemoveAsync("record-replaced", "route-replaced", default).IsCompletedSuccessfully.Should().BeTrue();

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task A_stateless_request_has_no_session_whatever_it_says()
    {
        using var answer = await SendAsync(HttpMethod.Post, "/mcp/public", "alice", ("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Session-Id", "garbage"), ("Last-Event-ID", "3"));

        answer.StatusCode.Should().Be(HttpStatusCode.OK);
        _upstream.Requests.Last().Headers.Keys.Should().NotContain(["Mcp-Session-Id", "Last-Event-ID"]);
    }

    [Test]
    public async Task A_resumed_stream_says_where_it_was()
    {
        using var answer = await SendAsync(HttpMethod.Get, "/mcp/public", "alice", ("Last-Event-ID", "stream 1_7"));

        _upstream.Requests.Last().Headers["Last-Event-ID"].Should().Be("stream 1_7");
    }

    [TestCase("Mcp-Session-Id", "a b\u00e9")]
    [TestCase("Mcp-Param-City", "Z\u00fcrich")]
    public async Task A_header_that_is_not_plain_text_is_400(string name, string value)
    {
        using var client = new HttpClient(new SocketsHttpHandler { RequestHeaderEncodingSelector = (_, _) => Encoding.UTF8 }) { BaseAddress = _gateway.Url };
        using var request = Request(HttpMethod.Post, "/mcp/public", "alice", (name, value));

        using var answer = await client.SendAsync(request);

        answer.StatusCode.Should().Be(HttpStatusCode.BadRequest);
        (await answer.Content.ReadAsStringAsync()).Should().Contain(name);
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string who, params (string Name, string? Value)[] headers)
    {
        using var request = Request(method, path, who, headers);
        return await _gateway.Client.SendAsync(request);
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string who, params (string Name, string? Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Headers = { Authorization = new("Bearer", who) } };
        foreach (var (name, value) in headers.Where(header => header.Value is not null))
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (method == HttpMethod.Post)
        {
            request.Content = new StringContent("""{"jsonrpc":"2.0","id":1,"method":"ping"}""", Encoding.UTF8, "application/json");
        }

        return request;
    }
}
