using System.Globalization;
using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>
/// Every probe, from inside, under each built-in profile and under <c>restricted</c> with a host list: what it meets is what the report
/// said. The image's user is root, so that nothing but the guardrails stands in the way.
/// </summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class GuardrailProbeTests
{
    private const string RootImage = "mcpruntime/sample-root:latest";
    private const string Secret = "planted-7d1f0c";
    private const int SharedMemory = 0x6d637072;

    private Internet _internet = null!;
    private Service _service = null!;
    private Surroundings _around = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        await BuildRootImageAsync();
        _internet = await Internet.StartAsync();
        var port = Places.FreePort();
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            // On all addresses: a server must not reach it although it could be.
            ["ASPNETCORE_URLS"] = string.Create(CultureInfo.InvariantCulture, $"http://0.0.0.0:{port}"),
            ["RUNTIME_GUARD_DNS"] = _internet.HostAddress,
            ["RUNTIME_GUARD_ALLOW_PRIVATE"] = $"{_internet.A}/32,{_internet.B}/32",
            ["RUNTIME_APPROVAL_ENABLED"] = "true",
            ["RUNTIME_APPROVAL_ALLOW_SELF"] = "true",
            ["RUNTIME_APPROVAL_REGISTRY_ALLOWLIST"] = "docker.io/mcpruntime",
        }, port: port);
        (await Run.Async("perl", ["-e", "defined(shmget($ARGV[0], 16, 01600)) or die $!", SharedMemory.ToString(CultureInfo.InvariantCulture)])).Expect("shmget");
        var sibling = await DeployAsync(Requests.With(Requests.FromCatalog("sibling", profile: "standard"), ("API_KEY", Secret)));
        var container = await Engine.Local.TheContainerAsync(sibling.Id);
        var address = container["NetworkSettings"]!["Networks"]!.AsObject().Single().Value!["IPAddress"]!.GetValue<string>();
        _around = new Surroundings(_internet, port, _service.ProcessId, SharedMemory, container["Name"]!.GetValue<string>().TrimStart('/'), address, Secret);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _internet.DisposeAsync();
        await Run.Async("ipcrm", ["-M", SharedMemory.ToString(CultureInfo.InvariantCulture)]);
        await Run.Async("docker", ["rmi", "--no-prune", RootImage]);
    }

    [TestCase("unrestricted", 0)]
    [TestCase("standard", 1)]
    [TestCase("restricted", 2)]
    [TestCase("airgapped", 3)]
    [TestCase("restricted", 4, "a.test:443", "rebind.test:443")]
    public async Task What_the_report_says_is_what_a_probe_meets(string profile, int column, params string[] hosts)
    {
        var runtime = await DeployAsync(Request($"probed-{column}", profile, hosts));
        runtime.Report.Values.Where(c => c.Outcome == "refused").Should().BeEmpty();
        await EnforcementOracle.HoldsAsync(runtime, Engine.Local);
        await using var client = await McpClients.ConnectAsync(Api.Mcp(runtime.Name), Api.Token);
        var inside = new Inside(client, runtime, hosts.Length > 0);
        List<string> wrong = [];
        foreach (var (probe, met) in await TryAllAsync(inside))
        {
            var expected = probe.Under(column);
            var enforced = probe.Control is { } control && runtime.Report[control].IsEnforced;
            TestContext.Out.WriteLine($"{probe.Name}: {met.ReplaceLineEndings(" ")}");
            if (!met.StartsWith(expected.TrimEnd('~'), StringComparison.Ordinal))
            {
                wrong.Add($"{probe.Name}: expected {expected}, met {met}");
            }

            if (enforced && expected == "ok")
            {
                wrong.Add($"{probe.Name}: the report says {probe.Control} is enforced, and it could be done");
            }
        }

        wrong.Should().BeEmpty();
        _internet.Asked.Any(name => name.StartsWith($"secret-of-{runtime.Name}", StringComparison.Ordinal)).Should().Be(column < 2, "names reach a name server only where egress is open");
        (await Api.FindAsync(runtime.Id)).Status.Should().Be("connected", "the probes were stopped, the server was not");
        (await Api.DeleteAsync(runtime.Id)).Expect(HttpStatusCode.Accepted);
    }

    [Test]
    public async Task Two_lists_on_one_engine_reach_each_its_own_and_nothing_opens_while_the_guard_or_the_service_is_killed()
    {
        var deploys = await Task.WhenAll(DeployAsync(Request("only-a", "restricted", "a.test:443")), DeployAsync(Request("only-b", "restricted", "b.test:443")));
        var (a, b) = (deploys[0], deploys[1]);
        await using var clientA = await McpClients.ConnectAsync(Api.Mcp(a.Name), Api.Token);
        await using var clientB = await McpClients.ConnectAsync(Api.Mcp(b.Name), Api.Token);
        var (insideA, insideB) = (new Inside(clientA, a, listed: true), new Inside(clientB, b, listed: true));

        (await insideA.TunnelAsync("a.test", 443)).Should().StartWith("ok:");
        (await insideA.TunnelAsync("b.test", 443)).Should().StartWith("no:").And.Contain("HostNotAllowed");
        (await insideB.TunnelAsync("b.test", 443)).Should().StartWith("ok:");
        (await insideB.TunnelAsync("a.test", 443)).Should().StartWith("no:").And.Contain("HostNotAllowed");
        await Eventually.TrueAsync(
            async () => (await EventsAsync(a.Id)).Any(e => e.StartsWith("EgressRefused", StringComparison.Ordinal) && e.Contains("b.test:443", StringComparison.Ordinal)),
            TimeSpan.FromSeconds(20),
            "the refusal is an event that names the host");
        (await Api.GetAsync("/metrics")).Text.Should().MatchRegex("mcpruntime_egress_refused_total\\{[^}]*host=\"b\\.test\"");

        var container = (await Engine.Local.TheContainerAsync(a.Id))["Id"]!.GetValue<string>();
        await TheGuardDiesDuringACallAsync(insideA, container);
        await TheServiceDiesAsync(container);
    }

    [Test]
    public async Task A_host_list_holds_for_a_server_over_stdio()
    {
        var request = Listed(new JsonObject { ["type"] = "docker", ["image"] = Requests.Base, ["command"] = new JsonArray("perl", "-e", StdioTests.Counting) }, "listed-stdio");
        request["gateway_transport"] = "STDIO";
        var runtime = await DeployAsync(request);
        await EnforcementOracle.HoldsAsync(runtime, Engine.Local);
        (await McpClients.CallAsync(Api.Mcp(runtime.Name), Api.Token, "run", ("text", "over stdio"))).Should().Contain("over stdio");

        await HoldsInsideAsync(runtime, (await Engine.Local.TheContainerAsync(runtime.Id))["Id"]!.GetValue<string>());

        (await Api.DeleteAsync(runtime.Id)).Expect(HttpStatusCode.Accepted);
    }

    [Test]
    public async Task A_host_list_holds_for_every_service_of_a_compose_file()
    {
        const string File = """
            services:
              web:
                image: mcpruntime/sample-root:latest
                expose: ["8080"]
              side:
                image: mcpruntime/base:latest
                command: [sleep, infinity]
            """;
        var runtime = await DeployAsync(Listed(new JsonObject { ["type"] = "compose", ["compose_file"] = File, ["main_service"] = "web" }, "listed-compose"));
        var containers = await Engine.Local.OfRecordAsync(runtime.Id);
        containers.Should().HaveCount(2);

        foreach (var container in containers)
        {
            await HoldsInsideAsync(runtime, container["Id"]!.GetValue<string>());
        }

        (await Api.DeleteAsync(runtime.Id)).Expect(HttpStatusCode.Accepted);
    }

    private static JsonObject Listed(JsonObject source, string name) => new()
    {
        ["name"] = name,
        ["source"] = source,
        ["guardrails_profile"] = "restricted",
        ["guardrails_overrides"] = new JsonObject { ["network"] = new JsonObject { ["egress_allowed"] = true, ["allowed_hosts"] = new JsonArray("a.test:443") } },
    };

    /// <summary>What the report says of a list, tried from inside: its host through the proxy, no other, and nothing past it.</summary>
    private async Task HoldsInsideAsync(RuntimeShown runtime, string container)
    {
        foreach (var control in new[] { "egress", "allowed_hosts", "peers", "host_ports", "metadata" })
        {
            runtime.Report[control].IsEnforced.Should().BeTrue("the report claims {0}", control);
        }

        (await ProxiedFromAsync(container, "a.test")).Should().Be("200");
        (await ProxiedFromAsync(container, "b.test")).Should().Be("403");
        (await ProxiedFromAsync(container, _internet.B)).Should().Be("403");
        (await ConnectFromAsync(container, _internet.A, 443)).Should().BeFalse("the listed host too is reached through the proxy alone");
        (await ConnectFromAsync(container, Internet.Metadata, 80)).Should().BeFalse();
        (await ConnectFromAsync(container, _around.SiblingAddress, 8080)).Should().BeFalse();
        (await ConnectFromAsync(container, _internet.HostAddress, _around.ServicePort)).Should().BeFalse();
    }

    /// <summary>The proxy's answer to a CONNECT, asked for as its variables in the container say.</summary>
    private static async Task<string> ProxiedFromAsync(string container, string host) => (await Run.Async(
        "docker",
        ["exec", container, "perl", "-e", "use Socket; $SIG{ALRM} = sub { exit 2 }; alarm 10; my ($h, $p) = $ENV{HTTPS_PROXY} =~ m{^http://([^:/]+):(\\d+)} or die 'no proxy'; socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in($p, inet_aton($h))) or die $!; select($s); $| = 1; print \"CONNECT $ARGV[0]:443 HTTP/1.1\\r\\nHost: $ARGV[0]:443\\r\\n\\r\\n\"; my $line = <$s>; print STDOUT $line =~ m{ (\\d+) }", host])).Output.Trim();

    private async Task<IReadOnlyList<(Probe Probe, string Met)>> TryAllAsync(Inside inside)
    {
        const int AtOnce = 6;
        List<(Probe, string)> met = [];
        foreach (var probe in Probe.All.Where(p => !p.IsOfNetwork))
        {
            met.Add((probe, await probe.TryAsync(inside, _around)));
        }

        foreach (var some in Probe.All.Where(p => p.IsOfNetwork).Chunk(AtOnce))
        {
            met.AddRange(await Task.WhenAll(some.Select(async probe => (probe, await probe.TryAsync(inside, _around)))));
        }

        return met;
    }

    private async Task TheGuardDiesDuringACallAsync(Inside inside, string container)
    {
        var call = McpClients.CallAsync(Api.Mcp(inside.Runtime.Name), Api.Token, "tunnel", ("host", "a.test"), ("port", 443), ("serverName", "a.test"), ("seconds", 60));
        await Eventually.TrueAsync(async () => (await Api.GetAsync("/metrics")).Text.Contains("mcpruntime_egress_open{runtime=\"" + inside.Runtime.Id + "\"} 1", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "the tunnel is open");

        await KillGuardAsync();
        (await ConnectFromAsync(container, _internet.A, 443)).Should().BeFalse("with the guard dead nothing passes");
        await FluentActions.Awaiting(async () => (await call).Should().StartWith("no:")).Should().NotThrowAsync<TimeoutException>();

        await Eventually.TrueAsync(async () => await TunnelFromAsync(container, "a.test"), RuntimeApi.Settled, "the guard is back with its list");
        (await TunnelFromAsync(container, "b.test")).Should().BeFalse("the list it came back with is the same");
    }

    private async Task TheServiceDiesAsync(string container)
    {
        await _service.KillAsync();
        (await TunnelFromAsync(container, "a.test")).Should().BeTrue("the guard goes on alone");
        (await TunnelFromAsync(container, "b.test")).Should().BeFalse();
        (await ConnectFromAsync(container, _internet.A, 443)).Should().BeFalse();
        await KillGuardAsync();
        (await ConnectFromAsync(container, _internet.A, 443)).Should().BeFalse("neither service nor guard: nothing passes");
        await Eventually.TrueAsync(async () => await TunnelFromAsync(container, "a.test"), RuntimeApi.Settled, "the engine starts the guard again, and it has kept its lists");
        (await TunnelFromAsync(container, "b.test")).Should().BeFalse();
        await _service.StartAgainAsync();
    }

    private static async Task KillGuardAsync()
    {
        var guard = (await Run.Async("docker", ["ps", "-q", "--filter", $"label={Engine.InstanceLabel}", "--filter", "label=dev.mcpruntime/resource=guard"])).Expect("docker ps").Trim();
        var process = (await Engine.Local.InspectAsync(guard))["State"]!["Pid"]!.GetValue<int>();
        (await Run.Async("kill", ["-KILL", process.ToString(CultureInfo.InvariantCulture)])).Expect("kill");
    }

    private static async Task<bool> ConnectFromAsync(string container, string host, int port) => (await Run.Async(
        "docker", ["exec", container, "perl", "-e", "use Socket; $SIG{ALRM} = sub { exit 2 }; alarm 3; socket(my $s, PF_INET, SOCK_STREAM, 0); exit(connect($s, sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) ? 0 : 1)", host, port.ToString(CultureInfo.InvariantCulture)])).Exit == 0;

    private static async Task<bool> TunnelFromAsync(string container, string host) => (await Run.Async("docker", ["exec", container, "/app/sample-server", "tunnel", host, "443"])).Exit == 0;

    private async Task<IReadOnlyList<string>> EventsAsync(string id) =>
        [.. (await Api.GetAsync($"/runtimes/{id}/events?limit=500")).Expect(HttpStatusCode.OK).Body!["events"]!.AsArray().Select(e => $"{e!["kind"]} {e["message"]}")];

    private static JsonObject Request(string name, string profile, params string[] hosts)
    {
        var request = Requests.FromImage(name, RootImage);
        request["guardrails_profile"] = profile;
        if (hosts.Length > 0)
        {
            request["guardrails_overrides"] = new JsonObject { ["network"] = new JsonObject { ["egress_allowed"] = true, ["allowed_hosts"] = new JsonArray([.. hosts.Select(h => (JsonNode)h)]) } };
        }

        return request;
    }

    /// <summary>Approved where that is asked for, and nothing else called: it connects by itself.</summary>
    private async Task<RuntimeShown> DeployAsync(JsonObject request)
    {
        var runtime = await Api.DeployAsync(request);
        if (runtime.Body["approval_id"]?.GetValue<string>() is { } approval)
        {
            await Eventually.TrueAsync(
                async () => (await Api.SendAsync(HttpMethod.Post, $"/runtimes/approvals/{approval}/approve")).Status == HttpStatusCode.OK, RuntimeApi.Settled, "it is resolved and then approved");
        }

        return await Api.UntilAsync(runtime.Id, "connected");
    }

    private static async Task BuildRootImageAsync()
    {
        var folder = Directory.CreateTempSubdirectory("mcpruntime-root-image-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "Dockerfile"), "FROM mcpruntime/sample-server\nUSER 0\nRUN install -D -m 4755 /bin/cat /opt/probe/setuid-cat\n");
        (await Run.Async("docker", ["build", "-q", "--network", "none", "-t", RootImage, folder])).Expect("docker build");
        Directory.Delete(folder, recursive: true);
    }
}
