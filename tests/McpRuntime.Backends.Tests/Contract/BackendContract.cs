using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.Contract;

/// <summary>What every backend promises. A new backend passes this by giving it a world.</summary>
public abstract class BackendContract
{
    private IContractWorld _world = null!;

    private IBackend Backend => _world.Backend;

    protected abstract Task<IContractWorld> OpenAsync();

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld()
    {
        if (_world is not null)
        {
            await _world.DisposeAsync();
        }
    }

    [Test]
    public async Task Putting_everything_twice_is_putting_it_once()
    {
        await using var runtime = await DeployAsync();
        var once = await _world.TrueStateAsync(runtime.Id);

        await runtime.PutAllAsync();

        (await _world.TrueStateAsync(runtime.Id)).Should().BeEquivalentTo(once);
    }

    [Test]
    public async Task What_was_put_is_seen_and_equal_to_what_was_asked()
    {
        await using var runtime = await DeployAsync();

        var seen = await runtime.SeeAsync();

        seen.Select(s => (s.Id, s.Kind, s.Fingerprint)).Should().BeEquivalentTo(runtime.Compiled.Running.Select(r => (r.Id, r.Kind, r.Fingerprint)));
        var container = seen.Single(s => s.Kind == ResourceKind.Container);
        container.Health.Should().Be(Health.Serving);
        container.Instance.Should().NotBeEmpty();
        container.Address!.Port.Should().Be(_world.Traits.Port ?? container.Address.Port);
    }

    [Test]
    public async Task Observing_changes_nothing()
    {
        await using var runtime = await DeployAsync();
        var before = await _world.TrueStateAsync(runtime.Id);

        for (var i = 0; i < 3; i++)
        {
            _ = await runtime.SeeAsync();
            _ = await Backend.ObserveAllAsync(default);
        }

        (await _world.TrueStateAsync(runtime.Id)).Should().BeEquivalentTo(before);
    }

    [Test]
    public async Task The_list_of_all_says_the_same_as_a_look_at_one()
    {
        await using var runtime = await DeployAsync();

        var all = (await Backend.ObserveAllAsync(default)).Match(known => known.ByRecord, unknown => throw new AssertionException(unknown.Fault.Message));

        all[runtime.Id.RecordId].Select(s => (s.Id, s.Fingerprint, s.Instance, s.Health))
            .Should().BeEquivalentTo((await runtime.SeeAsync()).Select(s => (s.Id, s.Fingerprint, s.Instance, s.Health)));
    }

    [Test]
    public async Task Removing_what_is_not_there_is_a_success()
    {
        var id = Given.Identity(_world.InstanceId);
        foreach (var resource in (await CompileAsync(id)).Running.Reverse())
        {
            (await Backend.RemoveAsync(id, resource.Id, resource.Kind, default)).ShouldBeDone();
        }
    }

    [Test]
    public async Task Nothing_is_left_after_everything_was_removed()
    {
        var runtime = await DeployAsync();

        await runtime.DisposeAsync();

        (await runtime.SeeAsync()).Should().BeEmpty();
        (await _world.TrueStateAsync(runtime.Id)).Should().BeEmpty();
    }

    [Test]
    public async Task What_is_not_ours_is_neither_seen_nor_touched()
    {
        await using var runtime = await DeployAsync();
        var foreign = await _world.MakeForeignAsync(runtime.Id);

        await runtime.PutAllAsync();
        var seen = await runtime.SeeAsync();
        await runtime.DisposeAsync();

        seen.Should().HaveCount(runtime.Compiled.Running.Count);
        (await _world.ForeignIsUntouchedAsync(foreign)).Should().BeTrue();
    }

    [Test]
    public async Task Another_installation_on_the_same_backend_is_not_seen_and_its_things_are_not_removed()
    {
        await using var runtime = await DeployAsync();
        var other = runtime.Id with { InstanceId = "another-installation" };

        var seen = (await Backend.ObserveAsync(other, default)).Resources();
        var container = runtime.Compiled.Running.Single(r => r.Kind == ResourceKind.Container);
        var outcome = await Backend.RemoveAsync(other, container.Id, container.Kind, default);

        seen.Should().BeEmpty();
        outcome.ShouldBeFault().Kind.Should().Be(FaultKind.Refused);
        (await runtime.SeeAsync()).Should().HaveCount(runtime.Compiled.Running.Count);
    }

    [Test]
    public async Task Unreachable_is_unknown_and_never_empty()
    {
        var id = Given.Identity(_world.InstanceId);
        var compiled = await CompileAsync(id);

        var one = await _world.Unreachable.ObserveAsync(id, default);
        var all = await _world.Unreachable.ObserveAllAsync(default);
        var put = await _world.Unreachable.PutAsync(id, compiled.Running[^1], default);
        var check = await _world.Unreachable.CheckAsync(default);

        one.Should().BeOfType<ProviderView.Unknown>();
        all.Should().BeOfType<OwnedView.Unknown>();
        put.ShouldBeFault().Kind.Should().Be(FaultKind.Transient);
        check.Reachable.Should().BeFalse();
        check.Message.Should().NotBeEmpty();
    }

    [Test]
    public async Task A_container_that_was_killed_is_seen_so_and_put_again_as_another_incarnation()
    {
        await using var runtime = await DeployAsync();
        var before = await runtime.ContainerAsync();
        await _world.KillAsync(before.Id);

        var dead = await runtime.ContainerAsync();
        (await Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();
        var after = await runtime.SettledAsync();

        dead.Health.Should().Be(Health.Failed);
        dead.Address.Should().BeNull();
        dead.ExitCode.Should().Be(137);
        after.Health.Should().Be(Health.Serving);
        after.Instance.Should().NotBe(before.Instance);
        after.Fingerprint.Should().Be(before.Fingerprint);
    }

    [Test]
    public async Task A_container_that_was_removed_by_hand_is_missing_and_put_again()
    {
        await using var runtime = await DeployAsync();
        await _world.RemoveByHandAsync(runtime.Container.Id);

        (await runtime.SeeAsync()).Should().NotContain(s => s.Kind == ResourceKind.Container);
        (await Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();

        (await runtime.SettledAsync()).Health.Should().Be(Health.Serving);
    }

    [Test]
    public async Task A_limit_loosened_by_hand_is_seen_named_and_repaired_in_place()
    {
        await using var runtime = await DeployAsync();
        var before = await runtime.ContainerAsync();
        await _world.EditByHandAsync(before.Id);

        var drifted = await runtime.ContainerAsync();
        (await Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();
        var after = await runtime.SettledAsync();

        drifted.Fingerprint.Should().NotBe(before.Fingerprint);
        drifted.DifferingField.Should().ContainEquivalentOf("memory");
        drifted.RepairableInPlace.Should().BeTrue();
        after.Fingerprint.Should().Be(before.Fingerprint);
        (after.Instance == before.Instance).Should().Be(_world.Traits.EditsInPlace);
    }

    [Test]
    public async Task A_container_paused_by_hand_differs_and_goes_on()
    {
        await using var runtime = await DeployAsync();
        var field = await _world.PauseByHandAsync(runtime.Container.Id);

        var paused = await runtime.ContainerAsync();
        (await Backend.PutAsync(runtime.Id, runtime.Container, default)).ShouldBeDone();

        paused.Fingerprint.Should().NotBe(runtime.Container.Fingerprint);
        paused.DifferingField.Should().Be(field);
        (await runtime.SettledAsync()).Fingerprint.Should().Be(runtime.Container.Fingerprint);
    }

    [Test]
    public async Task Every_control_called_enforced_is_read_back_as_held_with_what_was_observed()
    {
        await using var runtime = await DeployAsync();

        var controls = (await runtime.ContainerAsync()).Controls.ToDictionary(c => c.Control);

        controls.Keys.Should().BeEquivalentTo(Enum.GetValues<Control>());
        foreach (var asked in runtime.Compiled.Report.Where(r => r.Outcome == ControlOutcome.Enforced && controls[r.Control].Outcome != ControlOutcome.NotAsked))
        {
            controls[asked.Control].Outcome.Should().Be(ControlOutcome.Enforced, because: controls[asked.Control].ToString());
            controls[asked.Control].Observed.Should().NotBeNullOrEmpty();
        }
    }

    [Test]
    public async Task A_restart_is_another_container_beside_the_old_one()
    {
        await using var runtime = await DeployAsync();

        var restarted = Backend.Compile(Given.Input(runtime.Id, runtime.Revision, _world.Hash, restart: 1));
        var container = restarted.Running.Single(r => r.Kind == ResourceKind.Container);
        (await Backend.PutAsync(runtime.Id, container, default)).ShouldBeDone();
        await Eventually.HoldsAsync(async () => (await runtime.SeeAsync()).All(s => s.Health != Health.Starting));

        (await runtime.SeeAsync()).Where(s => s.Kind == ResourceKind.Container).Should().HaveCount(2).And.OnlyContain(s => s.Health == Health.Serving);
        await Backend.RemoveWholeAsync(runtime.Id, container);
    }

    [Test]
    public async Task Lines_of_both_streams_come_in_the_order_they_were_written()
    {
        await using var runtime = await DeployAsync(command: ["lines", "40"]);
        var all = new LogQuery(1000, null, null, null, null, Follow: false);
        await Eventually.HoldsAsync(async () => (await LinesAsync(runtime.Id, all)).Count == 40);

        var lines = await LinesAsync(runtime.Id, all);
        var tail = await LinesAsync(runtime.Id, all with { Tail = 5 });
        var errors = await LinesAsync(runtime.Id, all with { Stream = LogStream.Stderr });
        var later = await LinesAsync(runtime.Id, all with { Since = lines[30].At });

        lines.Select(l => l.Text).Should().Equal(Enumerable.Range(0, 40).Select(i => $"line {i}"));
        lines.Should().BeInAscendingOrder(l => l.At);
        lines.Where((_, i) => i % 2 == 1).Should().OnlyContain(l => !_world.Traits.SeparatesStreams || l.Stream == LogStream.Stderr);
        tail.Select(l => l.Text).Should().Equal(Enumerable.Range(35, 5).Select(i => $"line {i}"));
        errors.Should().HaveCount(_world.Traits.SeparatesStreams ? 20 : 40);
        later.Select(l => l.Text).Should().Equal(Enumerable.Range(30, 10).Select(i => $"line {i}"));
    }

    [Test]
    public async Task An_event_on_a_container_is_a_hint_for_its_record()
    {
        await using var runtime = await DeployAsync();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var hints = Backend.HintsAsync(stop.Token).GetAsyncEnumerator(stop.Token);
        var heard = HearsAsync(hints, runtime.Id.RecordId);
        while (!heard.IsCompleted)
        {
            // Killed again and again: the listener may still be connecting.
            await _world.KillAsync(runtime.Container.Id);
            _ = await Task.WhenAny(heard, Task.Delay(TimeSpan.FromMilliseconds(200), stop.Token));
            _ = await Backend.PutAsync(runtime.Id, runtime.Container, stop.Token);
        }

        (await heard).Should().BeTrue();
        await stop.CancelAsync();
    }

    /// <summary>Among those for others of this installation, which may still be on their way out.</summary>
    private static async Task<bool> HearsAsync(IAsyncEnumerator<string> hints, string record)
    {
        while (await hints.MoveNextAsync())
        {
            if (hints.Current == record)
            {
                return true;
            }
        }

        return false;
    }

    [Test]
    public async Task Volumes_outlive_the_container_and_are_listed_as_owned()
    {
        if (!_world.Traits.Volumes)
        {
            var refused = Backend.Compile(Given.Input(Given.Identity(_world.InstanceId), await ResolvedAsync(null, ["/data"]), _world.Hash)).Refused;
            refused!.Message.Should().Contain("/data");
            (await Backend.ListVolumesAsync(default)).Should().BeEmpty();
            return;
        }

        await using var runtime = await DeployAsync(volumes: ["/data"]);
        (await Backend.RemoveAsync(runtime.Id, runtime.Container.Id, ResourceKind.Container, default)).ShouldBeDone();

        var owned = await Backend.ListVolumesAsync(default);
        var volume = owned.Single(v => v.RecordId == runtime.Id.RecordId);

        volume.Path.Should().Be("/data");
        runtime.Compiled.Rollout.Should().Be(Rollout.Recreate);
        (await Backend.RemoveVolumeAsync(volume.Id, default)).ShouldBeDone();
        (await Backend.RemoveVolumeAsync(volume.Id, default)).ShouldBeDone();
        (await Backend.ListVolumesAsync(default)).Should().NotContain(v => v.RecordId == runtime.Id.RecordId);
    }

    [Test]
    public async Task The_report_says_something_of_every_control()
    {
        var report = Backend.Report(Given.Restricted, null);

        report.Select(r => r.Control).Should().BeEquivalentTo(Enum.GetValues<Control>());
        report.Where(r => r.Outcome == ControlOutcome.Enforced).Should().OnlyContain(r => r.Where != null);
        report.Where(r => r.Outcome is ControlOutcome.Weakened or ControlOutcome.Refused && r.Message is null).Should().BeEmpty();
        (await Backend.CheckAsync(default)).Reachable.Should().BeTrue();
    }

    private async Task<List<LogLine>> LinesAsync(RuntimeIdentity id, LogQuery query)
    {
        List<LogLine> lines = [];
        await foreach (var line in Backend.LogsAsync(id, query, default))
        {
            // What the backend itself says of the server stands under the backend's own name.
            if (line.Service != Backend.Name)
            {
                lines.Add(line);
            }
        }

        return lines;
    }

    private async Task<Compiled> CompileAsync(RuntimeIdentity id) => Backend.Compile(Given.Input(id, await ResolvedAsync(null, null), _world.Hash));

    private async Task<Revision> ResolvedAsync(IReadOnlyList<string>? command, IReadOnlyList<string>? volumes)
    {
        var revision = Given.Revision(_world.Image, command: command, volumes: volumes, port: 8080);
        var facts = (await Backend.ResolveAsync(revision, default)).Match(r => r.Facts, f => throw new AssertionException(f.Fault.ToString()));
        return revision with { Facts = facts };
    }

    private async Task<Deployed> DeployAsync(IReadOnlyList<string>? command = null, IReadOnlyList<string>? volumes = null)
    {
        var id = Given.Identity(_world.InstanceId);
        var revision = await ResolvedAsync(command, volumes);
        var environment = new Dictionary<string, SecretText>(StringComparer.Ordinal) { ["API_KEY"] = new("c4n4ry"), ["EMPTY"] = new("") };
        var compiled = Backend.Compile(Given.Input(id, revision, _world.Hash, environment));
        compiled.Refused.Should().BeNull();
        compiled.Complete.Should().BeTrue();
        var deployed = new Deployed(Backend, id, revision, compiled);
        await deployed.PutAllAsync();
        _ = await deployed.SettledAsync();
        return deployed;
    }

    private sealed class Deployed(IBackend backend, RuntimeIdentity id, Revision revision, Compiled compiled) : IAsyncDisposable
    {
        public RuntimeIdentity Id => id;

        public Revision Revision => revision;

        public Compiled Compiled => compiled;

        public Resource Container => compiled.Running.Single(r => r.Kind == ResourceKind.Container);

        public async Task PutAllAsync()
        {
            foreach (var resource in compiled.Running)
            {
                (await backend.PutAsync(id, resource, default)).ShouldBeDone();
            }
        }

        public async Task<IReadOnlyList<SeenResource>> SeeAsync() => (await backend.ObserveAsync(id, default)).Resources();

        public async Task<SeenResource> ContainerAsync() => (await SeeAsync()).Single(s => s.Kind == ResourceKind.Container);

        /// <summary>Once it is no longer starting.</summary>
        public async Task<SeenResource> SettledAsync()
        {
            await Eventually.HoldsAsync(async () => await ContainerAsync() is { Health: not Health.Starting });
            return await ContainerAsync();
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var resource in compiled.Running.Reverse())
            {
                await backend.RemoveWholeAsync(id, resource);
            }
        }
    }
}

internal static class Removal
{
    /// <summary>Asked again while it is under way, as the planner does; in the end it must say that it is done.</summary>
    public static async Task RemoveWholeAsync(this IBackend backend, RuntimeIdentity id, Resource resource)
    {
        Outcome outcome = new Outcome.Done();
        await Eventually.HoldsAsync(async () => (outcome = await backend.RemoveAsync(id, resource.Id, resource.Kind, default)) is not Outcome.InProgress);
        outcome.ShouldBeDone();
    }
}

internal static class Eventually
{
    /// <summary>Asks until it holds; 20 s are for a machine that does much else.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, TimeSpan? atMost = null)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            TimeProvider.System.GetElapsedTime(deadline).Should().BeLessThan(atMost ?? TimeSpan.FromSeconds(20), because: "the condition should have come to hold");
            await Task.Delay(TimeSpan.FromMilliseconds(50));
        }
    }
}
