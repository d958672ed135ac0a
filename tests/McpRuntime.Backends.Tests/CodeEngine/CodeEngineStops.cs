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
        (await AppAsync())!.Fingerprint.Should().NotBe(parked.Fingerprint, "the older revision serves, and perhaps keeps an instance");

        (await _world.Backend.PutAsync(_id, parked, default)).ShouldBeDone();

        (await AppAsync()).Should().BeNull("an app that is gone is stopped, and a stop makes nothing");
        await _world.Double.ScriptAsync(new { Contains = "probe" });
        (await _world.Backend.PutAsync(_id, _compiled.Running[^1], default)).ShouldBeDone();
        (await AppAsync())!.Health.Should().Be(Health.Serving);
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

    private async Task<SeenResource?> AppAsync() => (await _world.Backend.ObserveAsync(_id, default)).Resources().SingleOrDefault(s => s.Kind == ResourceKind.Container);
}
