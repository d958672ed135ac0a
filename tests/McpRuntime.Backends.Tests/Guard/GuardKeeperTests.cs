using System.Net;
using System.Net.Sockets;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Tests.Guard;

[TestFixture]
[Category("Docker")]
internal sealed class GuardKeeperTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Test]
    public async Task A_closed_server_is_reached_through_the_guard_and_reaches_nothing_itself()
    {
        await using var engine = new GuardedEngine();
        var (mine, other) = (await engine.ClosedNetworkAsync(), await engine.ClosedNetworkAsync());
        await engine.LinkAsync(mine);
        await engine.LinkAsync(other);
        var (me, sibling) = (await engine.ServerAsync(mine), await engine.ServerAsync(other));
        using var hostPort = new TcpListener(IPAddress.Any, 0);
        hostPort.Start();
        var open = ((IPEndPoint)hostPort.LocalEndpoint).Port;
        using var talk = await engine.TalkAsync(me);
        using var siblingTalk = await engine.TalkAsync(sibling);

        (await talk.ProbeAsync("hello")).Should().Be("hello");
        (await siblingTalk.ProbeAsync("hello")).Should().Be("hello");
        var guard = (await engine.GuardAsync()).NetworkSettings!.Networks!;
        var outer = guard.Single(n => n.Key != mine && n.Key != other).Value;
        var connects = new[] { "172.17.0.1", outer.Gateway!, guard[mine].Gateway!, guard[other].Gateway! }.Select(host => $"tcp {host} {open}")
            .Append($"tcp {sibling} 8080")
            .Append("tcp 169.254.169.254 80")
            .Append("tcp 1.1.1.1 443");
        var datagrams = new[] { guard[mine].Gateway, guard[mine].IpAddress, outer.Gateway, "1.1.1.1", "127.0.0.11" }.Select(ip => $"udp {ip} 53");
        // Not even with the token: the way in is not open from inside.
        var relay = Hex($"CONNECT {sibling}:8080 HTTP/1.1\r\nProxy-Authorization: Bearer {engine.Token}\r\n\r\n");
        var health = Hex("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
        var asks = new[] { guard[mine].IpAddress, guard[other].IpAddress, outer.IpAddress }
            .SelectMany(ip => new[] { $"ask {ip} {GuardPorts.Relay} {relay}", $"ask {ip} {GuardPorts.Control} {health}" });
        var answers = await Task.WhenAll(connects.Concat(datagrams).Concat(asks).Select(async probe =>
        {
            using var own = await engine.TalkAsync(me);
            return (Probe: probe, Answer: await own.ProbeAsync(probe));
        }));
        foreach (var (probe, answer) in answers)
        {
            TestContext.Out.WriteLine($"{probe}: {answer}");
            answer.Should().NotBe("open", probe).And.NotBe("answered", probe).And.NotContain("HTTP", probe);
        }

        (await talk.AskAsync(guard[mine].IpAddress!, GuardPorts.Proxy, "CONNECT example.com:443 HTTP/1.1\r\n\r\n")).Should().Contain("NoPolicy");
        (await talk.AskAsync(guard[other].IpAddress!, GuardPorts.Proxy, "CONNECT example.com:443 HTTP/1.1\r\n\r\n")).Should().NotContain("HTTP/1.1 200");
    }

    private static string Hex(string text) => Convert.ToHexString(System.Text.Encoding.ASCII.GetBytes(text));

    [Test]
    public async Task The_guard_is_confined_and_shows_no_secret()
    {
        await using var engine = new GuardedEngine();
        await engine.LinkAsync(await engine.ClosedNetworkAsync());
        var guard = await engine.GuardAsync();

        guard.HostConfig.ReadonlyRootfs.Should().BeTrue();
        guard.HostConfig.CapDrop.Should().Equal("ALL");
        guard.HostConfig.SecurityOpt.Should().Contain("no-new-privileges");
        guard.HostConfig.Memory.Should().Be(engine.Options.Memory);
        guard.HostConfig.MemorySwap.Should().Be(engine.Options.Memory);
        guard.HostConfig.PidsLimit.Should().Be(engine.Options.Pids);
        guard.HostConfig.RestartPolicy!.Name.Should().Be("always");
        guard.Config.User.Should().Be("10001:10001");
        guard.Config.Env!.Concat(guard.Config.Labels!.Values).Should().NotContain(v => v.Contains(engine.Token));
        guard.Config.Labels.Should().NotContainKey("dev.mcpruntime/record", "an orphan sweep must leave it");
    }

    [Test]
    public async Task The_last_unlink_leaves_nothing_behind()
    {
        await using var engine = new GuardedEngine();
        var (one, two) = (await engine.ClosedNetworkAsync(), await engine.ClosedNetworkAsync());
        await engine.LinkAsync(one);
        await engine.LinkAsync(two);
        await engine.LinkAsync(two);
        var volume = (await engine.GuardAsync()).Mounts!.Single().Name!;

        (await engine.Keeper.UnlinkAsync(one, None)).Should().BeOfType<Outcome.Done>();
        (await engine.StateAsync()).Networks.Should().Equal(two);
        (await engine.Keeper.UnlinkAsync(two, None)).Should().BeOfType<Outcome.Done>();
        (await engine.Keeper.UnlinkAsync(two, None)).Should().BeOfType<Outcome.Done>("absent is fine");

        (await engine.StateAsync()).Should().Be(GuardState.Absent);
        (await engine.LeftAsync()).Should().BeEquivalentTo(one, two);
        (await engine.Wire.InspectVolumeAsync(volume, None)).Should().BeNull();
    }

    [TestCase("killed")]
    [TestCase("stopped")]
    [TestCase("paused")]
    [TestCase("removed")]
    [TestCase("edited")]
    [TestCase("disconnected")]
    public async Task A_guard_that_is(string harm)
    {
        await using var engine = new GuardedEngine();
        var network = await engine.ClosedNetworkAsync();
        await engine.LinkAsync(network);
        var server = await engine.ServerAsync(network);
        (await engine.TalkAsync(server)).Dispose();
        var guard = await engine.GuardAsync();

        switch (harm)
        {
            case "killed":
                await engine.Wire.KillContainerAsync(guard.Id, None);
                break;
            case "stopped":
                await engine.Wire.StopContainerAsync(guard.Id, TimeSpan.FromSeconds(2), None);
                break;
            case "paused":
                await EngineCli.RunAsync("pause", guard.Id);
                break;
            case "removed":
                await engine.Wire.RemoveContainerAsync(guard.Id, None);
                break;
            case "edited":
                await engine.Wire.UpdateContainerAsync(guard.Id, new ContainerUpdate(null, engine.Options.Memory * 2, engine.Options.Memory * 2, null), None);
                break;
            default:
                await engine.Wire.DisconnectNetworkAsync(network, guard.Id, None);
                break;
        }

        var state = await engine.StateAsync();
        (state.Running && state.Networks.Contains(network)).Should().BeFalse("what is wrong is seen");

        await engine.LinkAsync(network);

        state = await engine.StateAsync();
        state.Running.Should().BeTrue();
        state.Networks.Should().Contain(network);
        using var talk = await engine.TalkAsync(server);
        (await talk.ProbeAsync("hello")).Should().Be("hello");
    }

    [Test]
    public async Task A_guard_that_runs_and_does_not_answer_is_started_again()
    {
        await using var engine = new GuardedEngine();
        var network = await engine.ClosedNetworkAsync();
        await engine.LinkAsync(network);
        var guard = await engine.GuardAsync();
        await EngineCli.RunAsync("kill", "--signal", "STOP", guard.Id);
        using var later = engine.NewKeeper(engine.Options, new AheadTime(TimeSpan.FromMinutes(1)));
        (await later.StateAsync(None)).Running.Should().BeFalse();

        (await later.LinkAsync(network, None)).Should().BeOfType<Outcome.Faulted>().Which.Fault.Reason.Should().Be("GuardWedged");
        await engine.LinkAsync(network);

        (await engine.StateAsync()).Should().Match<GuardState>(s => s.Running && s.ContainerId == guard.Id);
    }

    [Test]
    public async Task A_link_made_again_by_hand_without_its_name_is_not_the_link_and_a_put_mends_it()
    {
        await using var engine = new GuardedEngine();
        var network = await engine.ClosedNetworkAsync();
        await engine.LinkAsync(network);
        var guard = await engine.GuardAsync();
        await EngineCli.RunAsync("network", "disconnect", network, guard.Id);
        await EngineCli.RunAsync("network", "connect", network, guard.Id);

        var state = await engine.StateAsync();
        (state.Networks.Contains(network), state.Named.Contains(network)).Should().Be((true, false));
        await engine.LinkAsync(network);

        (await engine.StateAsync()).Named.Should().Contain(network);
    }

    [Test]
    public async Task A_replaced_guard_keeps_its_links_and_policies()
    {
        await using var engine = new GuardedEngine();
        var (one, two) = (await engine.ClosedNetworkAsync(), await engine.ClosedNetworkAsync());
        await engine.LinkAsync(one);
        await engine.LinkAsync(two);
        (await engine.Keeper.PutPolicyAsync(two, ["ok.example"], strict: true, "r2", None)).Should().BeOfType<Outcome.Done>();
        var before = await engine.GuardAsync();
        using var changed = engine.NewKeeper(engine.Options with { Pids = 200 });
        (await changed.StateAsync(None)).Running.Should().BeFalse("it is not the one asked for");

        Outcome outcome;
        do
        {
            outcome = await changed.LinkAsync(one, None);
        }
        while (outcome is Outcome.InProgress);

        outcome.Should().BeOfType<Outcome.Done>();
        var state = await changed.StateAsync(None);
        state.ContainerId.Should().NotBe(before.Id);
        state.Networks.Should().BeEquivalentTo(one, two);
        state.Named.Should().BeEquivalentTo(one, two);
        (await PoliciesAsync(changed)).Should().ContainSingle().Which.Should().Match<GuardPolicy>(p => p.Id == two && p.AllowedHosts.Single() == "ok.example" && p.Record == "r2");
    }

    [Test]
    public async Task A_listed_host_is_reached_by_its_network_alone_and_goes_on_while_nobody_looks()
    {
        await using var engine = new GuardedEngine();
        var (mine, other) = (await engine.ClosedNetworkAsync(), await engine.ClosedNetworkAsync());
        await engine.LinkAsync(mine);
        await engine.LinkAsync(other);
        var guard = await engine.GuardAsync();
        var outer = guard.NetworkSettings!.Networks!.Keys.Single(n => n != mine && n != other);
        var internet = "up" + engine.Instance[^8..] + ".example";
        await engine.ServerAsync(outer, internet);
        using var talk = await engine.TalkAsync(await engine.ServerAsync(mine));
        using var siblingTalk = await engine.TalkAsync(await engine.ServerAsync(other));
        var (proxy, siblingProxy) = (guard.NetworkSettings.Networks[mine].IpAddress!, guard.NetworkSettings.Networks[other].IpAddress!);
        var connect = $"CONNECT {internet}:8080 HTTP/1.1\r\n\r\n";
        (await talk.AskAsync(proxy, GuardPorts.Proxy, connect)).Should().Contain("NoPolicy");

        (await engine.Keeper.PutPolicyAsync(mine, [internet + ":8080"], strict: false, "r1", None)).Should().BeOfType<Outcome.Done>();

        (await talk.AskAsync(proxy, GuardPorts.Proxy, connect)).Should().Contain("HTTP/1.1 200");
        (await talk.AskAsync(proxy, GuardPorts.Proxy, "CONNECT else.example:443 HTTP/1.1\r\n\r\n")).Should().Contain("HostNotAllowed");
        (await siblingTalk.AskAsync(siblingProxy, GuardPorts.Proxy, connect)).Should().Contain("NoPolicy");
        (await siblingTalk.AskAsync(proxy, GuardPorts.Proxy, connect)).Should().NotContain("HTTP/1.1 200", "a neighbour's guard address gives nobody the neighbour's policy");
        (await engine.Keeper.RefusalsAsync(0, None))!.Refusals.Should().Contain(r => r.Host == "else.example" && r.Record == "r1");

        // Dies by itself and is started by the engine, with nobody else awake.
        await EngineCli.RunAsync("exec", guard.Id, "sh", "-c", "kill -TERM 1");
        var restarted = System.Diagnostics.Stopwatch.StartNew();
        await EventuallyAsync(async () => (await engine.GuardAsync()).State is { Running: true } s && s.StartedAt > guard.State.StartedAt);
        TestContext.Out.WriteLine($"restarted after {restarted.Elapsed}");
        (await PoliciesAsync(engine.Keeper)).Should().ContainSingle();
    }

    [Test]
    public async Task What_is_not_ours_is_left_alone()
    {
        await using var mine = new GuardedEngine();
        await using var theirs = new GuardedEngine();
        var foreign = await theirs.ClosedNetworkAsync();
        await theirs.LinkAsync(foreign);

        (await mine.Keeper.LinkAsync(foreign, None)).Should().BeOfType<Outcome.Faulted>().Which.Fault.Reason.Should().Be("NotOurs");
        (await mine.Keeper.UnlinkAsync(foreign, None)).Should().BeOfType<Outcome.Done>();

        (await theirs.StateAsync()).Should().Match<GuardState>(s => s.Running && s.Networks.Contains(foreign));
        (await mine.LeftAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task A_missing_image_is_said_and_not_pulled()
    {
        await using var engine = new GuardedEngine(o => o with { Image = "mcpruntime-test/no-such-guard" });
        var outcome = await engine.Keeper.LinkAsync(await engine.ClosedNetworkAsync(), None);
        outcome.Should().BeOfType<Outcome.Faulted>().Which.Fault.Should().Match<Fault>(f => f.Reason == "GuardImageMissing" && f.Kind == FaultKind.Transient);
    }

    [Test]
    public async Task Twenty_links_at_once_make_one_guard()
    {
        await using var engine = new GuardedEngine();
        var networks = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => engine.ClosedNetworkAsync()));
        await Task.WhenAll(networks.Select(engine.LinkAsync));
        (await engine.StateAsync()).Networks.Should().BeEquivalentTo(networks);
        (await engine.LeftAsync()).Should().HaveCount(22, "20 networks, the guard and its own");
    }

    /// <summary>Asked until the guard, just started, answers.</summary>
    private static async Task<IReadOnlyList<GuardPolicy>> PoliciesAsync(GuardKeeper keeper)
    {
        IReadOnlyList<GuardPolicy>? policies = null;
        await EventuallyAsync(async () =>
        {
            try
            {
                policies = await keeper.PoliciesAsync(None);
                return true;
            }
            catch (BackendFault e) when (e.Fault.Kind == FaultKind.Transient)
            {
                return false;
            }
        });
        return policies!;
    }

    private static async Task EventuallyAsync(Func<Task<bool>> condition)
    {
        var started = System.Diagnostics.Stopwatch.StartNew();
        while (!await condition())
        {
            started.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(20), "it should have come true by then");
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }
}

internal static class EngineCli
{
    public static async Task RunAsync(params string[] arguments)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("docker", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
        await process.WaitForExitAsync();
        process.ExitCode.Should().Be(0);
    }
}
