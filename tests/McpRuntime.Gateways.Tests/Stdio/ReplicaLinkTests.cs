using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Embedded;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>What one replica believes of another, and what of somebody who is none.</summary>
[TestFixture]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class ReplicaLinkTests
{
    private readonly MemoryBridges _table = new();
    private readonly ManualTime _time = new();
    private readonly ScriptedStdio _server = new();
    private GatewayHost _owner = null!;

    [SetUp]
    public async Task StartAsync() => _owner = await OwnerAsync();

    [TearDown]
    public ValueTask StopAsync() => _owner.DisposeAsync();

    [Test]
    public async Task A_replica_is_served_in_its_callers_name_and_sessions_stay_their_callers()
    {
        await BeOwnerAsync(_owner.Url);
        await using var other = new BridgeHost(_server, table: _table, time: _time);

        var session = await other.InitializeAsync();
        (await BridgeHost.MessagesAsync(await other.PostAsync(BridgeHost.Call(1, "through"), session)))[0]["result"]!["content"]![0]!["text"]!.GetValue<string>().Should().Be("through");

        (await other.PostAsync(BridgeHost.Call(2, "x"), session, "bob")).StatusCode.Should().Be(HttpStatusCode.NotFound);
        _server.Opened.Should().Be(1, "the owner has it, and no other");
    }

    [Test]
    public async Task What_was_overheard_is_believed_once_by_its_addressee_and_never_again()
    {
        var heard = await OverhearAsync();

        (await SendAsync(heard)).Should().Be(HttpStatusCode.OK, "it had not arrived yet");
        (await SendAsync(heard)).Should().Be(HttpStatusCode.NotFound);
        for (var seconds = 0; seconds < 30; seconds += 5)
        {
            _time.Pass(TimeSpan.FromSeconds(5));
            (await SendAsync(heard)).Should().Be(HttpStatusCode.NotFound, "as long as it would be young enough, too");
        }

        Executed().Should().Be(1);
    }

    [Test]
    public async Task What_was_used_is_remembered_for_as_long_as_it_could_be_used_again([Range(0, 70, 10)] int secondsBefore)
    {
        _time.Pass(TimeSpan.FromSeconds(secondsBefore));
        var heard = await OverhearAsync();
        (await SendAsync(heard)).Should().Be(HttpStatusCode.OK);

        _time.Pass(TimeSpan.FromSeconds(29));

        (await SendAsync(heard)).Should().Be(HttpStatusCode.NotFound);
        Executed().Should().Be(1);
    }

    [Test]
    public async Task What_is_too_old_is_not_believed()
    {
        var heard = await OverhearAsync();
        _time.Pass(TimeSpan.FromSeconds(31));

        (await SendAsync(heard)).Should().Be(HttpStatusCode.NotFound);
        Executed().Should().Be(0);
    }

    [TestCaseSource(nameof(Alterations))]
    public async Task Whatever_is_altered_of_it_it_is_not_believed(Func<Seen, Seen> alter)
    {
        var heard = await OverhearAsync();

        (await SendAsync(alter(heard))).Should().Be(HttpStatusCode.NotFound);

        Executed().Should().Be(0);
        _server.Opened.Should().Be(0, "no bridge has heard of it");
    }

    private static IEnumerable<TestCaseData<Func<Seen, Seen>>> Alterations() =>
    [
        Altered("body", heard => heard with { Body = heard.Body.Replace("overheard", "another's", StringComparison.Ordinal) }),
        Altered("no body", heard => heard with { Body = "" }),
        Altered("method", heard => heard with { Method = "DELETE" }),
        Altered("server", heard => heard with { Path = heard.Path.Replace("/server", "/other", StringComparison.Ordinal) }),
        Altered("scheme", heard => heard with { Path = heard.Path.Replace("stdio+test", "stdio+other", StringComparison.Ordinal) }),
        Altered("caller", heard => With(heard, "X-Mcp-Replica-Caller", Convert.ToBase64String(Encoding.UTF8.GetBytes("bob")))),
        Altered("body's hash", heard => With(heard with { Body = "{}" }, "X-Mcp-Replica-Body", ReplicaSignature.Hash("{}"u8))),
        Altered("session", heard => With(heard, "Mcp-Session-Id", "another")),
        Altered("version", heard => With(heard, "MCP-Protocol-Version", "2025-11-25")),
        Altered("name", heard => With(heard, "Mcp-Name", "another")),
        Altered("moment", heard => With(heard, "X-Mcp-Replica-Signature", "1" + heard.Headers["X-Mcp-Replica-Signature"])),
        Altered("no signature", heard => With(heard, "X-Mcp-Replica-Signature", "")),
        Altered("nothing of a signature", heard => With(heard, "X-Mcp-Replica-Signature", "..")),
    ];

    private static TestCaseData<Func<Seen, Seen>> Altered(string what, Func<Seen, Seen> alter) => new(alter) { TestName = $"Altered_{what.Replace(' ', '_')}_is_not_believed" };

    [Test]
    public async Task Who_has_another_key_is_no_replica()
    {
        await BeOwnerAsync(_owner.Url);
        await using var stranger = new BridgeHost(_server, table: _table, time: _time, replicaKey: new byte[32]);

        using var reply = await PostAsync(stranger);
        using var session = await stranger.PostAsync(BridgeHost.Call(1, "x"), "its session at the owner");

        reply.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await reply.Content.ReadAsStringAsync()).Should().Contain("RUNTIME_MASTER_KEY");
        session.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable, "a bare 404 is nobody's word that a session has ended");
        Executed().Should().Be(0);
    }

    [Test]
    public async Task What_was_meant_for_a_process_before_is_not_taken_by_the_one_that_has_its_address_now()
    {
        await _table.ClaimAsync("server", seen: null, "a process before", _owner.Url.AbsoluteUri.TrimEnd('/'), CancellationToken.None);
        await using var other = new BridgeHost(_server, table: _table, time: _time);

        using var reply = await PostAsync(other);

        reply.StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        Executed().Should().Be(0);
    }

    [Test]
    public async Task What_was_meant_for_a_process_before_is_not_believed_by_the_one_that_has_taken_over_since()
    {
        var heard = await OverhearAsync("a process before");
        await _table.ReleaseAsync("a process before", CancellationToken.None);

        (await SendAsync(heard)).Should().Be(ReplicaLink.NotOwner);

        Executed().Should().Be(0);
    }

    [Test]
    public void What_a_client_says_in_a_replicas_words_is_not_passed_on()
    {
        var from = new HeaderDictionary { ["X-Mcp-Replica-Caller"] = "cm9vdA==", ["x-mcp-replica-signature"] = "1.2.3", ["X-Kept"] = "1" };
        using var to = new HttpRequestMessage();

        HeaderPolicy.CopyToServer(from, to).Should().BeNull();

        to.Headers.Select(header => header.Key).Should().Equal("X-Kept");
    }

    private static string Message(string text) =>
        $$$$"""{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"{{{{text}}}}"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{} } } }""";

    private static Task<HttpResponseMessage> PostAsync(BridgeHost replica) =>
        replica.SendAsync(HttpMethod.Post, Message("overheard"), headers: [("MCP-Protocol-Version", "2026-07-28"), ("Mcp-Method", "tools/call"), ("Mcp-Name", "echo")]);

    private static Seen With(Seen heard, string header, string value) => heard with { Headers = new Dictionary<string, string>(heard.Headers, StringComparer.OrdinalIgnoreCase) { [header] = value } };

    private int Executed() => _server.Process.Read.Count(message => message["method"]?.GetValue<string>() == "tools/call");

    private Task<GatewayHost> OwnerAsync() => GatewayHost.StartAsync(options => options with { ReplicaKey = GatewayHost.Key }, time: _time, bridges: _table, stdio: _server);

    private async Task BeOwnerAsync(Uri at, string? named = null)
    {
        var owner = named ?? ((Bridges)_owner.Services.GetService(typeof(Bridges))!).Owner;
        (await _table.ClaimAsync("server", seen: null, owner, at.AbsoluteUri.TrimEnd('/'), CancellationToken.None)).Should().BeTrue();
    }

    /// <summary>What a replica sends to the owner; it is kept by who listens in between, and does not arrive.</summary>
    private async Task<Seen> OverhearAsync(string? owner = null)
    {
        await using var between = await ScriptedUpstream.StartAsync(context => ScriptedUpstream.JsonAsync(context, "{}"));
        await BeOwnerAsync(between.Url, owner);
        await using var other = new BridgeHost(_server, table: _table, time: _time);
        using var reply = await PostAsync(other);
        return between.Requests.Should().ContainSingle().Subject;
    }

    private async Task<HttpStatusCode> SendAsync(Seen heard)
    {
        using var request = new HttpRequestMessage(new HttpMethod(heard.Method), new Uri(_owner.Url, heard.Path)) { Content = heard.Body.Length > 0 ? new StringContent(heard.Body) : null };
        request.Content?.Headers.Remove("Content-Type");
        foreach (var (name, value) in heard.Headers.Where(header => header.Key is not ("Host" or "Content-Length")))
        {
            if (!request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content?.Headers.TryAddWithoutValidation(name, value);
            }
        }

        using var reply = await _owner.Client.SendAsync(request).InTime();
        return reply.StatusCode;
    }
}
