using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>Stopped and started again, when the platform's revisions do not get ready as they should.</summary>
[Category("Doubles")]
public sealed class CodeEngineStops
{
    private CodeEngineWorld _world = null!;
    private RuntimeIdentity _id = null!;
    private Compiled _compiled = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [TearDown]
    public Task LetGo() => _world.LetGoAsync();

    [SetUp]
    public async Task ResetWorld()
    {
        await _world.ResetAsync();
        _id = Given.Identity(_world.InstanceId);
        _compiled = await new CodeEngineLife(_world).CompileAsync(_world.Backend, _id);
        foreach (var resource in _compiled.Running)
        {
            (await _world.Backend.PutAsync(_id, resource, default)).ShouldBeDone();
        }

        (await AppAsync())!.Health.Should().Be(Health.Serving);
    }

    [Test]
    public async Task An_app_whose_stopped_revision_does_not_get_ready_is_deleted_since_the_one_before_it_would_serve_on()
    {
        await _world.Double.ScriptAsync(new { Contains = "probe", Reason = "container_failed_exit_code_1", FromRevision = 2 });
        var parked = _compiled.Stopped[^1];
        (await _world.Backend.PutAsync(_id, parked, default)).ShouldBeDone();
        var failed = (await AppAsync())!;
        failed.Fingerprint.Should().NotBe(parked.Fingerprint, "the older revision serves, and perhaps keeps an instance");
        failed.Health.Should().Be(Health.Starting, "what serves is not stopped");

        (await _world.Backend.PutAsync(_id, parked, default)).ShouldBeDone();

        (await AppAsync()).Should().BeNull("an app that is gone is stopped, and a stop makes nothing");
        await _world.Double.ScriptAsync(new { Contains = "probe" });
        (await _world.Backend.PutAsync(_id, _compiled.Running[^1], default)).ShouldBeDone();
        (await AppAsync())!.Health.Should().Be(Health.Serving);
    }

    [Test]
    public async Task An_app_that_still_shows_the_status_of_before_its_stop_is_not_deleted_for_what_another_revision_came_to()
    {
        await _world.Double.ScriptAsync(new { Contains = "probe", Reason = "container_failed_exit_code_1", FromRevision = 2 });
        await _world.EditByHandAsync(_compiled.Endpoint!.ContainerId);
        (await AppAsync())!.Message.Should().Contain("-00001 serves").And.Contain("-00002 did not get ready");
        await _world.Double.ScriptAsync(new { Contains = "probe", FromRevision = 3 });
        await _world.Double.SwitchAsync(new { StatusLagsReads = 3 });
        var parked = _compiled.Stopped[^1];
        (await _world.Backend.PutAsync(_id, parked, default)).ShouldBeDone();

        // What is shown is of -00002; the stopped -00003 gets ready.
        var outcome = await _world.Backend.PutAsync(_id, parked, default);

        outcome.Should().BeOfType<Outcome.InProgress>();
        await CodeEngineLife.UntilAsync(async () => await AppAsync() is { Health: Health.Stopped } app && app.Fingerprint == parked.Fingerprint, "the stopped revision is the one that is there");
    }

    [Test]
    public async Task An_app_is_not_told_as_stopped_while_the_revision_before_the_stopped_one_serves()
    {
        await _world.Double.SwitchAsync(new { ReadyAfterReads = 3 });
        (await _world.Backend.PutAsync(_id, _compiled.Stopped[^1], default)).ShouldBeDone();

        var during = (await AppAsync())!;

        during.Health.Should().Be(Health.Starting);
        during.Address.Should().BeNull();
        during.Message.Should().Contain("-00001 still serves").And.Contain("-00002").And.Contain("being deployed");
        await CodeEngineLife.UntilAsync(async () => (await AppAsync())!.Health is Health.Stopped, "it is stopped");
    }

    [TestCase("400")]
    [TestCase("403")]
    [TestCase("429")]
    [TestCase("503")]
    public async Task A_stop_is_not_held_up_by_old_revisions_that_cannot_be_removed(string trouble)
    {
        var app = _compiled.Endpoint!.ContainerId;
        await LeaveRevisionsAsync(app, 3);
        await _world.Double.TroubleAsync($"DELETE /apps/{app}/revisions", trouble, times: 100);

        // Its own: the pause that a 429 asks for is kept by whoever was asked.
        (await _world.Make(_world.Options).PutAsync(_id, _compiled.Stopped[^1], default)).ShouldBeDone();

        (await _world.Double.StateAsync())["apps"]!.AsArray().Single()!["scale_min_instances"]!.GetValue<int>().Should().Be(0);
        (await _world.Double.TroubledAsync()).Should().Be(1, "what fails once is left for the next change");
        await _world.Double.NoMoreTroubleAsync();
    }

    [Test]
    public async Task A_change_removes_a_few_of_many_old_revisions()
    {
        var app = _compiled.Endpoint!.ContainerId;
        await LeaveRevisionsAsync(app, 12);
        await _world.Double.ForgetCallsAsync();

        (await _world.Backend.PutAsync(_id, _compiled.Stopped[^1], default)).ShouldBeDone();

        (await _world.Double.CallsAsync()).Count(call => call.StartsWith("DELETE ", StringComparison.Ordinal)).Should().Be(5);
    }

    [Test]
    public async Task While_a_newer_revision_is_being_deployed_the_older_one_serves()
    {
        var before = (await AppAsync())!;
        await _world.Double.SwitchAsync(new { ReadyAfterReads = 3 });
        await _world.EditByHandAsync(_compiled.Endpoint!.ContainerId);

        var during = (await AppAsync())!;

        during.Health.Should().Be(Health.Serving);
        during.Instance.Should().Be(before.Instance);
        during.Address.Should().Be(before.Address);
        during.Message.Should().Contain("-00001 serves").And.Contain("-00002 is being deployed");
        await CodeEngineLife.UntilAsync(async () => (await AppAsync())!.Message is null, "the newer revision serves");
        (await AppAsync())!.Instance.Should().NotBe(before.Instance);
    }

    private async Task LeaveRevisionsAsync(string app, int count)
    {
        for (var i = 0; i < count; i++)
        {
            await _world.EditByHandAsync(app, i % 2 == 0 ? "2G" : "4G");
        }

        _ = await AppAsync();
    }

    private async Task<SeenResource?> AppAsync() => (await _world.Backend.ObserveAsync(_id, default)).Resources().SingleOrDefault(s => s.Kind == ResourceKind.Container);
}
