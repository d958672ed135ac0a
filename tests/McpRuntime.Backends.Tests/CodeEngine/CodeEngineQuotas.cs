using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>A project's small quotas: told when they are used up, and of revisions never used up by what nobody needs any more.</summary>
[Category("Doubles")]
public sealed class CodeEngineQuotas
{
    private CodeEngineWorld _world = null!;
    private CodeEngineLife _life = null!;
    private RuntimeIdentity _id = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [SetUp]
    public async Task ResetWorld()
    {
        await _world.ResetAsync();
        _life = new CodeEngineLife(_world);
        _id = Given.Identity(_world.InstanceId);
    }

    [TestCase(400)]
    [TestCase(403)]
    [TestCase(409)]
    public async Task A_used_up_quota_is_told_whatever_its_status_and_tried_again_later(int status)
    {
        await _world.Double.SwitchAsync(new { Apps = 0, QuotaStatus = status });
        var compiled = await _life.CompileAsync(_world.Backend, _id);
        (await _world.Backend.PutAsync(_id, compiled.Running[0], default)).ShouldBeDone();

        ShouldBeQuota(await _world.Backend.PutAsync(_id, compiled.Running[1], default), "40 apps", "Delete a runtime or an app");
    }

    [Test]
    public async Task An_update_without_a_free_place_for_its_app_is_told_so_and_the_old_app_goes_on_serving()
    {
        await _world.Double.SwitchAsync(new { Apps = 1 });
        await PutAllAsync((await _life.CompileAsync(_world.Backend, _id)).Running);
        var updated = await _life.CompileAsync(_world.Backend, _id, stage: "2");
        (await _world.Backend.PutAsync(_id, updated.Running[0], default)).ShouldBeDone();

        ShouldBeQuota(await _world.Backend.PutAsync(_id, updated.Running[1], default), "an update, which makes the new app beside the old one", "Delete a runtime or an app");
        (await AppAsync()).Health.Should().Be(Health.Serving);
    }

    [Test]
    public async Task A_used_up_quota_of_secrets_is_told_as_that()
    {
        await _world.Double.SwitchAsync(new { Secrets = 1 });

        ShouldBeQuota(await _world.Backend.PutAsync(_id, (await _life.CompileAsync(_world.Backend, _id)).Running[0], default), "secrets is used up (100)", "delete some");
    }

    [Test]
    public async Task A_used_up_quota_of_builds_or_of_runs_is_told_as_that_and_the_build_goes_on_when_there_is_room()
    {
        await _world.Double.SwitchAsync(new { Builds = 0 });
        ShouldBeQuota(await _world.Backend.PutAsync(_id, Build(), default), "builds is used up (100)", "delete some");

        await _world.Double.SwitchAsync(new { BuildRuns = 0 });
        ShouldBeQuota(await _world.Backend.PutAsync(_id, Build(), default), "build runs is used up (100)", "delete old ones");

        await _world.Double.SwitchAsync(new { });
        (await _world.Backend.PutAsync(_id, Build(), default)).Should().BeOfType<Outcome.InProgress>();
        var state = await _world.Double.StateAsync();
        state["builds"]!.AsArray().Should().ContainSingle();
        state["build_runs"]!.AsArray().Should().ContainSingle();
    }

    [Test]
    public async Task Stops_starts_and_repairs_go_on_in_a_project_that_has_room_for_one_more_revision()
    {
        await _world.Double.SwitchAsync(new { Revisions = 3 });
        var compiled = await _life.CompileAsync(_world.Backend, _id);
        await PutAllAsync(compiled.Running);
        for (var i = 0; i < 4; i++)
        {
            await ParkAsync(compiled);
            await PutAllAsync(compiled.Running);
            (await AppAsync()).Health.Should().Be(Health.Serving);
            await _world.EditByHandAsync(compiled.Endpoint!.ContainerId);
            await PutAllAsync(compiled.Running);
            (await AppAsync()).Fingerprint.Should().Be(compiled.Running[^1].Fingerprint);
        }
    }

    [Test]
    public async Task An_update_finds_room_among_the_revisions_that_our_other_apps_have_left_behind()
    {
        var other = Given.Identity(_world.InstanceId);
        var theirs = await _life.CompileAsync(_world.Backend, other);
        await PutAllAsync(theirs.Running, other);
        await _world.EditByHandAsync(theirs.Endpoint!.ContainerId);
        _ = await _world.Backend.ObserveAsync(other, default);
        await PutAllAsync(theirs.Running, other);
        _ = await _world.Backend.ObserveAsync(other, default);
        await _world.Double.SwitchAsync(new { Revisions = await RevisionsAsync(theirs.Endpoint.ContainerId) });

        await PutAllAsync((await _life.CompileAsync(_world.Backend, _id)).Running);

        (await AppAsync()).Health.Should().Be(Health.Serving);
        (await _world.Backend.ObserveAsync(other, default)).Resources().Single(s => s.Kind == ResourceKind.Container).Health.Should().Be(Health.Serving);
    }

    [Test]
    public async Task The_projects_revisions_are_not_cleared_of_what_is_somebody_elses()
    {
        _ = await _world.Double.SendAsync(HttpMethod.Post, "apps", new { name = "theirs", image_reference = _world.Image });
        await _world.EditByHandAsync("theirs");
        await _world.EditByHandAsync("theirs", "2G");
        await _world.Double.SwitchAsync(new { Revisions = 3 });
        var compiled = await _life.CompileAsync(_world.Backend, _id);
        (await _world.Backend.PutAsync(_id, compiled.Running[0], default)).ShouldBeDone();

        ShouldBeQuota(await _world.Backend.PutAsync(_id, compiled.Running[1], default), "120 app revisions", "ask IBM for more");
        (await RevisionsAsync("theirs")).Should().Be(3);
    }

    [Test]
    public async Task Revisions_are_not_removed_for_another_quota()
    {
        var other = Given.Identity(_world.InstanceId);
        var theirs = await _life.CompileAsync(_world.Backend, other);
        await PutAllAsync(theirs.Running, other);
        await _world.EditByHandAsync(theirs.Endpoint!.ContainerId);
        await _world.EditByHandAsync(theirs.Endpoint.ContainerId, "2G");
        _ = await _world.Backend.ObserveAsync(other, default);
        var before = await RevisionsAsync(theirs.Endpoint.ContainerId);
        await _world.Double.SwitchAsync(new { Apps = 1 });
        var compiled = await _life.CompileAsync(_world.Backend, _id);
        (await _world.Backend.PutAsync(_id, compiled.Running[0], default)).ShouldBeDone();

        ShouldBeQuota(await _world.Backend.PutAsync(_id, compiled.Running[1], default), "40 apps", "Delete a runtime or an app");
        (await RevisionsAsync(theirs.Endpoint.ContainerId)).Should().Be(before);
    }

    private static void ShouldBeQuota(Outcome outcome, string which, string remedy)
    {
        var fault = outcome.ShouldBeFault();
        fault.Reason.Should().Be("QuotaExceeded");
        fault.Kind.Should().Be(FaultKind.Throttled);
        fault.RetryAfter.Should().BePositive();
        fault.Message.Should().Contain(which).And.Contain(remedy);
    }

    private async Task ParkAsync(Compiled compiled)
    {
        (await _world.Backend.PutAsync(_id, compiled.Stopped[^1], default)).ShouldBeDone();
        (await AppAsync()).Health.Should().Be(Health.Stopped);
    }

    private Resource Build()
    {
        var source = new Source.GitHub(_world.Repository, _world.Commit, "Dockerfile", ".", new Dictionary<string, string>(StringComparer.Ordinal), PushToRegistry: false, Registry: null);
        var revision = Given.Revision(_world.Image, port: 8080, facts: new ResolvedFacts($"{_world.Repository}@{_world.Commit}", PinIsRegistryDigest: false, _world.Commit, Image: null));
        return _world.Backend.Compile(Given.Input(_id, revision with { Spec = revision.Spec with { Source = source } }, _world.Hash)).Running.Single();
    }

    private async Task PutAllAsync(IEnumerable<Resource> resources, RuntimeIdentity? id = null)
    {
        foreach (var resource in resources)
        {
            (await _world.Backend.PutAsync(id ?? _id, resource, default)).ShouldBeDone();
        }
    }

    /// <summary>As it settles: the double makes an app ready at a look.</summary>
    private async Task<SeenResource> AppAsync() => (await _world.Backend.ObserveAsync(_id, default)).Resources().Single(s => s.Kind == ResourceKind.Container);

    private async Task<int> RevisionsAsync(string app) => (await _world.Double.SendAsync(HttpMethod.Get, $"apps/{app}/revisions"))!.GetValue<int>();
}
