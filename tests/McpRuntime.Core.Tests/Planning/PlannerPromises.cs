using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using static McpRuntime.Core.Tests.Planning.Scene;

namespace McpRuntime.Core.Tests.Planning;

[TestFixture]
internal sealed class PlannerPromises
{
    [Test]
    public void What_is_not_resolved_is_resolved_before_anything_is_put()
    {
        new Scene { Target = Plan(1, complete: false, resolved: false) }.Next().Should().Be(new Step.Resolve(1));
    }

    [Test]
    public void With_the_image_there_an_incomplete_revision_is_resolved_again()
    {
        var plan = Plan(1, complete: false);
        new Scene { Target = plan }.Next().Should().BeOfType<Step.Put>().Which.Resource.Id.Should().Be("image1");
        new Scene { Target = plan, Backend = [Sees(plan.Compiled.Running[0])] }.Next().Should().Be(new Step.Resolve(1));
    }

    [Test]
    public void What_is_missing_is_put_dependencies_first()
    {
        var plan = Plan(1);
        var seen = new List<SeenResource>();
        foreach (var expected in plan.Compiled.Running)
        {
            var put = new Scene { Target = plan, Backend = seen }.Next().Should().BeOfType<Step.Put>().Which;
            put.Should().Be(new Step.Put(expected, "Missing"));
            seen.Add(Sees(expected));
        }
    }

    [Test]
    public void A_container_waits_for_an_image_that_is_still_pulled()
    {
        var plan = Plan(1);
        var seen = plan.Compiled.Running.Select(r => Sees(r, r.Kind is ResourceKind.Image ? Health.Starting : Health.Serving)).Where(s => s.Kind is not ResourceKind.Container).ToList();
        new Scene { Target = plan, Backend = seen }.Next().Should().BeOfType<Step.Wait>().Which.Reason.Should().Be("Starting");
    }

    [Test]
    public void A_route_is_put_only_to_a_container_that_passed_in_its_present_incarnation()
    {
        var plan = Plan(1);
        var scene = new Scene { Target = plan, Serving = plan, Backend = SeesAll(plan) };
        scene.Next().Should().NotBeOfType<Step.Put>();
        (scene with { Handshakes = Said("c1", HandshakeVerdict.Passed, instance: "c1@0") }).Next().Should().NotBeOfType<Step.Put>("the word is on another incarnation");
        (scene with { Handshakes = Said("c1", HandshakeVerdict.Passed) }).Next().Should().BeOfType<Step.Put>().Which.Resource.Fingerprint.Should().Be("fp-route>c1@1");
        (scene with { Memory = Passed("c1") }).Next().Should().BeOfType<Step.Put>("a restart of the service forgets nothing");
    }

    [Test]
    public void A_route_to_an_older_incarnation_is_left_until_the_new_one_has_passed()
    {
        var plan = Plan(1);
        var scene = new Scene { Target = plan, Serving = plan, Backend = SeesAll(plan), Gateway = [Routed("c0")] };
        scene.Next().Should().BeOfType<Step.Wait>();
        (scene with { Handshakes = Said("c1", HandshakeVerdict.Passed) }).Next().Should().BeOfType<Step.Put>().Which.Why.Should().Be("Different");
    }

    [Test]
    public void The_new_revision_is_put_beside_the_old_and_promoted_when_it_passed()
    {
        var (old, fresh) = (Plan(1, state: RevisionState.Serving), Plan(2));
        var scene = new Scene { Target = fresh, Serving = old, Backend = SeesAll(old), Gateway = [Routed("c1")], Memory = Passed("c1") };
        scene.Next().Should().Be(new Step.Put(fresh.Compiled.Running[0], "Missing"));
        var both = scene with { Backend = SeesAll(old, fresh) };
        both.Next().Should().BeOfType<Step.Wait>().Which.Reason.Should().Be("Verifying");
        (both with { Handshakes = Said("c2", HandshakeVerdict.Challenged) }).Next().Should().Be(new Step.Promote(2));
    }

    [Test]
    public void After_the_promotion_the_route_goes_first_then_the_drained_container_then_the_rest()
    {
        var (old, fresh) = (Plan(1), Plan(2));
        var scene = new Scene { Target = fresh, Serving = fresh, Backend = SeesAll(old, fresh), Gateway = [Routed("c1")], Memory = Passed("c1", "c2") };
        scene.Next().Should().BeOfType<Step.Put>().Which.Resource.Id.Should().Be("route");
        var routed = scene with { Gateway = [Routed("c2")] };
        routed.Next().Should().BeOfType<Step.Wait>().Which.Reason.Should().Be("Draining");
        var drained = routed with { Memory = routed.Memory with { DrainSince = Noon - TimeSpan.FromSeconds(5) } };
        drained.Next().Should().Be(new Step.Remove("c1", ResourceKind.Container, "Surplus"));
        var left = drained with { Backend = [.. drained.Backend!.Where(s => s.Id != "c1")] };
        left.Next().Should().Be(new Step.Remove("image1", ResourceKind.Image, "Surplus"));
    }

    [Test]
    public void A_container_that_a_route_leads_to_is_not_removed_though_the_memory_of_it_is_lost()
    {
        var (old, fresh) = (Plan(1), Plan(2));
        var scene = new Scene { Target = fresh, Serving = fresh, Backend = SeesAll(old, fresh), Gateway = [Routed("c1")], Memory = Memory.Empty };
        scene.Next().Should().BeOfType<Step.Wait>().Which.Reason.Should().Be("Superseding");
    }

    [Test]
    public void Recreate_removes_the_old_container_only_when_all_the_new_one_needs_is_there()
    {
        var (old, fresh) = (Plan(1, Rollout.Recreate), Plan(2, Rollout.Recreate));
        var scene = new Scene { Target = fresh, Serving = old, Backend = SeesAll(old), Memory = Passed("c1"), Gateway = [Routed("c1")] };
        scene.Next().Should().Be(new Step.Put(fresh.Compiled.Running[0], "Missing"));
        var pulled = scene with { Backend = [.. SeesAll(old), Sees(fresh.Compiled.Running[0])] };
        pulled.Next().Should().Be(new Step.Remove("c1", ResourceKind.Container, "Recreate"));
        (pulled with { Backend = [.. pulled.Backend!.Where(s => s.Id != "c1")] }).Next().Should().Be(new Step.Put(fresh.Compiled.Running[3], "Missing"));
    }

    [Test]
    public void While_the_new_one_is_still_pulled_the_old_ones_crash_is_repaired_even_under_recreate()
    {
        var (old, fresh) = (Plan(1, Rollout.Recreate), Plan(2, Rollout.Recreate));
        var seen = SeesAll(old).Select(s => s.Id == "c1" ? s with { Health = Health.Failed } : s).Append(Sees(fresh.Compiled.Running[0], Health.Starting));
        new Scene { Target = fresh, Serving = old, Backend = [.. seen], Memory = Passed("c1") }.Next()
            .Should().BeOfType<Step.Put>().Which.Should().Match<Step.Put>(p => p.Resource.Id == "c1" && p.Why == "Crashed");
    }

    [Test]
    public void A_resource_in_its_backoff_holds_up_only_what_depends_on_it()
    {
        var plan = Plan(1);
        var away = new Attempt { Fingerprint = "fp-image1", Failures = 3, NotBefore = Noon + TimeSpan.FromSeconds(4), Fault = new Fault(FaultKind.Transient, "RegistryAway", "no answer") };
        var scene = new Scene { Target = plan, Memory = Memory.Empty with { Attempts = new Dictionary<string, Attempt>(StringComparer.Ordinal) { ["image1"] = away } } };
        scene.Next().Should().BeOfType<Step.Put>().Which.Resource.Id.Should().Be("net");
        (scene with { Backend = [.. SeesAll(plan).Where(s => s.Kind is ResourceKind.Network or ResourceKind.Volume)] }).Next()
            .Should().Be(new Step.Wait("RegistryAway", "no answer", Noon + TimeSpan.FromSeconds(4)));
    }

    [Test]
    public void A_stop_takes_the_route_first_then_the_container_and_leaves_the_rest()
    {
        var plan = Plan(1);
        var scene = new Scene { Goal = Goal.Stop, Target = plan, Serving = plan, Backend = SeesAll(plan), Gateway = [Routed("c1")], Memory = Passed("c1") };
        scene.Next().Should().Be(new Step.Remove("route", ResourceKind.Route, "Stopped"));
        (scene with { Gateway = [] }).Next().Should().Be(new Step.Remove("c1", ResourceKind.Container, "Stopped"));
        (scene with { Gateway = [], Backend = [.. SeesAll(plan).SkipLast(1)] }).Next().Should().BeOfType<Step.Done>();
        (scene with { Gateway = null }).Next().Should().BeOfType<Step.Remove>("a gateway that is away never blocks a stop").Which.ResourceId.Should().Be("c1");
    }

    [Test]
    public void A_deletion_needs_two_looks_that_find_nothing_on_both_providers()
    {
        var scene = new Scene { Goal = Goal.Delete };
        scene.Next().Should().BeOfType<Step.Wait>().Which.Reason.Should().Be("Confirming");
        var confirmed = scene with { Memory = Memory.Empty with { EmptySince = Noon - TimeSpan.FromSeconds(2) } };
        confirmed.Next().Should().BeOfType<Step.Entomb>();
        (confirmed with { Gateway = null }).Next().Should().BeOfType<Step.Wait>();
        (confirmed with { Backend = null }).Next().Should().BeOfType<Step.Wait>();
    }

    [Test]
    public void A_revision_that_cannot_run_here_fails_but_the_one_that_serves_is_never_taken_down_by_its_own_refusal()
    {
        var refused = new Fault(FaultKind.Refused, "NotHere", "no");
        var plan = Plan(1);
        var broken = plan with { Compiled = plan.Compiled with { Running = [], Endpoint = null, Refused = refused }, Routes = [] };
        new Scene { Target = broken }.Next().Should().Be(new Step.Fail(1, "NotHere", "no"));
        new Scene { Target = broken, Serving = broken, Backend = SeesAll(plan), Gateway = [Routed("c1")] }.Next().Should().BeOfType<Step.Done>();
    }

    [Test]
    public void Nothing_is_surplus_while_a_plan_is_missing()
    {
        var plan = Plan(1);
        new Scene { Target = null, Serving = plan, Backend = [.. SeesAll(plan), Sees(Of("stray", ResourceKind.Container))], Memory = Passed("c1"), Gateway = [Routed("c1")], Obstacle = new Fault(FaultKind.Transient, "X", "") }
            .Next().Should().BeOfType<Step.Wait>();
    }

    private static Dictionary<string, Handshake> Said(string container, HandshakeVerdict verdict, string? instance = null) =>
        new(StringComparer.Ordinal) { [container] = new Handshake(instance ?? $"{container}@1", verdict, verdict is HandshakeVerdict.Failed ? 1 : 0, Noon) };
}
