using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Faults.Tests.Simulated;
using static McpRuntime.Faults.Tests.Simulated.SimRecords;
using Fault = McpRuntime.Core.Planning.Fault;

namespace McpRuntime.Faults.Tests;

/// <summary>What the real turn promises of one record, in the simulated world.</summary>
[TestFixture]
internal sealed class LifeOfARecord
{
    private Simulation _world = null!;

    private RuntimeRecord Record => _world.Record;

    [SetUp]
    public void Start() => _world = new Simulation();

    [TearDown]
    public void End()
    {
        _world.Backend.Violations.Should().BeEmpty();
        _world.Dispose();
    }

    [Test]
    public void A_deployment_goes_pending_deploying_running_connected()
    {
        Deploy("v1");
        _world.Records.Statuses.Should().Equal(RuntimeStatus.Pending, RuntimeStatus.Deploying, RuntimeStatus.Running, RuntimeStatus.Connected);
        Record.Serving!.Generation.Should().Be(1);
        Record.NextTurnAt.Should().BeNull("a settled record waits for hints and the resync alone");
        _world[ConditionType.Ready].Should().Be(ConditionStatus.True);
        _world.Records.Events.Select(e => e.Kind).Should().Contain(["Resolved", "ImageStarted", "NetworkCreated", "ContainerCreated", "Promoted", "RouteCreated", "Verified"]);
    }

    [Test]
    public void A_turn_that_changes_nothing_writes_nothing()
    {
        Deploy("v1");
        var writes = _world.Records.Writes;
        for (var i = 0; i < 10; i++)
        {
            _world.Wake();
            _world.Settle();
            _world.Time.Advance(TimeSpan.FromMinutes(5));
        }

        _world.Records.Writes.Should().Be(writes);
    }

    [Test]
    public void A_look_that_was_asked_for_is_answered_even_when_nothing_changed()
    {
        Deploy("v1");
        var writes = _world.Records.Writes;
        _world.Records.Command(Simulation.Id, r => r);
        _world.Settle();
        _world.Records.Writes.Should().Be(writes + 1);
        Record.ObservedCommand.Should().Be(Record.CommandSequence);
    }

    [Test]
    public void A_server_that_runs_and_speaks_no_mcp_stays_running_and_is_never_connected()
    {
        _world.Prober.Verdicts["v1"] = HandshakeVerdict.Failed;
        Deploy("v1");
        _world.RunFor(TimeSpan.FromMinutes(30));
        Record.Status.Should().Be(RuntimeStatus.Running);
        _world[ConditionType.Verified].Should().Be(ConditionStatus.False);
        _world.Gateway.Created.Should().BeEmpty();
        _world.Records.Statuses.Should().NotContain(RuntimeStatus.Connected);
        Record.Serving.Should().BeNull();
    }

    [Test]
    public void A_server_that_challenges_counts_as_reachable()
    {
        _world.Prober.Verdicts["v1"] = HandshakeVerdict.Challenged;
        Deploy("v1");
        Record.Status.Should().Be(RuntimeStatus.Connected);
        _world.Condition(ConditionType.Verified).Reason.Should().Be("Challenged");
    }

    [Test]
    public void Without_registration_it_ends_running_and_ready()
    {
        _world.Records.Create(Simulation.Id, Spec("v1", gateway: false));
        _world.Settle();
        Record.Status.Should().Be(RuntimeStatus.Running);
        _world.Condition(ConditionType.GatewayRegistered).Reason.Should().Be("NotRequested");
        _world[ConditionType.Ready].Should().Be(ConditionStatus.True);
        Record.Serving!.Generation.Should().Be(1);
    }

    [Test]
    public void An_update_to_a_server_that_never_answers_leaves_the_old_one_serving_and_says_why()
    {
        Deploy("v1");
        _world.Prober.Verdicts["v2"] = HandshakeVerdict.Failed;
        _world.Records.Update(Simulation.Id, Spec("v2"));
        _world.Settle();
        Record.Serving!.Generation.Should().Be(1);
        Record.Asked.State.Should().Be(RevisionState.Failed);
        Record.Asked.FailedReason.Should().Be("HandshakeFailed");
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Record.ErrorMessage.Should().NotBeNullOrEmpty();
        Ids().Should().BeEquivalentTo(["c-v1-0", "image-v1", "net"], "what the failed generation left is surplus");
        _world[ConditionType.Stalled].Should().Be(ConditionStatus.True);
    }

    [Test]
    public void An_update_to_a_server_that_crashes_fails_after_five_crashes_and_the_old_one_serves_on([Values] bool volume)
    {
        _world.Records.Create(Simulation.Id, Spec("v1", volume));
        _world.Settle();
        _world.Records.Update(Simulation.Id, Spec("broken", volume));
        _world.Settle();
        Record.Asked.FailedReason.Should().Be("CrashLoop");
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Ids().Should().Contain("c-v1-0").And.NotContain("c-broken-0");
        _world.Backend.Effects.Count(e => e == "put c-broken-0").Should().Be(5);
    }

    [Test]
    public void A_first_deployment_that_crashes_is_an_error_and_is_tried_again_with_growing_pauses()
    {
        Deploy("broken", settle: false);
        _world.RunFor(TimeSpan.FromHours(1));
        Record.Status.Should().Be(RuntimeStatus.Error);
        _world.Condition(ConditionType.Stalled).Reason.Should().Be("CrashLoop");
        _world.Backend.Effects.Count(e => e == "put c-broken-0").Should().BeInRange(12, 25);
        _world.Records.Statuses.Should().NotContain(RuntimeStatus.Connected);
    }

    [Test]
    public void An_image_that_does_not_exist_fails_the_generation_and_is_not_asked_for_again()
    {
        Deploy("missing");
        Record.Status.Should().Be(RuntimeStatus.Error);
        Record.Asked.FailedReason.Should().Be("ImageNotFound");
        Record.NextTurnAt.Should().BeNull();
        _world.Backend.Effects.Should().Equal("resolve");
    }

    [Test]
    public void What_the_backend_refuses_by_its_compiler_fails_before_any_effect()
    {
        Deploy("refused");
        Record.Asked.FailedReason.Should().Be("NotHere");
        Record.Status.Should().Be(RuntimeStatus.Error);
    }

    [Test]
    public void A_put_that_is_refused_fails_the_new_generation_but_never_the_one_that_serves()
    {
        Deploy("v1");
        _world.Backend.Refusals[ResourceKind.Container] = new Fault(Core.Planning.FaultKind.Refused, "InvalidMount", "no");
        _world.Records.Update(Simulation.Id, Spec("v2"));
        _world.Settle();
        Record.Asked.State.Should().Be(RevisionState.Failed);
        Record.Serving!.Generation.Should().Be(1);

        _world.Backend.Kill("c-v1-0");
        _world.Wake();
        _world.RunFor(TimeSpan.FromMinutes(2));
        Record.Serving!.State.Should().Be(RevisionState.Serving);
        _world.Backend.Refusals.Clear();
        _world.RunFor(TimeSpan.FromMinutes(10));
        Record.Status.Should().Be(RuntimeStatus.Connected, "it is tried again when it serves, whatever the backend said");
    }

    [Test]
    public void While_a_new_generation_waits_for_approval_it_is_resolved_and_the_old_ones_drift_is_repaired()
    {
        Deploy("v1");
        _world.Records.Update(Simulation.Id, Spec("v2"), RevisionState.Pending);
        _world.Settle();
        Record.Asked.Facts.Should().NotBeNull();
        Ids().Should().NotContain("image-v2", "nothing is pulled before it is approved");
        _world.Condition(ConditionType.Approved).Reason.Should().Be("PendingApproval");
        Record.Status.Should().Be(RuntimeStatus.Connected);

        _world.Backend.Change("c-v1-0", _ => null);
        _world.Wake();
        _world.Settle();
        Ids().Should().Contain("c-v1-0");
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Record.Display.Restarts.Should().Be(1);
    }

    [Test]
    public void A_first_generation_that_waits_for_approval_is_pending_approval_and_puts_nothing()
    {
        _world.Records.Create(Simulation.Id, Spec("v1"));
        _world.Records.Command(Simulation.Id, r => r with { Asked = r.Asked with { State = RevisionState.Pending } });
        _world.Settle();
        Record.Status.Should().Be(RuntimeStatus.PendingApproval);
        _world.Backend.Objects.Should().BeEmpty();
        _world.Records.Command(Simulation.Id, r => r with { Hold = "alice: stop" });
        _world.Settle();
        _world.Backend.Objects.Should().BeEmpty("a brake creates nothing");
        Record.Status.Should().Be(RuntimeStatus.Stopped);
    }

    [Test]
    public void A_killed_container_is_started_again_at_once_and_counted()
    {
        Deploy("v1");
        var before = _world.Time.GetUtcNow();
        _world.Backend.Kill("c-v1-0");
        _world.Wake();
        _world.Settle();
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Record.Display.Restarts.Should().Be(1);
        (_world.Time.GetUtcNow() - before).Should().BeLessThan(TimeSpan.FromSeconds(3));
        _world.Records.Events.Select(e => e.Kind).Should().Contain("ContainerRestarted");
    }

    [Test]
    public void Drift_is_repaired_and_named()
    {
        Deploy("v1");
        _world.Backend.Change("c-v1-0", o => o with { Fingerprint = "edited by hand" });
        _world.Resync();
        _world.Settle();
        _world.Backend.Objects.Values.Single(o => o.Id == "c-v1-0").Fingerprint.Should().Be("v1#0");
        _world.Records.Events.Select(e => e.Kind).Should().Contain("DriftRepaired");
    }

    [Test]
    public void What_still_differs_after_two_puts_is_never_put_a_third_time()
    {
        Deploy("v1");
        _world.Backend.Stubborn["net"] = "something else";
        _world.Backend.Change("net", o => o with { Fingerprint = "something else" });
        var before = _world.Backend.Effects.Count(e => e == "put net");
        _world.Wake();
        _world.RunFor(TimeSpan.FromHours(3));
        for (var i = 0; i < 5; i++)
        {
            _world.Resync();
            _world.RunFor(TimeSpan.FromMinutes(15));
        }

        (_world.Backend.Effects.Count(e => e == "put net") - before).Should().Be(2);
        _world.Condition(ConditionType.Stalled).Reason.Should().Be("NotConverging");
        _world.Condition(ConditionType.Drifted).Status.Should().Be(ConditionStatus.True);
        Record.Status.Should().Be(RuntimeStatus.Connected, "what serves still serves");
    }

    [Test]
    public void A_server_that_once_passed_and_fails_three_probes_loses_verified_and_is_replaced_after_six()
    {
        Deploy("v1");
        var instance = Record.Memory.Verified["c-v1-0"];
        void Say(int failures)
        {
            _world.Prober.Say("c-v1-0", new Handshake(instance, HandshakeVerdict.Failed, failures, _world.Time.GetUtcNow(), "no answer"));
            _world.Wake();
            _world.RunFor(TimeSpan.FromSeconds(1));
        }

        Say(2);
        Record.Status.Should().Be(RuntimeStatus.Connected, "one lost probe is no news");
        Say(3);
        Record.Status.Should().Be(RuntimeStatus.Running);
        _world[ConditionType.Verified].Should().Be(ConditionStatus.False);
        Say(6);
        _world.Settle();
        _world.Backend.Deleted[$"{Simulation.Id}/c-v1-0"].Should().Be(1);
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Record.Display.Restarts.Should().Be(1);
    }

    [Test]
    public void A_restart_of_the_service_does_not_lose_connected()
    {
        Deploy("v1");
        var statuses = _world.Records.Statuses.Count;
        _world.Prober.LoseMemory();
        _world.Resync();
        _world.Wake();
        _world.Settle();
        _world.Records.Statuses.Should().HaveCount(statuses);
        Record.Status.Should().Be(RuntimeStatus.Connected);
    }

    [Test]
    public void A_backend_that_is_away_is_not_touched_and_is_told_after_three_looks_and_heals_by_itself()
    {
        Deploy("v1");
        var effects = _world.Backend.Effects.Count;
        _world.Backend.IsAway = true;
        _world.Wake();
        _world.RunFor(TimeSpan.FromSeconds(2));
        Record.Status.Should().Be(RuntimeStatus.Connected, "one failed look is no news");
        _world.RunFor(TimeSpan.FromMinutes(10));
        Record.Status.Should().Be(RuntimeStatus.Error);
        _world[ConditionType.Available].Should().Be(ConditionStatus.Unknown);
        _world.Backend.Effects.Should().HaveCount(effects);

        _world.Backend.IsAway = false;
        _world.RunFor(TimeSpan.FromSeconds(31));
        Record.Status.Should().Be(RuntimeStatus.Connected);
        _world.Backend.Effects.Should().HaveCount(effects);
        _world.Settle();
    }

    [Test]
    public void A_gateway_that_is_away_never_blocks_stopping_or_removing_containers_but_blocks_the_tombstone()
    {
        Deploy("v1");
        _world.Gateway.IsAway = true;
        _world.Records.Command(Simulation.Id, r => r with { Desired = DesiredState.Stopped });
        _world.RunFor(TimeSpan.FromMinutes(1));
        Ids().Should().NotContain("c-v1-0");
        Record.Status.Should().Be(RuntimeStatus.Stopped);

        _world.Records.Command(Simulation.Id, r => r with { DeleteRequested = true });
        _world.RunFor(TimeSpan.FromMinutes(10));
        _world.Backend.Objects.Should().BeEmpty();
        Record.IsTombstone.Should().BeFalse("its route may still be there");

        _world.Gateway.IsAway = false;
        _world.Settle();
        Record.IsTombstone.Should().BeTrue();
        _world.Gateway.Objects.Should().BeEmpty();
    }

    [Test]
    public void A_secret_that_cannot_be_read_is_told_and_waited_for_and_nothing_is_touched_meanwhile()
    {
        _world.Records.Create(Simulation.Id, Spec("v1", secret: true));
        _world.Settle();
        var effects = _world.Backend.Effects.Count;
        _world.Records.SecretsAway = true;
        _world.Wake();
        _world.RunFor(TimeSpan.FromMinutes(5));
        _world.Backend.Effects.Should().HaveCount(effects);
        Record.Status.Should().Be(RuntimeStatus.Connected, "what runs was not changed");
        _world.Condition(ConditionType.Stalled).Reason.Should().Be("EnvironmentUnreadable");

        _world.Records.Command(Simulation.Id, r => r with { DeleteRequested = true });
        _world.Settle();
        Record.IsTombstone.Should().BeTrue("a deletion needs no secret");
    }

    [Test]
    public void A_server_that_dies_while_its_secret_cannot_be_read_is_not_called_connected()
    {
        _world.Records.Create(Simulation.Id, Spec("v1", secret: true));
        _world.Settle();
        _world.Records.SecretsAway = true;
        _world.Backend.Kill("c-v1-0");
        _world.Wake();
        _world.RunFor(TimeSpan.FromMinutes(1));
        Record.Status.Should().NotBe(RuntimeStatus.Connected);
        _world.Condition(ConditionType.Available).Status.Should().Be(ConditionStatus.False);
        _world.Condition(ConditionType.Available).Reason.Should().Be("EnvironmentUnreadable");

        _world.Records.SecretsAway = false;
        _world.Wake();
        _world.Settle();
        Record.Status.Should().Be(RuntimeStatus.Connected);
    }

    [Test]
    public void A_deletion_takes_everything_along_and_keeps_the_volumes_when_asked_to([Values] bool keep)
    {
        _world.Records.Create(Simulation.Id, Spec("v1", volume: true));
        _world.Settle();
        _world.Records.Command(Simulation.Id, r => r with { DeleteRequested = true, KeepVolumes = keep });
        _world.Settle();
        Record.IsTombstone.Should().BeTrue();
        Record.Status.Should().Be(RuntimeStatus.Deleted);
        Ids().Should().BeEquivalentTo(keep ? ["vol-data"] : Array.Empty<string>());
        _world.Gateway.Objects.Should().BeEmpty();
    }

    [Test]
    public void What_is_slow_to_go_is_looked_after_without_growing_pauses()
    {
        Deploy("v1");
        _world.Backend.Lingering["c-v1-0"] = 12;
        var began = _world.Time.GetUtcNow();
        _world.Records.Command(Simulation.Id, r => r with { DeleteRequested = true });
        _world.Settle();

        Record.IsTombstone.Should().BeTrue();
        (_world.Time.GetUtcNow() - began).Should().BeLessThan(TimeSpan.FromSeconds(40), "a cluster that takes twelve looks to remove it is not looked at once in five minutes");
    }

    [Test]
    public void Deleting_while_pulling_leaves_nothing_and_deleting_what_is_gone_succeeds()
    {
        Deploy("v1", settle: false);
        _world.RunFor(TimeSpan.FromSeconds(1));
        Ids().Should().Equal("image-v1");
        _world.Records.Command(Simulation.Id, r => r with { DeleteRequested = true });
        _world.Settle();
        _world.Backend.Objects.Should().BeEmpty();
        Record.IsTombstone.Should().BeTrue();
    }

    [Test]
    public void A_volume_outlives_the_update_that_no_longer_asks_for_it()
    {
        _world.Records.Create(Simulation.Id, Spec("v1", volume: true));
        _world.Settle();
        _world.Records.Update(Simulation.Id, Spec("v2", volume: false));
        _world.Settle();
        Ids().Should().Contain("vol-data", "it is data; only a deletion removes it");
    }

    [Test]
    public void A_change_of_the_tool_definitions_under_one_generation_is_told()
    {
        Deploy("v1");
        var instance = Record.Memory.Verified["c-v1-0"];
        void Say(string hash)
        {
            _world.Prober.Say("c-v1-0", new Handshake(instance, HandshakeVerdict.Passed, 0, _world.Time.GetUtcNow(), ToolsHash: hash));
            _world.Wake();
            _world.Settle();
        }

        Say("one");
        _world[ConditionType.ToolsDrifted].Should().Be(ConditionStatus.False);
        Say("two");
        _world[ConditionType.ToolsDrifted].Should().Be(ConditionStatus.True);
        _world.Records.Events.Select(e => e.Kind).Should().Contain("ToolsDrifted");
    }

    [Test]
    public void Without_the_lease_nothing_is_done_and_nothing_is_told()
    {
        _world.Records.Create(Simulation.Id, Spec("v1"));
        _world.Lease.Current = null;
        _world.TakeTurn();
        _world.Backend.Effects.Should().BeEmpty();
        _world.Records.Writes.Should().Be(0);
    }

    [Test]
    public void A_lease_that_lapses_during_the_look_stops_the_effect()
    {
        _world.Records.Create(Simulation.Id, Spec("v1"));
        _world.Lease.LapsesAfter = 1;
        _world.TakeTurn();
        _world.Backend.Effects.Should().BeEmpty();
        _world.Records.Writes.Should().Be(0);
    }

    [Test]
    public async Task An_orphan_is_removed_after_its_grace_time_but_never_its_volumes()
    {
        Deploy("v1");
        const string Stranger = "01zzzzzzzzzzzzzzzzzzzzzzzz";
        var id = new RuntimeIdentity("inst", Stranger);
        await _world.Backend.PutAsync(id, new Resource("orphan-net", ResourceKind.Network, "n", [], 1, new SimBody([])), default);
        await _world.Backend.PutAsync(id, new Resource("orphan-vol", ResourceKind.Volume, "v", [], 1, new SimBody([])), default);
        _world.Resync().Should().BeTrue("it is to be looked at again after the grace time");
        Ids().Should().Contain("orphan-net");
        _world.Time.Advance(TimeSpan.FromSeconds(59));
        _world.Resync();
        Ids().Should().Contain("orphan-net");
        _world.Time.Advance(TimeSpan.FromSeconds(2));
        _world.Resync().Should().BeFalse();
        Ids().Should().NotContain("orphan-net").And.Contain("orphan-vol").And.Contain("c-v1-0");
    }

    [Test]
    public void A_list_that_fails_makes_no_orphans_and_removes_nothing()
    {
        Deploy("v1");
        _world.Backend.IsAway = true;
        _world.Resync();
        _world.Time.Advance(TimeSpan.FromMinutes(5));
        _world.Resync();
        _world.Backend.IsAway = false;
        Ids().Should().Contain("c-v1-0");
        _world.Backend.Effects.Should().NotContain(e => e.StartsWith("remove", StringComparison.Ordinal));
    }

    private void Deploy(string image, bool settle = true)
    {
        _world.Records.Create(Simulation.Id, Spec(image));
        if (settle)
        {
            _world.Settle();
        }
    }

    private IEnumerable<string> Ids() => _world.Backend.Objects.Values.Select(o => o.Id);
}
