using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using static McpRuntime.Core.Tests.Planning.Scene;

namespace McpRuntime.Core.Tests.Planning;

/// <summary>Each row of the status table, and that an earlier row wins over every later one.</summary>
[TestFixture]
internal sealed class StatusTableRows
{
    private static readonly ConditionType[] Serves = [ConditionType.Available, ConditionType.Verified, ConditionType.GatewayRegistered];

    [TestCase(true, true, true, true, true, ExpectedResult = RuntimeStatus.Deleted)]
    [TestCase(false, true, true, true, true, ExpectedResult = RuntimeStatus.Stopped)]
    [TestCase(false, false, true, true, true, ExpectedResult = RuntimeStatus.Connected)]
    public RuntimeStatus What_is_gone_or_halted_comes_before_what_serves(bool gone, bool halted, bool touched, bool waits, bool stalled) =>
        StatusTable.Of(gone, halted, touched, All(Serves, waits, stalled));

    [Test]
    public void Without_a_handshake_or_a_route_what_runs_is_running([Values(ConditionType.Verified, ConditionType.GatewayRegistered)] ConditionType lacks) =>
        StatusTable.Of(false, false, true, All([.. Serves.Where(t => t != lacks)], waits: true, stalled: true)).Should().Be(RuntimeStatus.Running);

    [Test]
    public void When_nothing_serves_a_wait_for_approval_comes_before_an_error() =>
        StatusTable.Of(false, false, true, All([], waits: true, stalled: true)).Should().Be(RuntimeStatus.PendingApproval);

    [Test]
    public void When_nothing_serves_and_it_is_stalled_it_is_an_error() =>
        StatusTable.Of(false, false, true, All([], waits: false, stalled: true)).Should().Be(RuntimeStatus.Error);

    [TestCase(true, ExpectedResult = RuntimeStatus.Deploying)]
    [TestCase(false, ExpectedResult = RuntimeStatus.Pending)]
    public RuntimeStatus Before_anything_serves_it_is_deploying_once_something_was_put(bool touched) =>
        StatusTable.Of(false, false, touched, All([], waits: false, stalled: false));

    [Test]
    public void Trouble_with_a_newer_generation_does_not_change_the_word_of_the_one_that_serves()
    {
        var (old, fresh) = (Plan(1, state: RevisionState.Serving), Plan(2, state: RevisionState.Failed));
        var scene = new Scene { Target = old, Serving = old, Backend = SeesAll(old), Gateway = [Routed("c1")], Memory = Passed("c1") };
        var asked = fresh.Revision with { FailedReason = "ImageNotFound", FailedMessage = "no such image" };
        var report = Progress.Of(
            scene.Record with { Asked = asked, AskedGeneration = 2 }, scene.Wanted with { Asked = asked }, scene.Observation, new Step.Done(), StepResult.NoEffect, Noon, PlannerOptions.Default);
        report.Status.Should().Be(RuntimeStatus.Connected);
        report.ErrorMessage.Should().Be("no such image");
        report.Conditions.Should().Contain(c => c.Type == ConditionType.Stalled && c.Status == ConditionStatus.True && c.Reason == "ImageNotFound");
        report.ObservedGeneration.Should().Be(2);
    }

    [Test]
    public void A_condition_keeps_its_time_while_its_status_stays()
    {
        var plan = Plan(1);
        var scene = new Scene { Target = plan, Backend = SeesAll(plan) };
        var first = scene.Report();
        var later = Progress.Of(scene.Record with { Conditions = first.Conditions }, scene.Wanted, scene.Observation, new Step.Done(), StepResult.NoEffect, Noon.AddHours(1), PlannerOptions.Default);
        later.Conditions.Should().OnlyContain(c => c.LastTransitionTime == Noon);
    }

    [Test]
    public void The_backoff_doubles_from_one_second_to_five_minutes_and_spreads_records_apart()
    {
        var pauses = Enumerable.Range(1, 12).Select(n => Backoff.After(n, "a", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)).TotalSeconds).ToList();
        pauses.Zip(Enumerable.Range(0, 12)).Should().OnlyContain(p => p.First <= Math.Min(300, Math.Pow(2, p.Second)) && p.First >= 0.8 * Math.Min(300, Math.Pow(2, p.Second)));
        Enumerable.Range(0, 100).Select(i => Backoff.After(8, $"record-{i}", TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5))).Distinct().Should().HaveCountGreaterThan(50);
    }

    private static List<Condition> All(ConditionType[] holding, bool waits, bool stalled)
    {
        var conditions = holding.Select(t => Of(t, ConditionStatus.True)).ToList();
        conditions.Add(Of(ConditionType.Approved, waits ? ConditionStatus.False : ConditionStatus.True, waits ? "PendingApproval" : "NotRequired"));
        conditions.Add(Of(ConditionType.Stalled, stalled ? ConditionStatus.True : ConditionStatus.False));
        return conditions;

        static Condition Of(ConditionType type, ConditionStatus status, string reason = "X") => new(type, status, reason, "", 1, Noon);
    }
}
