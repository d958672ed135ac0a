using System.Diagnostics;
using System.Text.Json.Nodes;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>What an app and a build are, read from the project itself.</summary>
[Category("Doubles")]
public sealed class CodeEnginePromises
{
    private const string Canary = "c4n4ry-build-77";

    private CodeEngineWorld _world = null!;
    private RuntimeIdentity _id = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [SetUp]
    public async Task ResetWorld()
    {
        await _world.ResetAsync();
        _id = Given.Identity(_world.InstanceId);
    }

    [Test]
    public async Task An_app_gets_no_service_account_and_no_token_is_pinned_in_size_and_has_patient_probes()
    {
        var compiled = Compile(_world.Backend, Given.Revision(_world.Image, Given.Restricted, Pinned(_world.Image), port: 8080));
        await PutAllAsync(_world.Backend, compiled.Running);

        var app = await AppAsync();

        app["run_service_account"]!.GetValue<string>().Should().Be("none");
        app["run_compute_resource_token_enabled"]!.GetValue<bool>().Should().BeFalse();
        app["run_as_user"]!.GetValue<long>().Should().Be(65532);
        app["scale_cpu_limit"]!.GetValue<string>().Should().Be("0.25");
        app["scale_memory_limit"]!.GetValue<string>().Should().Be("500M", "0.25 vCPU has no smaller one");
        app["scale_max_instances"]!.GetValue<int>().Should().BePositive();
        app["probe_liveness"]!["failure_threshold"]!.GetValue<int>().Should().BeGreaterThan(1);
        compiled.Warnings.Should().Contain(w => w.Field == "resources.memory" && w.Message.Contains("500M"));
    }

    [Test]
    public void A_server_with_sessions_of_the_SSE_transport_is_pinned_to_one_instance_and_that_is_said()
    {
        var asked = Given.Standard with { Resources = new ResourceGuardrails("0.5", "1g", 100, 0, 5) };
        var revision = Given.Revision(_world.Image, asked, Pinned(_world.Image), port: 8080);
        var sse = revision with { Spec = revision.Spec with { GatewayTransport = GatewayTransport.Sse } };

        Compile(_world.Backend, sse).Warnings.Should().Contain(w => w.Field == "resources.max_scale" && w.Message.Contains("exactly one instance"));
        Compile(_world.Backend, revision).Warnings.Should().Contain(w => w.Field == "resources.max_scale" && w.Message.Contains("no sticky sessions"));
    }

    [Test]
    public async Task A_stop_by_recreation_deletes_the_app_and_a_start_makes_the_same_one_again()
    {
        var backend = _world.Make(_world.Options with { Stop = StopMode.Recreate });
        var compiled = Compile(backend, Given.Revision(_world.Image, facts: Pinned(_world.Image), port: 8080), ("API_KEY", "x"));
        await PutAllAsync(backend, compiled.Running);

        compiled.Stopped.Should().NotContain(r => r.Kind == ResourceKind.Container).And.Contain(r => r.Kind == ResourceKind.Secret);
        (await backend.RemoveAsync(_id, compiled.Endpoint!.ContainerId, ResourceKind.Container, default)).ShouldBeDone();
        (await _world.Double.StateAsync())["apps"]!.AsArray().Should().BeEmpty();

        await PutAllAsync(backend, compiled.Running);
        (await AppAsync())["name"]!.GetValue<string>().Should().Be(compiled.Endpoint.ContainerId);
    }

    [Test]
    public async Task Build_arguments_travel_as_a_secret_by_reference_and_go_with_the_build()
    {
        var arguments = new Dictionary<string, string>(StringComparer.Ordinal) { ["NPM_TOKEN"] = Canary };
        var revision = FromRepository(_world.Repository, _world.Commit, ".", arguments);
        var facts = new ResolvedFacts($"{_world.Repository}@{_world.Commit}", PinIsRegistryDigest: false, _world.Commit, Image: null);
        revision = revision with { Facts = facts };
        var building = Compile(_world.Backend, revision);
        building.Running.Select(r => r.Kind).Should().Equal(ResourceKind.Secret, ResourceKind.Build);

        (await _world.Backend.PutAsync(_id, building.Running[0], default)).ShouldBeDone();
        (await _world.Backend.PutAsync(_id, building.Running[1], default)).Should().BeOfType<Outcome.InProgress>();

        var state = await _world.Double.StateAsync();
        foreach (var things in new[] { state["builds"]!, state["build_runs"]! })
        {
            things.ToJsonString().Should().NotContain(Canary);
            things.AsArray().Single()!["run_build_params"]!.AsArray().Should().Contain(p => p!["reference"] != null && p["reference"]!.GetValue<string>() == building.Running[0].Id && p["key"]!.GetValue<string>() == "NPM_TOKEN");
        }

        var built = Compile(_world.Backend, revision with { Facts = Pinned("us.icr.io/acme/mcp@sha256:" + new string('b', 64)) });
        built.Running.Should().NotContain(r => r.Id == building.Running[0].Id, "what is no longer wanted is removed");
    }

    [TestCase("FROM quay.io/evil/base\n", "quay.io/evil/base")]
    [TestCase("FROM node:22\nCOPY --from=quay.io/evil/tools /x /x\n", "quay.io/evil/tools")]
    [TestCase("FROM node:22\nRUN --mount=type=bind,from=quay.io/evil/tools,target=/x /x\n", "quay.io/evil/tools")]
    public async Task A_repository_that_stands_on_an_image_from_elsewhere_is_refused_before_there_is_a_build(string dockerfile, string named)
    {
        var name = $"acme/{Guid.NewGuid():N}";
        _ = await _world.Git.CreateAsync(name, ("server/Dockerfile", dockerfile));
        var revision = FromRepository(_world.Git.Url(name), "main", "server");

        var fault = (await _world.Backend.ResolveAsync(_id, revision, default)).Should().BeOfType<Resolution.Faulted>().Subject.Fault;

        fault.Kind.Should().Be(FaultKind.Refused);
        fault.Message.Should().StartWith("Dockerfile:").And.Contain(named).And.Contain("RUNTIME_DOCKER_ALLOWED_REGISTRIES");
        Compile(_world.Backend, revision).Running.Should().BeEmpty("what has no commit has no build");
        var allowed = _world.Make(_world.Options with { AllowedRegistries = ["docker.io", "quay.io/evil"] });
        (await allowed.ResolveAsync(_id, revision, default)).Should().BeOfType<Resolution.Resolved>();
    }

    [Test]
    public async Task A_commit_that_takes_long_to_fetch_is_read_by_a_later_turn()
    {
        var revision = FromRepository(_world.Repository, _world.Commit, ".");
        var gate = new TaskCompletionSource();
        _world.Git.Gate = gate.Task;
        try
        {
            (await _world.Backend.ResolveAsync(_id, revision, default)).Should().BeOfType<Resolution.Faulted>().Which.Fault.Reason.Should().Be("DockerfileBeingRead");
        }
        finally
        {
            gate.SetResult();
            _world.Git.Gate = Task.CompletedTask;
        }

        (await _world.Backend.ResolveAsync(_id, revision, default)).Should().BeOfType<Resolution.Resolved>().Which.Facts.Commit.Should().Be(_world.Commit);
    }

    [Test]
    public async Task A_run_that_somebody_else_started_of_our_build_tells_us_no_digest()
    {
        await _world.Double.SwitchAsync(new { BuildReads = 1000 });
        var (build, revision) = Building();
        (await _world.Backend.PutAsync(_id, build, default)).Should().BeOfType<Outcome.InProgress>();
        await _world.Double.SwitchAsync(new { BuildReads = 1 });
        foreach (var marks in new[] { new { type = "literal", name = "WHOSE", value = "theirs" }, new { type = "literal", name = "MCPRUNTIME_INSTANCE", value = "somebody-else" } })
        {
            _ = await _world.Double.SendAsync(HttpMethod.Post, "build_runs", new { name = $"a-{Guid.NewGuid():N}"[..20], build_name = build.Id, run_build_params = new[] { marks } });
        }

        for (var i = 0; i < 4; i++)
        {
            (await _world.Backend.ResolveAsync(_id, revision, default)).Should().BeOfType<Resolution.Faulted>().Which.Fault.Reason.Should().Be("NotBuiltYet");
        }

        (await _world.Double.StateAsync())["build_runs"]!.AsArray().Select(r => r!["status"]!.GetValue<string>()).Should().BeEquivalentTo(["succeeded", "succeeded", "pending"]);
    }

    [Test]
    public async Task A_run_of_somebody_else_under_our_name_is_not_taken_for_ours()
    {
        var (build, _) = Building();
        (await _world.Backend.PutAsync(_id, build, default)).Should().BeOfType<Outcome.InProgress>();
        var name = (await _world.Double.StateAsync())["build_runs"]!.AsArray().Single()!["name"]!.GetValue<string>();
        (await _world.Double.SendAsync(HttpMethod.Post, $"build_runs/{name}/replace", new { run_build_params = Array.Empty<object>() })).Should().NotBeNull();

        (await _world.Backend.PutAsync(_id, build, default)).ShouldBeFault().Reason.Should().Be("NotOurs");
    }

    [Test]
    public async Task The_projects_health_tells_what_of_its_quota_is_used_and_what_all_its_apps_may_reach()
    {
        await PutAllAsync(_world.Backend, Compile(_world.Backend, Given.Revision(_world.Image, facts: Pinned(_world.Image), port: 8080), ("K", "v")).Running);

        var health = await _world.Backend.CheckAsync(default);

        health.Reachable.Should().BeTrue();
        health.Message.Should().Contain("1 of 40 apps").And.Contain("2 of 100 secrets").And.Contain("0.0.0.0/0").And.Contain("whole project");
    }

    [Test]
    public async Task The_projects_health_is_told_within_three_seconds_although_each_of_its_lists_takes_one()
    {
        await _world.Double.TroubleAsync("GET ", "slow", times: 6, seconds: 1);
        var began = Stopwatch.StartNew();

        var health = await _world.Make(_world.Options).CheckAsync(default);

        health.Message.Should().Contain("0 of 40 apps").And.Contain("0 of 100 builds, 0 of 100 build runs");
        began.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(3));
        (await _world.Double.TroubledAsync()).Should().Be(6);
    }

    [Test]
    public async Task A_call_that_hangs_is_given_up_and_the_next_look_is_right()
    {
        await PutAllAsync(_world.Backend, Compile(_world.Backend, Given.Revision(_world.Image, facts: Pinned(_world.Image), port: 8080)).Running);
        var backend = _world.Make(_world.Options);
        _ = (await backend.ObserveAsync(_id, default)).Resources();
        await _world.Double.TroubleAsync("GET /apps", "slow", seconds: 30);

        var hung = await backend.ObserveAsync(_id, default);
        await _world.Double.NoMoreTroubleAsync();
        var seen = await backend.ObserveAsync(_id, default);

        hung.Should().BeOfType<ProviderView.Unknown>();
        seen.Resources().Should().ContainSingle(r => r.Kind == ResourceKind.Container);
    }

    [Test]
    public async Task A_thing_that_comes_in_between_two_pages_hides_none_of_ours()
    {
        await PutAllAsync(_world.Backend, Compile(_world.Backend, Given.Revision(_world.Image, facts: Pinned(_world.Image), port: 8080)).Running);
        await _world.Double.SwitchAsync(new { PageSize = 1 });
        for (var i = 0; i < 8; i++)
        {
            // Names before and after ours, one between any two looks.
            await _world.Double.SendAsync(HttpMethod.Post, "apps", new { name = i % 2 == 0 ? $"a-{i}" : $"z-{i}", image_reference = _world.Image });
            (await _world.Backend.ObserveAsync(_id, default)).Resources().Should().ContainSingle(r => r.Kind == ResourceKind.Container);
        }
    }

    private Compiled Compile(IBackend backend, Revision revision, params (string Name, string Value)[] environment) =>
        backend.Compile(Given.Input(_id, revision, _world.Hash, environment.ToDictionary(e => e.Name, e => new SecretText(e.Value), StringComparer.Ordinal)));

    /// <summary>A repository's build, and the revision that wants it.</summary>
    private (Resource Build, Revision Revision) Building()
    {
        var facts = new ResolvedFacts($"{_world.Repository}@{_world.Commit}", PinIsRegistryDigest: false, _world.Commit, Image: null);
        var revision = FromRepository(_world.Repository, _world.Commit, ".") with { Facts = facts };
        return (Compile(_world.Backend, revision).Running.Single(), revision);
    }

    private Revision FromRepository(string repository, string reference, string context, IReadOnlyDictionary<string, string>? arguments = null)
    {
        var source = new Source.GitHub(repository, reference, "Dockerfile", context, arguments ?? new Dictionary<string, string>(StringComparer.Ordinal), PushToRegistry: false, Registry: null);
        var revision = Given.Revision(_world.Image, port: 8080);
        return revision with { Spec = revision.Spec with { Source = source } };
    }

    private static ResolvedFacts Pinned(string image) => new(image, PinIsRegistryDigest: true, Commit: null, Image: null);

    private async Task PutAllAsync(IBackend backend, IEnumerable<Resource> resources)
    {
        foreach (var resource in resources)
        {
            (await backend.PutAsync(_id, resource, default)).ShouldBeDone();
        }
    }

    private async Task<JsonNode> AppAsync() => (await _world.Double.StateAsync())["apps"]!.AsArray().Single()!;
}
