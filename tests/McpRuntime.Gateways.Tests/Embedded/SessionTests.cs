using System.Collections.Concurrent;
using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Gateways.Embedded.Sessions;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace McpRuntime.Gateways.Tests.Embedded;

/// <summary>What becomes of sessions when what held them is replaced, forgotten or too many.</summary>
internal sealed class SessionTests
{
    private const string Initialize = """{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"test","version":"9"}}}""";
    private const string List = """{"jsonrpc":"2.0","id":2,"method":"tools/list"}""";

    private readonly ConcurrentDictionary<string, string> _live = new(StringComparer.Ordinal);
    private int _opened;
    private string _version = "2025-11-25";
    private ScriptedUpstream _server = null!;
    private GatewayHost _gateway = null!;
    private ManualTime _time = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _live.Clear();
        (_opened, _version) = (0, "2025-11-25");
        _time = new ManualTime();
        _server = await ScriptedUpstream.StartAsync(AnswerAsync);
        _gateway = await GatewayHost.StartAsync(options => options with { MaxSessionsPerCaller = 3, MaxSessionsPerRuntime = 4, SessionIdle = TimeSpan.FromMinutes(10) }, time: _time);
        _gateway.Routes.Add("a", _server.Url, instance: "i1");
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _gateway.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Test]
    public async Task A_session_that_only_listed_and_read_goes_on_after_its_container_was_replaced()
    {
        var id = await OpenAsync(_gateway);
        (await SayAsync(_gateway, id, List)).Should().Be(HttpStatusCode.OK);
        Replace("i2");

        (await SayAsync(_gateway, id, List)).Should().Be(HttpStatusCode.OK);
        (await SayAsync(_gateway, id, Calls.Call)).Should().Be(HttpStatusCode.OK, "it acts now, on the session it has there");

        _opened.Should().Be(2);
        JsonNode.Parse(_server.Requests.Last(request => request.Body.Contains("\"initialize\"", StringComparison.Ordinal)).Body)!["params"]!.ToJsonString()
            .Should().Be(JsonNode.Parse(Initialize)!["params"]!.ToJsonString(), "the server is told what the client once said");
        _server.Requests.Count(request => request.Body.Contains("notifications/initialized", StringComparison.Ordinal)).Should().Be(1);
    }

    [TestCase(Calls.Call)]
    [TestCase("""{"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{"level":"debug"}}""")]
    [TestCase("""[{"jsonrpc":"2.0","id":3,"method":"ping"}]""")]
    [TestCase("""{"jsonrpc":"2.0","id":"from-server","result":{}}""")]
    public async Task A_session_that_did_anything_else_is_404_at_once(string acts)
    {
        var id = await OpenAsync(_gateway);
        await SayAsync(_gateway, id, acts);
        Replace("i2");
        var before = _server.Requests.Count;

        using var answer = await Calls.PostAsync(_gateway, "/mcp/a", List, ("Mcp-Session-Id", id));

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["error"]!["code"]!.GetValue<int>().Should().Be(-32001);
        _server.Requests.Count.Should().Be(before, "nothing was asked of the new container");
    }

    [Test]
    public async Task Many_requests_at_once_on_two_replicas_open_it_anew_once()
    {
        await using var other = await GatewayHost.StartAsync(routes: _gateway.Routes, time: _time, sessions: _gateway.Sessions);
        var id = await OpenAsync(_gateway);
        Replace("i2");

        var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(turn => SayAsync(turn % 2 == 0 ? _gateway : other, id, List)));

        answers.Should().AllBeEquivalentTo(HttpStatusCode.OK);
        _live.Values.Count(instance => instance == "i2").Should().Be(1, "whoever came second closed what it had opened");
    }

    [Test]
    public async Task What_acted_on_one_replica_is_opened_anew_on_none()
    {
        await using var other = await GatewayHost.StartAsync(routes: _gateway.Routes, time: _time, sessions: _gateway.Sessions);
        var id = await OpenAsync(_gateway);
        await SayAsync(other, id, List);
        await SayAsync(_gateway, id, Calls.Call);
        Replace("i2");

        (await SayAsync(other, id, List)).Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task Nobody_else_has_it_opened_anew()
    {
        var id = await OpenAsync(_gateway);
        Replace("i2");

        (await SayAsync(_gateway, id, List, "bob")).Should().Be(HttpStatusCode.NotFound);
        _opened.Should().Be(1);
    }

    [Test]
    public async Task A_server_that_speaks_another_version_now_is_not_passed_off_as_the_same()
    {
        var id = await OpenAsync(_gateway);
        _version = "2025-06-18";
        Replace("i2");

        using var answer = await Calls.PostAsync(_gateway, "/mcp/a", List, ("Mcp-Session-Id", id), ("MCP-Protocol-Version", "2025-11-25"));

        answer.StatusCode.Should().Be(HttpStatusCode.NotFound);
        _live.Values.Should().NotContain("i2", "what was opened for the try is closed");
    }

    [Test]
    public async Task An_idle_session_ends_here_and_at_the_server_and_one_that_listens_does_not()
    {
        var idle = await OpenAsync(_gateway);
        var listening = await OpenAsync(_gateway);
        using var listen = Calls.Message(HttpMethod.Get, "/mcp/a");
        listen.Headers.Add("Mcp-Session-Id", listening);
        using var stream = await Calls.SendAsync(_gateway, listen);
        stream.StatusCode.Should().Be(HttpStatusCode.OK);

        for (var minutes = 0; minutes < 20; minutes += 5)
        {
            _time.Pass(TimeSpan.FromMinutes(5));
            await Upkeep().RunAsync(CancellationToken.None);
        }

        (await SayAsync(_gateway, idle, List)).Should().Be(HttpStatusCode.NotFound);
        (await SayAsync(_gateway, listening, List)).Should().Be(HttpStatusCode.OK);
        _live.Should().HaveCount(1);
    }

    [Test]
    public async Task A_callers_oldest_session_makes_room_and_a_full_server_says_so()
    {
        var ids = new List<string>();
        for (var turn = 0; turn < 4; turn++)
        {
            ids.Add(await OpenAsync(_gateway));
            _time.Pass(TimeSpan.FromSeconds(1));
        }

        (await SayAsync(_gateway, ids[0], List)).Should().Be(HttpStatusCode.NotFound, "alice may have three");
        (await SayAsync(_gateway, ids[3], List)).Should().Be(HttpStatusCode.OK);
        _live.Should().HaveCount(3);

        await OpenAsync(_gateway, "bob");
        using var full = await Calls.PostAsync(_gateway, "/mcp/a", Initialize, ("Authorization", "Bearer bob"));
        full.StatusCode.Should().Be(HttpStatusCode.TooManyRequests);
        JsonNode.Parse(await full.Content.ReadAsStringAsync())!["error"]!["message"]!.GetValue<string>().Should().Contain("RUNTIME_GATEWAY_MAX_SESSIONS_PER_RUNTIME");
        full.Headers.RetryAfter.Should().NotBeNull();
    }

    [Test]
    public async Task While_the_database_is_away_sessions_open_and_go_on_and_none_is_opened_anew()
    {
        var before = await OpenAsync(_gateway);
        _gateway.Sessions.IsAway = true;
        var during = await OpenAsync(_gateway);

        (await SayAsync(_gateway, before, Calls.Call)).Should().Be(HttpStatusCode.OK);
        (await SayAsync(_gateway, during, Calls.Call)).Should().Be(HttpStatusCode.OK);
        Replace("i2");
        (await SayAsync(_gateway, before, List)).Should().Be(HttpStatusCode.ServiceUnavailable, "whether it may be opened anew is not known");
        _opened.Should().Be(2);
    }

    [Test]
    public async Task A_session_that_its_client_ended_has_ended()
    {
        var id = await OpenAsync(_gateway);
        using var end = Calls.Message(HttpMethod.Delete, "/mcp/a");
        end.Headers.Add("Mcp-Session-Id", id);
        using var ended = await Calls.SendAsync(_gateway, end);

        (await SayAsync(_gateway, id, List)).Should().Be(HttpStatusCode.NotFound);
        _gateway.Sessions.Rows.Single().HasEnded.Should().BeTrue();
    }

    private SessionUpkeep Upkeep() => _gateway.Services.GetServices<IHostedService>().OfType<SessionUpkeep>().Single();

    private void Replace(string instance) => _gateway.Routes.Add("a", _server.Url, instance: instance);

    private static async Task<string> OpenAsync(GatewayHost gateway, string who = "alice")
    {
        using var answer = await Calls.PostAsync(gateway, "/mcp/a", Initialize, ("Authorization", $"Bearer {who}"));
        answer.StatusCode.Should().Be(HttpStatusCode.OK);
        return answer.Headers.GetValues("Mcp-Session-Id").Single();
    }

    private static async Task<HttpStatusCode> SayAsync(GatewayHost gateway, string id, string body, string who = "alice")
    {
        using var answer = await Calls.PostAsync(gateway, "/mcp/a", body, ("Authorization", $"Bearer {who}"), ("Mcp-Session-Id", id));
        return answer.StatusCode;
    }

    /// <summary>A server of sessions: one that it does not know is 404, one that is open when its container goes is gone with it.</summary>
    private async Task AnswerAsync(HttpContext context)
    {
        var body = (string)context.Items["body"]!;
        var instance = (await _gateway.Routes.FindAsync("a", context.RequestAborted))!.Instance;
        if (body.Contains("\"initialize\"", StringComparison.Ordinal))
        {
            var id = $"upstream-{Interlocked.Increment(ref _opened)}";
            _live[id] = instance;
            context.Response.Headers["Mcp-Session-Id"] = id;
            await ScriptedUpstream.JsonAsync(context, $$$"""{"jsonrpc":"2.0","id":{{{(body.Contains("\"id\":0", StringComparison.Ordinal) ? 0 : 1)}}},"result":{"protocolVersion":"{{{_version}}}","capabilities":{} } }""");
            return;
        }

        var session = context.Request.Headers["Mcp-Session-Id"].ToString();
        if (!_live.TryGetValue(session, out var home) || home != instance)
        {
            await ScriptedUpstream.JsonAsync(context, """{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"no such session"}}""", 404);
        }
        else if (HttpMethods.IsDelete(context.Request.Method))
        {
            _live.TryRemove(session, out _);
        }
        else if (HttpMethods.IsGet(context.Request.Method))
        {
            await ScriptedUpstream.EventAsync(context, ": hello\n\n");
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        else
        {
            await ScriptedUpstream.JsonAsync(context, """{"jsonrpc":"2.0","id":2,"result":{}}""");
        }
    }
}
