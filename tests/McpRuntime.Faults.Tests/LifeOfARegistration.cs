using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Faults.Tests.Simulated;
using static McpRuntime.Faults.Tests.Simulated.SimRecords;
using Fault = McpRuntime.Core.Planning.Fault;
using PlannedFaultKind = McpRuntime.Core.Planning.FaultKind;

namespace McpRuntime.Faults.Tests;

/// <summary>What the real turn promises of a registration in an outer gateway, in the simulated world.</summary>
[TestFixture]
internal sealed class LifeOfARegistration
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);

    private Simulation _world = null!;

    private RuntimeRecord Record => _world.Record;

    private SimRegistry Outer => _world.Gateway.Registrations!;

    [SetUp]
    public void Start() => _world = new Simulation(outer: true);

    [TearDown]
    public void End()
    {
        _world.Backend.Violations.Should().BeEmpty();
        _world.Dispose();
    }

    [Test]
    public void It_is_on_while_it_runs_off_while_stopped_and_gone_with_the_runtime()
    {
        Deploy();
        Outer.Ours!.Fingerprint.Should().Be("registration:demo:on");
        Record.Display.GatewayId.Should().Be("outer-id");

        Ask(r => r with { Desired = DesiredState.Stopped });
        Record.Status.Should().Be(RuntimeStatus.Stopped);
        Outer.Ours!.Fingerprint.Should().Be("registration:demo:off");

        Ask(r => r with { Desired = DesiredState.Running });
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Outer.Ours!.Fingerprint.Should().Be("registration:demo:on");

        Ask(r => r with { DeleteRequested = true });
        Record.IsTombstone.Should().BeTrue();
        Outer.Ours.Should().BeNull();
        Outer.Created.Values.Should().Equal(1);
    }

    [Test]
    public void What_is_edited_or_deleted_there_by_hand_is_put_right()
    {
        Deploy();
        Outer.Change(SimRegistry.Id, o => o with { Fingerprint = "renamed" });
        _world.Resync();
        _world.Settle();
        Outer.Ours!.Fingerprint.Should().Be("registration:demo:on");

        Outer.Change(SimRegistry.Id, _ => null);
        _world.Resync();
        _world.Settle();
        Outer.Ours!.Fingerprint.Should().Be("registration:demo:on");
        Record.Status.Should().Be(RuntimeStatus.Connected);
    }

    [Test]
    public void A_week_without_the_outer_gateway_stops_nothing_and_ends_with_the_registry_as_the_records_say()
    {
        Outer.IsAway = true;
        _world.Records.Create(Simulation.Id, Spec("v1"));
        _world.RunFor(TimeSpan.FromMinutes(5));
        Record.Status.Should().Be(RuntimeStatus.Running, "it runs and is reached here; it is only not registered there");
        _world.Condition(ConditionType.GatewayRegistered).Should().Match<Condition>(c => c.Status == ConditionStatus.Unknown && c.Message.Contains("simulated"));
        Record.ErrorMessage.Should().Contain("simulated");

        _world.RunFor(Week);
        Record.Status.Should().Be(RuntimeStatus.Running);
        var container = _world.Backend.Objects.Values.Single(o => o.Kind is ResourceKind.Container);
        _world.Backend.Change(container.Id, o => o with { Started = false });
        _world.Wake();
        _world.RunFor(TimeSpan.FromMinutes(2));
        _world.Backend.Objects.Values.Single(o => o.Kind is ResourceKind.Container).Started.Should().BeTrue("what runs is repaired meanwhile");

        AskAway(r => r with { Desired = DesiredState.Stopped });
        Record.Status.Should().Be(RuntimeStatus.Stopped);
        AskAway(r => r with { Desired = DesiredState.Running });
        Record.Status.Should().Be(RuntimeStatus.Running);

        Outer.IsAway = false;
        _world.Settle();
        Record.Status.Should().Be(RuntimeStatus.Connected);
        Outer.Ours!.Fingerprint.Should().Be("registration:demo:on");
        Outer.Created.Values.Should().Equal(1);
    }

    [Test]
    public void A_deletion_takes_what_runs_at_once_and_ends_when_the_registration_is_seen_to_be_gone()
    {
        Deploy();
        Outer.IsAway = true;
        AskAway(r => r with { DeleteRequested = true });
        _world.Backend.Objects.Should().BeEmpty();
        _world.Gateway.Objects.Should().BeEmpty();
        Record.IsTombstone.Should().BeFalse("its registration may still be there");

        _world.RunFor(Week);
        Record.IsTombstone.Should().BeFalse();
        Record.ErrorMessage.Should().Contain("simulated");

        Outer.IsAway = false;
        _world.Settle();
        Record.IsTombstone.Should().BeTrue();
        Outer.Ours.Should().BeNull();
    }

    [Test]
    public void A_deletion_that_need_not_wait_for_it_ends_without_it()
    {
        Deploy();
        Outer.IsAway = true;
        AskAway(r => r with { DeleteRequested = true });
        Record.IsTombstone.Should().BeFalse();

        AskAway(r => r with { AbandonRegistration = true });
        Record.IsTombstone.Should().BeTrue();

        // Left over, it is an orphan: found and removed once the outer gateway is seen again.
        Outer.IsAway = false;
        _world.Resync();
        _world.RunFor(TimeSpan.FromMinutes(2));
        _world.Resync();
        Outer.Ours.Should().BeNull();
    }

    [TestCase(PlannedFaultKind.Refused)]
    [TestCase(PlannedFaultKind.Unauthorized)]
    [TestCase(PlannedFaultKind.Transient)]
    public void What_the_outer_gateway_will_not_have_is_told_and_what_runs_goes_on(PlannedFaultKind kind)
    {
        Outer.Refusals[ResourceKind.Registration] = new Fault(kind, "Why", "no, and this is why");
        _world.Records.Create(Simulation.Id, Spec("v1"));
        _world.RunFor(TimeSpan.FromSeconds(30));

        Record.Status.Should().Be(RuntimeStatus.Running);
        Record.ServingGeneration.Should().Be(1, "the registry's word says nothing of the revision");
        _world.Condition(ConditionType.GatewayRegistered).Should().Match<Condition>(c => c.Status == ConditionStatus.False && c.Reason == "Why" && c.Message == "no, and this is why");
        _world[ConditionType.Stalled].Should().Be(ConditionStatus.True);

        Outer.Refusals.Clear();
        _world.RunFor(TimeSpan.FromMinutes(10));
        Record.Status.Should().Be(RuntimeStatus.Connected, "it is tried again by itself");
    }

    private void Deploy()
    {
        _world.Records.Create(Simulation.Id, Spec("v1"));
        _world.Settle();
        Record.Status.Should().Be(RuntimeStatus.Connected);
    }

    private void Ask(Func<RuntimeRecord, RuntimeRecord> change)
    {
        _world.Records.Command(Simulation.Id, change);
        _world.Settle();
    }

    /// <summary>While something is away it never settles: it looks again and again.</summary>
    private void AskAway(Func<RuntimeRecord, RuntimeRecord> change)
    {
        _world.Records.Command(Simulation.Id, change);
        _world.RunFor(TimeSpan.FromMinutes(2));
    }
}
