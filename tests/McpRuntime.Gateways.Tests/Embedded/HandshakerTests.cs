using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.Embedded.Probing;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using McpRuntime.Gateways.Upstream;
using Microsoft.AspNetCore.Http;
using Endpoint = McpRuntime.Core.Planning.Endpoint;

namespace McpRuntime.Gateways.Tests.Embedded;

internal sealed class HandshakerTests
{
    private static readonly Endpoint Undeclared = new("container", 1, null, null);

    private UpstreamConnector _connector = null!;

    [SetUp]
    public void SetUp() => _connector = new UpstreamConnector(new GatewayOptions { SessionKey = GatewayHost.Key });

    [TearDown]
    public void TearDown() => _connector.Dispose();

    [Test]
    public async Task A_stateless_server_is_asked_what_it_is_and_what_it_offers()
    {
        await using var server = await ServerAsync(ask => ask.Method switch
        {
            "server/discover" => Result("""{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"_meta":{"io.modelcontextprotocol/serverInfo":{"name":"modern","version":"2"}}}"""),
            "tools/list" when ask.Cursor is null => Result("""{"tools":[{"name":"b"}],"nextCursor":"more"}"""),
            "tools/list" => Result("""{"tools":[{"name":"a"}]}"""),
            _ => Error(-32601),
        });

        var word = await TryAsync(server.Url);

        word.Should().BeEquivalentTo(new { Verdict = HandshakeVerdict.Passed, ServerName = "modern", ServerVersion = "2", ProtocolVersion = "2026-07-28", Server = new KnownServer("/mcp", "STREAMABLEHTTP", true) });
        word.Tools!.Names.Should().Equal("a", "b");
        server.Requests.Should().OnlyContain(request => request.Headers["MCP-Protocol-Version"] == "2026-07-28" && request.Headers["Mcp-Method"] == JsonNode.Parse(request.Body, null, default)!["method"]!.ToString());
        JsonNode.Parse(server.Requests.First().Body)!["params"]!["_meta"]!.AsObject().Select(pair => pair.Key).Should().BeEquivalentTo(
            "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/clientCapabilities", "io.modelcontextprotocol/clientInfo");
    }

    [Test]
    public async Task A_newer_server_is_met_at_a_version_it_offers()
    {
        await using var server = await ServerAsync(ask => ask.Version == "2027-01-01"
            ? Result(ask.Method == "tools/list" ? """{"tools":[]}""" : """{"supportedVersions":["2027-01-01"],"capabilities":{"tools":{}}}""")
            : (400, """{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":["2027-01-01"]}}}"""));

        (await TryAsync(server.Url)).Should().BeEquivalentTo(new { Verdict = HandshakeVerdict.Passed, ProtocolVersion = "2027-01-01" });
    }

    [TestCase(200)]
    [TestCase(400)]
    [TestCase(404)]
    public async Task A_server_of_before_gets_initialize_and_its_session_is_closed(int statusOfTheUnknown)
    {
        await using var server = await ServerAsync(ask => ask.Method switch
        {
            "initialize" => Result("""{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"older","version":"1"}}"""),
            "notifications/initialized" => (202, ""),
            "tools/list" => Result("""{"tools":[{"name":"a"}]}"""),
            "DELETE" => (204, ""),
            _ => (statusOfTheUnknown, """{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"what?"}}"""),
        });

        var word = await TryAsync(server.Url);

        word.Should().BeEquivalentTo(new { Verdict = HandshakeVerdict.Passed, ServerName = "older", ProtocolVersion = "2025-06-18", Server = new KnownServer("/mcp", "STREAMABLEHTTP", false) });
        var requests = server.Requests.ToArray();
        requests.Select(request => request.Method).Should().Equal("POST", "POST", "POST", "POST", "DELETE");
        requests[2..].Should().OnlyContain(request => request.Headers["Mcp-Session-Id"] == "s1" && request.Headers["MCP-Protocol-Version"] == "2025-06-18");
        requests[1].Headers.Keys.Should().NotContain(["Mcp-Session-Id", "Mcp-Method", "MCP-Protocol-Version"]);
    }

    [Test]
    public async Task An_answer_may_come_as_events_with_others_before_it()
    {
        await using var server = await ScriptedUpstream.StartAsync(async context =>
        {
            var answer = Answer(context, await AskAsync(context)).Body;
            await ScriptedUpstream.EventAsync(context, "id: 1\ndata:\n\n: ping\n\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\"}\n\ndata: not json\n\ndata: {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n\n");
            await ScriptedUpstream.EventAsync(context, $"event: message\ndata: {answer}\n\n");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
        });

        (await TryAsync(server.Url)).Verdict.Should().Be(HandshakeVerdict.Passed);
    }

    [Test]
    public async Task The_path_is_found_and_a_redirect_followed_within_the_server_only()
    {
        await using var server = await ScriptedUpstream.StartAsync(async context =>
        {
            if (context.Request.Path != "/mcp/")
            {
                context.Response.StatusCode = context.Request.Path == "/mcp" ? 307 : 404;
                context.Response.Headers.Location = "http://192.0.2.1:9/mcp/";
                return;
            }

            await ReplyAsync(context);
        });

        (await TryAsync(server.Url)).Server.Should().Be(new KnownServer("/mcp/", "STREAMABLEHTTP", true));
    }

    [TestCase("/", "/")]
    [TestCase("/custom", "/custom")]
    public async Task A_declared_path_is_the_only_one_that_is_tried(string where, string declared)
    {
        await using var server = await ScriptedUpstream.StartAsync(async context =>
        {
            context.Response.StatusCode = 404;
            if (context.Request.Path == where)
            {
                context.Response.StatusCode = 200;
                await ReplyAsync(context);
            }
        });

        (await TryAsync(server.Url, new Endpoint("c", 1, declared, null))).Server!.Path.Should().Be(where);
        server.Requests.Should().OnlyContain(request => request.Path == where);
    }

    [Test]
    public async Task A_server_that_sits_on_what_it_does_not_know_still_gets_initialize()
    {
        await using var server = await ScriptedUpstream.StartAsync(async context =>
        {
            var ask = await AskAsync(context);
            if (ask.Method == "server/discover")
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            }

            await ScriptedUpstream.JsonAsync(context, Answer(context, ask).Body);
        });

        (await TryAsync(server.Url)).Server!.Stateless.Should().BeFalse();
    }

    [TestCase(401, true)]
    [TestCase(403, true)]
    [TestCase(403, false)]
    public async Task A_challenge_counts_as_reachable(int status, bool challenges)
    {
        await using var server = await ScriptedUpstream.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            if (challenges)
            {
                context.Response.Headers.WWWAuthenticate = "Bearer";
            }

            return Task.CompletedTask;
        });

        var word = await TryAsync(server.Url);

        word.Verdict.Should().Be(challenges ? HandshakeVerdict.Challenged : HandshakeVerdict.Failed);
        word.Server?.Path.Should().Be("/mcp");
    }

    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/html\r\nConnection: close\r\n\r\nhi", "not as an MCP server")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}", "not as an MCP server")]
    [TestCase("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n[{", "not as an MCP server")]
    [TestCase("SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP")]
    [TestCase("", "closed the connection")]
    public async Task What_speaks_no_MCP_never_passes(string said, string words)
    {
        await using var server = new RawUpstream(RawUpstream.Saying(said));

        var word = await TryAsync(server.Url);

        word.Verdict.Should().Be(HandshakeVerdict.Failed);
        word.Message.Should().Contain(words);
    }

    [Test]
    public async Task What_accepts_and_says_nothing_never_passes()
    {
        await using var server = new RawUpstream(RawUpstream.SilenceAsync);

        var word = await TryAsync(server.Url, timeout: TimeSpan.FromSeconds(1));

        word.Verdict.Should().Be(HandshakeVerdict.Failed);
        word.Message.Should().Contain("did not answer within 1 s").And.Contain(server.Url.Authority);
    }

    [Test]
    public async Task Where_nothing_listens_one_try_says_so()
    {
        Uri gone;
        await using (var server = new RawUpstream(RawUpstream.SilenceAsync))
        {
            gone = server.Url;
        }

        (await TryAsync(gone)).Message.Should().Contain("nothing listens");
    }

    [Test]
    public async Task An_answer_without_end_is_not_read_to_the_end()
    {
        await using var server = await ScriptedUpstream.StartAsync(async context =>
        {
            context.Response.ContentType = "application/json";
            var blanks = new byte[64 * 1024];
            Array.Fill(blanks, (byte)' ');
            while (true)
            {
                await context.Response.Body.WriteAsync(blanks, context.RequestAborted);
            }
        });

        (await TryAsync(server.Url)).Should().BeEquivalentTo(new { Verdict = HandshakeVerdict.Failed });
    }

    [TestCase("""{"tools":[{"name":"a"}],"nextCursor":"again"}""", "pages")]
    [TestCase("""{"tools":[{"title":"no name"}]}""", "no list of tools")]
    [TestCase("""{"tools":{}}""", "no list of tools")]
    public async Task A_list_of_tools_that_is_none_is_no_passed_handshake(string list, string words)
    {
        await using var server = await ServerAsync(ask => Result(ask.Method == "tools/list" ? list : """{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"""));

        var word = await TryAsync(server.Url);

        word.Verdict.Should().Be(HandshakeVerdict.Failed);
        word.Message.Should().Contain(words);
    }

    [Test]
    public async Task A_strangers_words_carry_no_control_characters_and_have_an_end()
    {
        await using var server = await ServerAsync(ask => Result(ask.Method == "tools/list"
            ? $$"""{"tools":[{"name":"a\u001b[31m{{new string('x', 1000)}}"}]}"""
            : $$$"""{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"serverInfo":{"name":"{{{new string('n', 1000)}}}\n","version":"\r1"}}"""));

        var word = await TryAsync(server.Url);

        word.ServerName!.Length.Should().Be(200);
        word.ServerVersion.Should().Be("·1");
        word.Tools!.Names.Single().Should().StartWith("a·[31mx").And.HaveLength(256);
    }

    [Test]
    public void The_hash_of_the_tools_changes_with_their_words_and_not_with_their_order()
    {
        static string Hash(string tools)
        {
            var list = new ToolList();
            list.Add(System.Text.Json.JsonDocument.Parse($$"""{"tools":{{tools}}}""").RootElement).Should().BeTrue();
            return list.Hash();
        }

        var reference = Hash("""[{"name":"a","description":"x","inputSchema":{"type":"object","properties":{"p":{"type":"string"}}}},{"name":"b"}]""");
        Hash("""[{"name":"b"},{"inputSchema":{"properties":{"p":{"type":"string"}},"type":"object"},"description":"x","name":"a","_meta":{"t":1}}]""").Should().Be(reference);
        Hash("""[{"name":"b"},{"name":"a","description":"X","inputSchema":{"type":"object","properties":{"p":{"type":"string"}}}}]""").Should().NotBe(reference);
        Hash("""[{"name":"b"},{"name":"a","description":"x","inputSchema":{"type":"object","properties":{"p":{"type":"number"}}}}]""").Should().NotBe(reference);
        Hash("""[{"name":"b","annotations":{"readOnlyHint":true}},{"name":"a","description":"x","inputSchema":{"type":"object","properties":{"p":{"type":"string"}}}}]""").Should().NotBe(reference);
    }

    private Task<HandshakeWord> TryAsync(Uri url, Endpoint? endpoint = null, TimeSpan? timeout = null) =>
        new Handshaker(_connector, TimeProvider.System).TryAsync(endpoint ?? Undeclared, new UpstreamAddress(url.Host, url.Port), null, timeout ?? TimeSpan.FromSeconds(10), CancellationToken.None).InTime();

    private static Task<ScriptedUpstream> ServerAsync(Func<Ask, (int Status, string Body)> script) => ScriptedUpstream.StartAsync(async context =>
    {
        var ask = await AskAsync(context);
        var (status, body) = script(ask);
        context.Response.Headers["Mcp-Session-Id"] = ask.Method == "initialize" ? "s1" : default;
        await ScriptedUpstream.JsonAsync(context, body.Replace("\"ID\"", ask.Id?.ToString(System.Globalization.CultureInfo.InvariantCulture), StringComparison.Ordinal), status);
    });

    private static async Task ReplyAsync(HttpContext context) => await ScriptedUpstream.JsonAsync(context, Answer(context, await AskAsync(context)).Body);

    /// <summary>A good server of whichever era it is asked in.</summary>
    private static (int Status, string Body) Answer(HttpContext context, Ask ask) => (200, (ask.Method switch
    {
        "server/discover" => Result("""{"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}}"""),
        "initialize" => Result("""{"protocolVersion":"2025-11-25","capabilities":{"tools":{}}}"""),
        _ => Result("""{"tools":[]}"""),
    }).Body.Replace("\"ID\"", ask.Id?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "null", StringComparison.Ordinal));

    private static (int Status, string Body) Result(string result) => (200, $$"""{"jsonrpc":"2.0","id":"ID","result":{{result}}}""");

    private static (int Status, string Body) Error(int code) => (200, $$$"""{"jsonrpc":"2.0","id":"ID","error":{"code":{{{code}}},"message":"no"}}""");

    /// <remarks>The body was read by the harness; it is had from there.</remarks>
    private static Task<Ask> AskAsync(HttpContext context)
    {
        var body = (string)context.Items["body"]!;
        var message = body.Length == 0 ? null : JsonNode.Parse(body);
        return Task.FromResult(new Ask(
            message?["method"]?.ToString() ?? context.Request.Method,
            message?["id"]?.GetValue<int>(),
            context.Request.Headers["MCP-Protocol-Version"].ToString(),
            message?["params"]?["cursor"]?.ToString()));
    }

    private sealed record Ask(string Method, int? Id, string Version, string? Cursor);
}
