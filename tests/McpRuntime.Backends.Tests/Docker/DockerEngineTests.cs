using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Docker;

/// <summary>What is Docker's own, seen on the real engine: from inside the container where a control is claimed, by hand where drift is.</summary>
[Category("Docker")]
public sealed class DockerEngineTests
{
    private DockerWorld _world = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await DockerWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [TearDown]
    public async Task Sweep() => await _world.SweepAsync();

    [Test]
    public async Task A_closed_server_reaches_neither_the_world_nor_the_host_nor_another_server_and_only_a_neighbour_reaches_it()
    {
        using var host = new TcpListener(IPAddress.Any, 0);
        host.Start();
        var hostPort = ((IPEndPoint)host.LocalEndpoint).Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var other = await DeployAsync(Given.Standard);
        var otherAddress = (await ContainerAsync(other.Id)).Address!;
        var bridge = await GatewayAsync("bridge");
        var otherGateway = await GatewayAsync(other.Network);
        var closed = await DeployAsync(Given.Restricted);
        var address = (await ContainerAsync(closed.Id)).Address!;

        (await RunAsync(closed.Network, "reach", bridge, hostPort)).Should().StartWith("no:");
        (await RunAsync(closed.Network, "reach", otherGateway, hostPort)).Should().StartWith("no:");
        (await RunAsync(closed.Network, "ask", otherAddress.Host, "8080")).Should().StartWith("no:");
        (await RunAsync(closed.Network, "reach", "169.254.169.254", "80")).Should().StartWith("no:");
        (await RunAsync(closed.Network, "ask", address.Host, "8080")).Should().StartWith("answered");
        (await RunAsync(other.Network, "ask", address.Host, "8080")).Should().StartWith("no:");
        // The control of the experiment: an open server does reach the host's port.
        (await RunAsync(other.Network, "reach", otherGateway, hostPort)).Should().StartWith("reached");
        (await RunAsync(other.Network, "ask", otherAddress.Host, "8080")).Should().StartWith("no:");
        address.Relay.Should().Be("127.0.0.1:8610");
    }

    [Test]
    public async Task An_open_server_answers_at_its_own_address()
    {
        var open = await DeployAsync(Given.Standard);
        var address = (await ContainerAsync(open.Id)).Address!;
        using var http = new HttpClient();

        await Eventually.HoldsAsync(async () => await AnswersAsync(http, address));

        address.Relay.Should().BeNull();
    }

    [Test]
    public async Task A_read_only_root_is_one_and_tmp_is_writable()
    {
        var root = await DeployAsync(Given.Restricted, command: ["write", "/x"]);
        var tmp = await DeployAsync(Given.Restricted, command: ["write", "/tmp/x"]);

        (await FirstLineAsync(root.Id)).Should().Be("Read-only file system");
        (await FirstLineAsync(tmp.Id)).Should().Be("written");
    }

    [Test]
    public async Task A_user_that_is_number_0_under_another_name_is_refused_and_nothing_of_it_stays()
    {
        var image = await _world.ImportAsync("toor", "root:x:0:0::/:\ntoor:x:0:0::/:\n", "USER toor", "EXPOSE 8080");
        var harmless = await _world.ImportAsync("node", "root:x:0:0::/:\nnode:x:1000:1000::/:\n", "USER node", "EXPOSE 8080");

        var refused = await PutAsync(await CompileAsync(Given.Restricted, image));
        var taken = await PutAsync(await CompileAsync(Given.Restricted, harmless));

        refused.Outcome.ShouldBeFault().Reason.Should().Be("UserIsRoot");
        (await SeeAsync(refused.Id)).Should().NotContain(s => s.Kind == ResourceKind.Container);
        taken.Outcome.ShouldBeDone();
        (await ContainerAsync(taken.Id)).Controls.Single(c => c.Control == Control.NonRoot).Observed.Should().Be("User=node");
    }

    [Test]
    public async Task A_server_that_exits_is_failed_with_its_code_and_one_that_ends_with_0_is_stopped()
    {
        var failing = await DeployAsync(Given.Standard, command: ["exit", "3"]);
        var ending = await DeployAsync(Given.Standard, command: ["exit", "0"]);

        await Eventually.HoldsAsync(async () => (await ContainerAsync(failing.Id)) is { Health: Health.Failed, ExitCode: 3, Address: null });
        await Eventually.HoldsAsync(async () => (await ContainerAsync(ending.Id)) is { Health: Health.Stopped, ExitCode: 0 });
        (await ContainerAsync(failing.Id)).Fingerprint.Should().Be(failing.Container.Fingerprint);
    }

    [Test]
    public async Task An_image_whose_command_is_not_there_fails_and_says_so()
    {
        var image = await _world.ImportAsync("broken", null, "ENTRYPOINT [\"/nowhere\"]", "EXPOSE 8080");

        var broken = await PutAsync(await CompileAsync(Given.Standard, image));

        // The engine's init starts, and finds nothing to run.
        broken.Outcome.ShouldBeDone();
        await Eventually.HoldsAsync(async () => (await ContainerAsync(broken.Id)) is { Health: Health.Failed, ExitCode: 127 });
        (await ContainerAsync(broken.Id)).Message.Should().Contain("not found");
        (await FirstLineAsync(broken.Id)).Should().Contain("/nowhere");
    }

    [Test]
    public async Task Values_of_the_environment_are_in_no_label_and_the_images_own_stay_under_ours()
    {
        var runtime = await DeployAsync(Given.Standard, environment: ("API_KEY", "c4n4ry"));
        var inspect = (await _world.Engine.GetAsync($"containers/{runtime.Container.Id}/json"))!.Value;

        inspect.GetProperty("Config").GetProperty("Labels").ToString().Should().NotContain("c4n4ry");
        inspect.GetProperty("Config").GetProperty("Env").EnumerateArray().Select(e => e.GetString()).Should().Contain(["API_KEY=c4n4ry", "FROM_IMAGE=yes"]);
        (await ContainerAsync(runtime.Id)).Fingerprint.Should().Be(runtime.Container.Fingerprint);
    }

    [Test]
    public async Task A_container_connected_elsewhere_by_hand_is_drift_by_name_and_taken_off_again()
    {
        var runtime = await DeployAsync(Given.Restricted);
        var before = await ContainerAsync(runtime.Id);
        await _world.Engine.PostAsync("networks/bridge/connect", new { Container = runtime.Container.Id });

        var drifted = await ContainerAsync(runtime.Id);
        (await _world.Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();
        var after = await ContainerAsync(runtime.Id);

        drifted.DifferingField.Should().Be("NetworkSettings.Networks");
        drifted.Controls.Single(c => c.Control == Control.Egress).Outcome.Should().Be(ControlOutcome.Weakened);
        after.Fingerprint.Should().Be(before.Fingerprint);
        after.Instance.Should().Be(before.Instance);
    }

    [Test]
    public async Task A_restart_policy_set_by_hand_is_taken_back_in_place()
    {
        var runtime = await DeployAsync(Given.Standard);
        var before = await ContainerAsync(runtime.Id);
        await _world.Engine.PostAsync($"containers/{runtime.Container.Id}/update", new { RestartPolicy = new { Name = "always" } });

        (await ContainerAsync(runtime.Id)).DifferingField.Should().Be("HostConfig.RestartPolicy");
        (await _world.Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();

        (await ContainerAsync(runtime.Id)).Should().BeEquivalentTo(before, o => o.Including(s => s.Fingerprint).Including(s => s.Instance));
    }

    [Test]
    public async Task A_container_of_our_name_and_labels_but_another_body_is_replaced()
    {
        var runtime = await DeployAsync(Given.Restricted);
        var labels = (await _world.Engine.GetAsync($"containers/{runtime.Container.Id}/json"))!.Value.GetProperty("Config").GetProperty("Labels");
        await _world.RemoveByHandAsync(runtime.Container.Id);
        await _world.Engine.PostAsync($"containers/create?name={runtime.Container.Id}", new { _world.Image, Labels = labels, HostConfig = new { Privileged = true } });

        var drifted = await ContainerAsync(runtime.Id);
        (await _world.Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();

        drifted.RepairableInPlace.Should().BeFalse();
        drifted.DifferingField.Should().Contain("HostConfig.Privileged");
        (await ContainerAsync(runtime.Id)).Should().Match<SeenResource>(s => s.Fingerprint == runtime.Container.Fingerprint && s.Health == Health.Serving);
    }

    [Test]
    public async Task A_network_made_again_under_a_stopped_container_does_not_keep_it_from_starting()
    {
        var runtime = await DeployAsync(Given.Standard);
        await _world.KillAsync(runtime.Container.Id);
        await Eventually.HoldsAsync(async () => (await ContainerAsync(runtime.Id)).Health == Health.Failed);
        await _world.Engine.DeleteAsync($"networks/{runtime.Network}");

        (await SeeAsync(runtime.Id)).Should().NotContain(s => s.Kind == ResourceKind.Network);
        await PutAsync((runtime.Id, runtime.Compiled));

        (await ContainerAsync(runtime.Id)).Should().Match<SeenResource>(s => s.Health == Health.Serving && s.Address != null && s.Fingerprint == runtime.Container.Fingerprint);
    }

    [Test]
    public async Task Without_its_guard_a_closed_server_has_no_address_and_the_link_is_seen_stopped()
    {
        var runtime = await DeployAsync(Given.Restricted);
        _world.Guard.Running = false;

        var seen = await SeeAsync(runtime.Id);
        (await _world.Backend.PutAsync(runtime.Id, runtime.Compiled.Running.Single(r => r.Kind == ResourceKind.GuardLink), default)).ShouldBeDone();

        seen.Single(s => s.Kind == ResourceKind.Container).Address.Should().BeNull();
        seen.Single(s => s.Kind == ResourceKind.GuardLink).Health.Should().Be(Health.Stopped);
        (await ContainerAsync(runtime.Id)).Address.Should().NotBeNull();
    }

    /// <summary>Whatever <c>docker update</c> can change of a control, and whatever a container made again by hand under the same name and labels can lack.</summary>
    [Test]
    public async Task Every_control_that_a_hand_can_take_away_is_drift_with_its_field_and_its_control()
    {
        (string Field, Control? Control, string Change)[] edits =
        [
            ("HostConfig.CapDrop", Control.DropCapabilities, """{"CapDrop":null}"""),
            ("HostConfig.CapAdd", null, """{"CapAdd":["SYS_ADMIN"]}"""),
            ("HostConfig.ReadonlyRootfs", Control.ReadOnlyRoot, """{"ReadonlyRootfs":false}"""),
            ("HostConfig.SecurityOpt", Control.NoNewPrivileges, """{"SecurityOpt":null}"""),
            ("HostConfig.SecurityOpt", Control.Seccomp, """{"SecurityOpt":["no-new-privileges:true","seccomp=unconfined"]}"""),
            ("HostConfig.Dns", Control.Dns, """{"Dns":null}"""),
            ("HostConfig.Tmpfs", null, """{"Tmpfs":{"/tmp":"rw,exec"}}"""),
            ("HostConfig.Binds", Control.Mounts, """{"Binds":["/:/host"]}"""),
            ("HostConfig.PidMode", null, """{"PidMode":"host"}"""),
            ("HostConfig.IpcMode", null, """{"IpcMode":"host"}"""),
            ("HostConfig.UTSMode", null, """{"UTSMode":"host"}"""),
            ("HostConfig.PortBindings", Control.Ingress, """{"PortBindings":{"8080/tcp":[{"HostPort":"0"}]}}"""),
            ("HostConfig.NetworkMode", Control.Egress, """{"NetworkMode":"bridge"}"""),
            ("HostConfig.Privileged", Control.DropCapabilities, """{"Privileged":true}"""),
            ("HostConfig.MaskedPaths", null, """{"MaskedPaths":[],"ReadonlyPaths":[]}"""),
            ("HostConfig.GroupAdd", null, """{"GroupAdd":["0"]}"""),
            ("HostConfig.Memory", Control.Memory, """{"Memory":0,"MemorySwap":0}"""),
            ("HostConfig.NanoCpus", Control.Cpu, """{"NanoCpus":0}"""),
            ("HostConfig.PidsLimit", Control.Pids, """{"PidsLimit":0}"""),
        ];
        var runtime = await DeployAsync(Given.Restricted);
        var live = System.Text.Json.Nodes.JsonNode.Parse((await _world.Engine.GetAsync($"containers/{runtime.Container.Id}/json"))!.Value.GetRawText())!;
        await _world.Engine.PostAsync($"containers/{runtime.Container.Id}/update", new { Memory = 64 << 20, MemorySwap = 256 << 20, PidsLimit = 1000 });
        var updated = await ContainerAsync(runtime.Id);
        updated.DifferingField.Should().Contain("HostConfig.Memory").And.Contain("HostConfig.MemorySwap").And.Contain("HostConfig.PidsLimit");
        updated.Controls.Single(c => c.Control == Control.Memory).Outcome.Should().Be(ControlOutcome.Weakened);
        foreach (var (field, control, change) in edits)
        {
            var body = live["Config"]!.DeepClone();
            var host = live["HostConfig"]!.DeepClone().AsObject();
            foreach (var (name, value) in System.Text.Json.Nodes.JsonNode.Parse(change)!.AsObject())
            {
                host[name] = value?.DeepClone();
            }

            body["HostConfig"] = host;
            // One that shares the host's has no name of its own.
            body["Hostname"] = "";
            await _world.RemoveByHandAsync(runtime.Container.Id);
            await _world.Engine.PostAsync($"containers/create?name={runtime.Container.Id}", body);

            var drifted = await ContainerAsync(runtime.Id);
            drifted.Fingerprint.Should().NotBe(runtime.Container.Fingerprint, because: change);
            drifted.DifferingField.Should().Contain(field, because: change);
            if (control is { } lost)
            {
                drifted.Controls.Single(c => c.Control == lost).Outcome.Should().Be(ControlOutcome.Weakened, because: change);
            }
        }

        (await _world.Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();
        (await ContainerAsync(runtime.Id)).Should().Match<SeenResource>(s => s.Fingerprint == runtime.Container.Fingerprint && s.Health == Health.Serving);
    }

    [Test]
    public async Task A_list_edited_by_hand_is_drift_that_the_report_tells_and_a_put_mends()
    {
        var runtime = await DeployAsync(Given.Restricted with { Network = new NetworkGuardrails(EgressAllowed: true, ["a.example.org:443"], [8080]) });
        var asked = runtime.Compiled.Running.Single(r => r.Kind == ResourceKind.GuardPolicy);
        Held(await SeeAsync(runtime.Id)).Should().AllBeEquivalentTo(ControlOutcome.Enforced);

        _world.Guard.Hold(new GuardPolicy(runtime.Network, await _world.Guard.SubnetOf(runtime.Network), ["a.example.org:443", "evil.example.org"], Strict: false, runtime.Id.RecordId));

        var seen = await SeeAsync(runtime.Id);
        seen.Single(s => s.Kind == ResourceKind.GuardPolicy).Should().Match<SeenResource>(s => s.Id == asked.Id && s.Fingerprint != asked.Fingerprint && s.Message!.Contains("evil.example.org"));
        Held(seen).Should().AllBeEquivalentTo(ControlOutcome.Weakened);
        (await _world.Backend.PutAsync(runtime.Id, asked, default)).ShouldBeDone();
        seen = await SeeAsync(runtime.Id);
        seen.Single(s => s.Kind == ResourceKind.GuardPolicy).Fingerprint.Should().Be(asked.Fingerprint);
        Held(seen).Should().AllBeEquivalentTo(ControlOutcome.Enforced);

        static IEnumerable<ControlOutcome> Held(IReadOnlyList<SeenResource> seen) =>
            seen.Single(s => s.Kind == ResourceKind.Container).Controls.Where(c => c.Control is Control.Egress or Control.AllowedHosts).Select(c => c.Outcome);
    }

    [Test]
    public async Task A_list_given_by_hand_to_a_network_that_has_none_is_seen_and_taken_away()
    {
        var runtime = await DeployAsync(Given.Restricted);
        _world.Guard.Hold(new GuardPolicy(runtime.Network, await _world.Guard.SubnetOf(runtime.Network), ["evil.example.org"], Strict: false));

        var surplus = (await SeeAsync(runtime.Id)).Single(s => s.Kind == ResourceKind.GuardPolicy);
        (await ContainerAsync(runtime.Id)).Controls.Single(c => c.Control == Control.Egress).Outcome.Should().Be(ControlOutcome.Weakened);
        (await _world.Backend.RemoveAsync(runtime.Id, surplus.Id, surplus.Kind, default)).ShouldBeDone();

        (await SeeAsync(runtime.Id)).Should().NotContain(s => s.Kind == ResourceKind.GuardPolicy);
    }

    [Test]
    public async Task Another_engine_behind_the_address_is_unknown_and_not_touched()
    {
        var backend = _world.Make(_world.Options, engineId: "ANOTHER:ENGINE");
        var (id, compiled) = await CompileAsync(Given.Standard, _world.Image);

        (await backend.ObserveAsync(id, default)).Should().BeOfType<ProviderView.Unknown>().Which.Fault.Reason.Should().Be("EngineChanged");
        (await backend.ObserveAllAsync(default)).Should().BeOfType<OwnedView.Unknown>();
        (await backend.PutAsync(id, compiled.Running[0], default)).ShouldBeFault().Reason.Should().Be("EngineChanged");
        (await backend.CheckAsync(default)).Reachable.Should().BeFalse();
        (await SeeAsync(id)).Should().BeEmpty();
    }

    [Test]
    public async Task Forty_networks_at_once_are_forty_subnets()
    {
        var runtimes = Enumerable.Range(0, 40).Select(_ => Given.Identity(_world.InstanceId)).ToArray();
        var (_, compiled) = await CompileAsync(Given.Standard, _world.Image);
        var network = compiled.Running.Single(r => r.Kind == ResourceKind.Network);

        var outcomes = await Task.WhenAll(runtimes.Select(id => _world.Backend.PutAsync(id, network with { Id = $"mcp-{id.Short}-net-open" }, default)));

        outcomes.Should().AllBeOfType<Outcome.Done>();
        var all = (await _world.Backend.ObserveAllAsync(default)).Match(k => k.ByRecord, u => throw new AssertionException(u.Fault.Message));
        runtimes.Select(id => all[id.RecordId].Single().Message).Should().OnlyHaveUniqueItems();
    }

    [Test]
    public async Task An_image_that_nobody_has_is_said_to_be_nowhere_and_the_pull_is_never_waited_for()
    {
        var revision = Given.Revision("127.0.0.1:9/acme/none:1");

        var resolution = await _world.Backend.ResolveAsync(revision, default);

        var fault = resolution.Should().BeOfType<Resolution.Faulted>().Subject.Fault;
        fault.Reason.Should().Be("RegistryUnreachable");
        fault.Kind.Should().Be(FaultKind.Transient);
        fault.Message.Should().Contain("127.0.0.1:9/acme/none:1").And.Contain("not on the engine");
    }

    [Test]
    public async Task A_pull_that_fails_is_told_once_by_the_next_put_and_then_tried_again()
    {
        var id = Given.Identity(_world.InstanceId);
        var pin = "127.0.0.1:9/acme/none@sha256:" + new string('a', 64);
        var compiled = _world.Backend.Compile(Given.Input(id, Given.Revision("127.0.0.1:9/acme/none:1", facts: new ResolvedFacts(pin, true, null, null)), _world.Hash));
        var image = compiled.Running.Single();

        (await _world.Backend.PutAsync(id, image, default)).Should().BeOfType<Outcome.InProgress>();
        await Eventually.HoldsAsync(async () => (await SeeAsync(id)).Count == 0);

        (await _world.Backend.PutAsync(id, image, default)).ShouldBeFault().Kind.Should().Be(FaultKind.Transient);
        (await _world.Backend.PutAsync(id, image, default)).Should().BeOfType<Outcome.InProgress>();
        (await _world.Backend.RemoveAsync(id, image.Id, image.Kind, default)).ShouldBeDone();
        (await SeeAsync(id)).Should().BeEmpty();
    }

    [Test]
    public async Task An_image_that_was_there_before_stays_when_its_last_runtime_goes()
    {
        var runtime = await DeployAsync(Given.Standard);
        foreach (var resource in runtime.Compiled.Running.Reverse())
        {
            (await _world.Backend.RemoveAsync(runtime.Id, resource.Id, resource.Kind, default)).ShouldBeDone();
        }

        var image = (await _world.Engine.GetAsync($"images/{_world.Image}/json"))!.Value;
        image.GetProperty("RepoTags").EnumerateArray().Select(t => t.GetString()).Should()
            .Contain(_world.Image.Replace("docker.io/", "", StringComparison.Ordinal)).And.NotContain(t => t!.Contains(runtime.Id.RecordId));
    }

    [Test]
    public async Task What_is_started_from_an_image_made_of_ours_is_somebody_elses_and_a_renamed_one_of_ours_is_ours()
    {
        var runtime = await DeployAsync(Given.Standard);
        var copy = $"copy-{Guid.NewGuid():N}";
        await _world.Engine.PostAsync($"commit?container={runtime.Container.Id}&repo={copy}&tag=1");
        var theirs = (await _world.Engine.PostAsync("containers/create", new { Image = $"{copy}:1" })).GetProperty("Id").GetString()!;
        try
        {
            (await _world.Engine.GetAsync($"containers/{theirs}/json"))!.Value.GetProperty("Config").GetProperty("Labels").ToString().Should().Contain(runtime.Id.RecordId, "a commit copies labels");
            var name = (await _world.Engine.GetAsync($"containers/{theirs}/json"))!.Value.GetProperty("Name").GetString()![1..];

            (await SeeAsync(runtime.Id)).Where(s => s.Kind == ResourceKind.Container).Should().ContainSingle().Which.Id.Should().Be(runtime.Container.Id);
            (await _world.Backend.RemoveAsync(runtime.Id, name, ResourceKind.Container, default)).Should().BeOfType<Outcome.Faulted>().Which.Fault.Reason.Should().Be("NotOurs");
            (await _world.Engine.GetAsync($"containers/{theirs}/json")).Should().NotBeNull();

            await _world.Engine.PostAsync($"containers/{runtime.Container.Id}/rename?name={copy}");
            (await ContainerAsync(runtime.Id)).Id.Should().Be(copy, "it is still ours, and goes with its runtime");
            (await _world.Backend.RemoveAsync(runtime.Id, copy, ResourceKind.Container, default)).ShouldBeDone();
            (await _world.Engine.GetAsync($"containers/{copy}/json")).Should().BeNull();
        }
        finally
        {
            await _world.Engine.DeleteAsync($"containers/{theirs}?force=1");
            await _world.Engine.DeleteAsync($"images/{copy}:1?force=1");
        }
    }

    [Test]
    public async Task Labels_that_an_image_brings_along_do_not_speak_for_its_container()
    {
        var image = await _world.ImportAsync("labelled", null, "LABEL dev.mcpruntime/service=other dev.mcpruntime/ends=may dev.mcpruntime/fixed=x dev.mcpruntime/record=theirs");
        var runtime = await PutAsync(await CompileAsync(Given.Restricted, image));
        runtime.Outcome.ShouldBeDone();

        var seen = await ContainerAsync(runtime.Id);

        seen.Fingerprint.Should().Be(runtime.Container.Fingerprint, "it differs in nothing");
        seen.Service.Should().BeNull();
        seen.Controls.Single(c => c.Control == Control.Egress).Outcome.Should().Be(ControlOutcome.Enforced);
    }

    private sealed record Runtime(RuntimeIdentity Id, Compiled Compiled, Outcome Outcome)
    {
        public Resource Container => Compiled.Running.Single(r => r.Kind == ResourceKind.Container);

        public string Network => Compiled.Running.Single(r => r.Kind == ResourceKind.Network).Id;
    }

    private async Task<Runtime> DeployAsync(GuardrailsConfig guardrails, IReadOnlyList<string>? command = null, (string, string)? environment = null)
    {
        var runtime = await PutAsync(await CompileAsync(guardrails, _world.Image, command, environment));
        runtime.Outcome.ShouldBeDone();
        return runtime;
    }

    private async Task<(RuntimeIdentity Id, Compiled Compiled)> CompileAsync(GuardrailsConfig guardrails, string image, IReadOnlyList<string>? command = null, (string Name, string Value)? environment = null)
    {
        var id = Given.Identity(_world.InstanceId);
        var revision = Given.Revision(image, guardrails, command: command);
        revision = revision with { Facts = (await _world.Backend.ResolveAsync(revision, default)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString())) };
        var variables = new Dictionary<string, SecretText>(StringComparer.Ordinal);
        if (environment is { } variable)
        {
            variables[variable.Name] = new SecretText(variable.Value);
        }

        var compiled = _world.Backend.Compile(Given.Input(id, revision, _world.Hash, variables));
        compiled.Refused.Should().BeNull();
        return (id, compiled);
    }

    /// <summary>The outcome of the last; the ones before must be done.</summary>
    private async Task<Runtime> PutAsync((RuntimeIdentity Id, Compiled Compiled) what)
    {
        Outcome outcome = new Outcome.Done();
        foreach (var resource in what.Compiled.Running)
        {
            outcome.ShouldBeDone();
            outcome = await _world.Backend.PutAsync(what.Id, resource, default);
        }

        return new Runtime(what.Id, what.Compiled, outcome);
    }

    private async Task<IReadOnlyList<SeenResource>> SeeAsync(RuntimeIdentity id) => (await _world.Backend.ObserveAsync(id, default)).Resources();

    private async Task<SeenResource> ContainerAsync(RuntimeIdentity id) => (await SeeAsync(id)).Single(s => s.Kind == ResourceKind.Container);

    private async Task<string> GatewayAsync(string network) =>
        (await _world.Engine.GetAsync($"networks/{network}"))!.Value.GetProperty("IPAM").GetProperty("Config")[0] is var config && config.TryGetProperty("Gateway", out var gateway)
            ? gateway.GetString()!
            : IPNetwork.Parse(config.GetProperty("Subnet").GetString()!).BaseAddress.GetAddressBytes() is var b ? $"{b[0]}.{b[1]}.{b[2]}.{b[3] + 1}" : "";

    /// <summary>A neighbour on that network, made by hand, and its first line.</summary>
    private async Task<string> RunAsync(string network, params string[] command)
    {
        var created = await _world.Engine.PostAsync("containers/create", new { _world.Image, Cmd = command, HostConfig = new { NetworkMode = network } });
        var id = created.GetProperty("Id").GetString()!;
        try
        {
            await _world.Engine.PostAsync($"containers/{id}/start");
            await _world.Engine.PostAsync($"containers/{id}/wait");
            return await _world.Engine.LogAsync(id);
        }
        finally
        {
            await _world.Engine.DeleteAsync($"containers/{id}?force=1");
        }
    }

    private async Task<string> FirstLineAsync(RuntimeIdentity id)
    {
        var first = "";
        await Eventually.HoldsAsync(async () =>
        {
            await foreach (var line in _world.Backend.LogsAsync(id, new LogQuery(10, null, null, null, null, Follow: false), default))
            {
                first = line.Text;
                return true;
            }

            return false;
        });
        return first;
    }

    private static async Task<bool> AnswersAsync(HttpClient http, UpstreamAddress address)
    {
        try
        {
            return await http.GetStringAsync(new Uri($"http://{address.Host}:{address.Port}/")) == "ok";
        }
        catch (HttpRequestException)
        {
            // Not listening yet.
            return false;
        }
    }
}
