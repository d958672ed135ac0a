using McpRuntime.Core.Planning;
using static McpRuntime.Core.Tests.Planning.Scene;

namespace McpRuntime.Core.Tests.Planning;

/// <summary>What holds of every decision, whatever is wanted, seen and remembered.</summary>
[TestFixture]
internal sealed class PlannerProperties
{
    private const int Rounds = 20_000;
    private const int Seed = 7;

    private static readonly Health[] Healths = Enum.GetValues<Health>();

    [Test]
    public void What_cannot_be_seen_is_not_touched() => Check((scene, step) =>
    {
        if (step is Step.Put or Step.Remove)
        {
            var kind = step is Step.Put put ? put.Resource.Kind : ((Step.Remove)step).Kind;
            (kind switch
            {
                ResourceKind.Route => scene.Gateway,
                ResourceKind.Registration => scene.Registry,
                _ => scene.Backend,
            }).Should().NotBeNull();
        }

        if (step is Step.Promote or Step.Resolve)
        {
            scene.Backend.Should().NotBeNull();
        }
    });

    [Test]
    public void Only_a_deletion_that_does_not_keep_them_removes_volumes() => Check((scene, step) =>
    {
        if (step is Step.Remove { Kind: ResourceKind.Volume })
        {
            scene.Should().Match<Scene>(s => s.Goal == Goal.Delete && !s.KeepVolumes);
        }
    });

    [Test]
    public void A_stop_and_a_deletion_create_nothing() => Check((scene, step) =>
    {
        if (step is Step.Put put && scene.Goal is not Goal.Run)
        {
            (scene.Backend ?? []).Concat(scene.Gateway ?? []).Concat(scene.Registry ?? []).Should().Contain(s => s.Id == put.Resource.Id);
            scene.Goal.Should().Be(Goal.Stop);
        }
    });

    [Test]
    public void Nothing_is_put_before_what_it_depends_on_is_there_and_healthy() => Check((scene, step) =>
    {
        if (step is Step.Put put)
        {
            foreach (var id in put.Resource.DependsOn)
            {
                scene.Backend!.Should().Contain(s => s.Id == id && (s.Health == Health.Serving || s.Health == Health.Completed));
            }
        }
    });

    [Test]
    public void A_tombstone_needs_every_provider_seen_and_empty_but_for_kept_volumes() => Check((scene, step) =>
    {
        if (step is Step.Entomb)
        {
            scene.Gateway.Should().BeEmpty();
            scene.Registry.Should().BeEmpty();
            scene.Backend!.Where(s => !scene.KeepVolumes || s.Kind != ResourceKind.Volume).Should().BeEmpty();
            scene.Memory.EmptySince.Should().NotBeNull();
        }
    });

    [Test]
    public void A_wanted_thing_is_removed_only_when_it_is_wedged_or_must_make_room() => Check((scene, step) =>
    {
        if (step is Step.Remove remove && scene.Goal is Goal.Run && remove.Why is not ("Wedged" or "Recreate"))
        {
            var wanted = new[] { scene.Target, scene.Serving }.OfType<RevisionPlan>().Where(p => scene.Target!.Compiled.Rollout is Rollout.BlueGreen || p == scene.Target);
            wanted.SelectMany(p => p.Compiled.Running).Select(r => r.Id).Should().NotContain(remove.ResourceId);
        }
    });

    [Test]
    public void The_only_running_container_of_the_serving_revision_is_never_removed_in_a_blue_green_update() => Check((scene, step) =>
    {
        if (step is Step.Remove { Kind: ResourceKind.Container, Why: not "Wedged" } remove && scene is { Goal: Goal.Run, Target.Compiled.Rollout: Rollout.BlueGreen })
        {
            remove.ResourceId.Should().NotBe(scene.Serving?.Compiled.Endpoint?.ContainerId);
            scene.Gateway?.Should().NotContain(s => s.Instance == $"{remove.ResourceId}@1", "a route leads to it");
        }
    });

    [Test]
    public void A_wait_is_always_for_later_and_the_same_input_gives_the_same_step() => Check((scene, step) =>
    {
        if (step is Step.Wait wait)
        {
            wait.At.Should().BeAfter(Noon);
        }

        scene.Next().Should().Be(step);
    });

    [Test]
    public void Progress_never_says_connected_without_a_container_that_runs_and_passed() => Check((scene, step) =>
    {
        var report = scene.Report();
        report.Conditions.Select(c => c.Type).Should().OnlyHaveUniqueItems();
        if (report.Status is Core.Records.RuntimeStatus.Connected)
        {
            scene.Backend!.Should().Contain(s => s.Kind == ResourceKind.Container && s.Health == Health.Serving
                && (scene.Memory.Verified.GetValueOrDefault(s.Id) == s.Instance || scene.Handshakes.ContainsKey(s.Id)));
            scene.Gateway.Should().NotBeNullOrEmpty();
            if (scene is { Goal: Goal.Run, Serving.StoppedRoutes.Count: > 0 })
            {
                scene.Registry.Should().Contain(s => s.Kind == ResourceKind.Registration && s.Health == Health.Serving && s.Fingerprint == "fp-registration-on");
            }
        }
    });

    [Test]
    public void An_outer_gateway_that_is_away_changes_no_step_but_its_own() => Check((scene, step) =>
    {
        if (scene.Registry is null && step is Step.Put or Step.Remove or Step.Promote or Step.Resolve or Step.Fail)
        {
            (scene with { Registry = [], Target = Without(scene.Target), Serving = Without(scene.Serving) }).Next().GetType().Should().Be(step.GetType());
        }
    });

    private static RevisionPlan? Without(RevisionPlan? plan) => plan is null ? null : plan with { Routes = [.. plan.Routes.Where(r => r.Kind is not ResourceKind.Registration)], StoppedRoutes = [] };

    private static void Check(Action<Scene, Step> holds)
    {
        var random = new Random(Seed);
        for (var round = 0; round < Rounds; round++)
        {
            var scene = Any(random);
            try
            {
                holds(scene, scene.Next());
            }
            catch (Exception e)
            {
                throw new AssertionException($"seed {Seed}, round {round}: {e.Message}\n{scene}", e);
            }
        }
    }

    private static Scene Any(Random random)
    {
        bool Chance(double of) => random.NextDouble() < of;
        var rollout = Chance(0.7) ? Rollout.BlueGreen : Rollout.Recreate;
        var (old, fresh) = (Plan(1, rollout), Plan(2, rollout, complete: Chance(0.8), resolved: Chance(0.9)));
        if (Chance(0.4))
        {
            (old, fresh) = (Registered(old), Registered(fresh));
        }

        var serving = Chance(0.7) ? old : null;
        var target = Chance(0.3) ? serving ?? fresh : fresh;
        var stray = new[] { Of("c0", ResourceKind.Container, 0), Of("image0", ResourceKind.Image, 0), Of("vol0", ResourceKind.Volume, 0) };
        var seen = old.Compiled.Running.Concat(fresh.Compiled.Running).Concat(stray).DistinctBy(r => r.Id).Where(_ => Chance(0.6)).Select(r => Sees(r, Chance(0.6) ? Health.Serving : Healths[random.Next(Healths.Length)]) with
        {
            Fingerprint = Chance(0.9) ? r.Fingerprint : "edited",
        });
        var containers = new[] { "c0", "c1", "c2" };
        return new Scene
        {
            Goal = (Goal)random.Next(3),
            KeepVolumes = Chance(0.3),
            Target = target,
            Serving = serving,
            Backend = Chance(0.1) ? null : Chance(0.1) ? [] : [.. seen],
            Gateway = Chance(0.1) ? null : Chance(0.5) ? [] : [Routed(containers[random.Next(3)])],
            Registry = Chance(0.2) ? null : Chance(0.5) ? [] : [Sees(Of("registration", ResourceKind.Registration), Healths[random.Next(Healths.Length)]) with { Fingerprint = Chance(0.5) ? "fp-registration-on" : "fp-registration-off" }],
            Handshakes = containers.Where(_ => Chance(0.5)).ToDictionary(c => c, c => new Handshake($"{c}@{random.Next(2)}", (HandshakeVerdict)random.Next(4), random.Next(8), Noon), StringComparer.Ordinal),
            Memory = Passed([.. containers.Where(_ => Chance(0.5))]) with
            {
                EmptySince = Chance(0.5) ? Noon - TimeSpan.FromSeconds(random.Next(4)) : null,
                DrainSince = Chance(0.5) ? Noon - TimeSpan.FromSeconds(random.Next(10)) : null,
                Attempts = seen.Where(_ => Chance(0.3)).DistinctBy(s => s.Id).ToDictionary(s => s.Id, s => new Attempt
                {
                    Fingerprint = Chance(0.8) ? $"fp-{s.Id}" : null,
                    Effects = random.Next(8),
                    Differing = random.Next(3),
                    LastAt = Noon - TimeSpan.FromSeconds(random.Next(1000)),
                }, StringComparer.Ordinal),
            },
        };
    }
}
