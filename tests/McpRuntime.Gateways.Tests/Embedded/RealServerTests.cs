using McpRuntime.Core.Planning;
using McpRuntime.Gateways.Embedded.Probing;
using McpRuntime.Gateways.Tests.Embedded.Harness;
using McpRuntime.Gateways.Upstream;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol;
using ModelContextProtocol.Client;
using ModelContextProtocol.Protocol;

namespace McpRuntime.Gateways.Tests.Embedded;

/// <summary>Real servers from npm, and the real C# SDK as the client.</summary>
[Category("Node")]
internal sealed class RealServerTests
{
    [TestCase("streamableHttp", "/mcp", "STREAMABLEHTTP")]
    [TestCase("sse", "/sse", "SSE")]
    public async Task The_prober_finds_out_how_the_reference_server_speaks(string mode, string path, string transport)
    {
        await using var server = await NodeServer.EverythingAsync(mode);
        await using var gateway = await GatewayHost.StartAsync();

        var word = await ProbeAsync(gateway, server, null);

        word.Should().BeEquivalentTo(new { Verdict = HandshakeVerdict.Passed, Server = new KnownServer(path, transport, false) });
        word.ServerName.Should().NotBeNullOrEmpty();
        word.Tools!.Names.Should().Contain("echo").And.HaveCountGreaterThan(5);
        var again = await ProbeAsync(gateway, server, word.Server);
        again.Tools!.Hash().Should().Be(word.Tools.Hash());
    }

    [Test]
    public async Task The_prober_meets_a_stateless_server_in_its_own_era()
    {
        await using var server = await NodeServer.StatelessAsync();
        await using var gateway = await GatewayHost.StartAsync();

        var word = await ProbeAsync(gateway, server, null);

        word.Should().BeEquivalentTo(new { Verdict = HandshakeVerdict.Passed, ServerName = "stateless", ServerVersion = "7.1", ProtocolVersion = "2026-07-28", Server = new KnownServer("/mcp", "STREAMABLEHTTP", true) });
        word.Tools!.Names.Should().Equal("shout");
    }

    [TestCase("streamableHttp", "/mcp", "STREAMABLEHTTP", HttpTransportMode.StreamableHttp)]
    [TestCase("streamableHttp", "/mcp", "STREAMABLEHTTP", HttpTransportMode.AutoDetect)]
    [TestCase("sse", "/sse", "SSE", HttpTransportMode.Sse)]
    [TestCase("sse", "/sse", "SSE", HttpTransportMode.AutoDetect)]
    public async Task A_real_client_works_through_the_gateway(string mode, string path, string transport, HttpTransportMode clientMode)
    {
        await using var server = await NodeServer.EverythingAsync(mode);
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("everything", server.Url, path, transport);

        await using var client = await ConnectAsync(gateway, "everything", "alice", clientMode);
        var tools = await client.ListToolsAsync();
        var said = await client.CallToolAsync("echo", new Dictionary<string, object?>(StringComparer.Ordinal) { ["message"] = "hello there" });

        tools.Select(tool => tool.Name).Should().Contain("echo");
        said.Content.OfType<TextContentBlock>().Single().Text.Should().Contain("hello there");
    }

    [Test]
    public async Task Progress_arrives_while_the_tool_still_works()
    {
        await using var server = await NodeServer.EverythingAsync("streamableHttp");
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("everything", server.Url);
        await using var client = await ConnectAsync(gateway, "everything", "alice", HttpTransportMode.StreamableHttp);
        var steps = new System.Collections.Concurrent.ConcurrentQueue<float>();

        var calling = client.CallToolAsync(
            "trigger-long-running-operation",
            new Dictionary<string, object?>(StringComparer.Ordinal) { ["duration"] = 2, ["steps"] = 4 },
            new Steps(steps)).AsTask();
        await Eventually.TrueAsync(() => !steps.IsEmpty || calling.IsCompleted, "the first progress");
        calling.IsCompleted.Should().BeFalse("the first word comes before the last is spoken");
        await calling.InTime();

        steps.Should().HaveCountGreaterThan(2);
    }

    [Test]
    public async Task A_stateless_client_and_server_meet_through_the_gateway()
    {
        await using var server = await NodeServer.StatelessAsync();
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("modern", server.Url);

        await using var client = await ConnectAsync(gateway, "modern", "alice", HttpTransportMode.StreamableHttp);
        var said = await client.CallToolAsync("shout", new Dictionary<string, object?>(StringComparer.Ordinal) { ["text"] = "hello" });

        client.NegotiatedProtocolVersion.Should().Be("2026-07-28");
        said.Content.OfType<TextContentBlock>().Single().Text.Should().Be("HELLO");
    }

    [Test]
    public async Task When_the_server_is_replaced_a_client_that_has_called_is_told_at_once_and_a_new_session_works()
    {
        await using var gateway = await GatewayHost.StartAsync();
        await using var before = await NodeServer.EverythingAsync("streamableHttp");
        gateway.Routes.Add("everything", before.Url, instance: "i1");
        await using var old = await ConnectAsync(gateway, "everything", "alice", HttpTransportMode.StreamableHttp);
        await old.CallToolAsync("echo", new Dictionary<string, object?>(StringComparer.Ordinal) { ["message"] = "before" });

        await using var after = await NodeServer.EverythingAsync("streamableHttp");
        gateway.Routes.Add("everything", after.Url, instance: "i2");
        var late = async () => await old.ListToolsAsync().AsTask().InTime();
        (await late.Should().ThrowAsync<Exception>()).Which.Should().NotBeOfType<TimeoutException>();

        await using var fresh = await ConnectAsync(gateway, "everything", "alice", HttpTransportMode.StreamableHttp);
        (await fresh.ListToolsAsync()).Should().NotBeEmpty();
    }

    [Test]
    public async Task A_question_of_the_server_reaches_the_client_that_called_and_no_other()
    {
        await using var server = await NodeServer.EverythingAsync("streamableHttp");
        await using var gateway = await GatewayHost.StartAsync();
        gateway.Routes.Add("everything", server.Url);
        var asked = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await using var alice = await ConnectAsync(gateway, "everything", "alice", HttpTransportMode.StreamableHttp, Answering("alice", asked));
        await using var bob = await ConnectAsync(gateway, "everything", "bob", HttpTransportMode.StreamableHttp, Answering("bob", asked));

        var said = await alice.CallToolAsync("trigger-elicitation-request", new Dictionary<string, object?>(StringComparer.Ordinal));

        said.Content.OfType<TextContentBlock>().Select(block => block.Text).Should().Contain(text => text.Contains("declined", StringComparison.Ordinal));
        asked.Should().Equal("alice");
    }

    [Test]
    public async Task The_conformance_suite_says_the_same_of_the_gateway_as_of_the_server()
    {
        await using var server = await NodeServer.EverythingAsync("streamableHttp");
        await using var gateway = await GatewayHost.StartAsync(anonymousIsAlice: true);
        gateway.Routes.Add("everything", server.Url);

        var directly = await NodeServer.ConformanceAsync(new Uri(server.Url, "/mcp"));
        var through = await NodeServer.ConformanceAsync(new Uri(gateway.Url, "/mcp/everything"));

        // There the gateway does what the reference server leaves undone.
        const string Better = "dns-rebinding-protection";
        directly.Should().HaveCountGreaterThan(20);
        through.Where(result => result.Key != Better).Should().BeEquivalentTo(directly.Where(result => result.Key != Better));
        through[Better].Should().Be("2 passed, 0 failed");
    }

    private static McpClientOptions Answering(string who, System.Collections.Concurrent.ConcurrentQueue<string> asked) => new()
    {
        ProtocolVersion = "2025-11-25",
        Handlers = new McpClientHandlers
        {
            ElicitationHandler = (_, _) =>
            {
                asked.Enqueue(who);
                return ValueTask.FromResult(new ElicitResult { Action = "decline" });
            },
        },
    };

    private static Task<HandshakeWord> ProbeAsync(GatewayHost gateway, NodeServer server, KnownServer? known) => new Handshaker(gateway.Services.GetRequiredService<UpstreamConnector>(), TimeProvider.System)
        .TryAsync(new Endpoint("c", server.Url.Port, null, null), new UpstreamAddress(server.Url.Host, server.Url.Port), known, TimeSpan.FromSeconds(10), CancellationToken.None).InTime();

    private static Task<McpClient> ConnectAsync(GatewayHost gateway, string name, string who, HttpTransportMode mode, McpClientOptions? options = null) => McpClient.CreateAsync(new HttpClientTransport(new HttpClientTransportOptions
    {
        Endpoint = new Uri(gateway.Url, $"/mcp/{name}"),
        TransportMode = mode,
        AdditionalHeaders = new Dictionary<string, string>(StringComparer.Ordinal) { ["Authorization"] = $"Bearer {who}" },
    }), options);

    private sealed class Steps(System.Collections.Concurrent.ConcurrentQueue<float> seen) : IProgress<ProgressNotificationValue>
    {
        public void Report(ProgressNotificationValue value) => seen.Enqueue(value.Progress);
    }
}
