using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>
/// Names the one next step towards what is wanted. Pure: time and memory are arguments, so that every decision can be tested
/// without a backend, and a crash at any point is just another input.
/// </summary>
/// <remarks>Each goal is a list of things to see to, in order. The first that needs an effect gets it; a wait hides nothing after it;
/// when none needs anything, the world is as asked.</remarks>
public static class Planner
{
    public static Step Next(Wanted wanted, Observation seen, Memory memory, DateTimeOffset now, PlannerOptions options)
    {
        var world = new World(wanted, seen, memory, now, options);
        Step.Wait? wait = null;
        foreach (var step in Agenda(world))
        {
            if (step is Step.Wait next)
            {
                wait = wait is null ? next : wait with { At = wait.At < next.At ? wait.At : next.At };
            }
            else if (step is not null)
            {
                return step;
            }
        }

        return wait ?? (Step)new Step.Done();
    }

    private static IEnumerable<Step?> Agenda(World world) => world.Wanted.Goal switch
    {
        Goal.Run => Run(world),
        Goal.Stop => Stop(world),
        Goal.Delete => Delete(world),
    };

    private static IEnumerable<Step?> Run(World world)
    {
        yield return BlindSpot(world);
        yield return GiveUp(world);
        yield return Resolve(world);
        foreach (var resource in world.Resources)
        {
            yield return Put(world, resource);
        }

        yield return Promote(world);
        foreach (var step in world.MayRemoveSurplus ? RemoveSurplus(world, Reasons.Surplus) : [])
        {
            yield return step;
        }

        yield return AwaitHandshake(world, world.Wanted.Target);
        yield return AwaitHandshake(world, world.Wanted.Serving);
    }

    /// <summary>
    /// A stop creates nothing: what is missing of the Stopped set is made by the next start. What is there is put right (a
    /// registration made inactive).
    /// </summary>
    private static IEnumerable<Step?> Stop(World world)
    {
        yield return BlindSpot(world);
        foreach (var resource in world.Resources.Where(r => world.See(r.Id) is { } seen && seen.Fingerprint != r.Fingerprint))
        {
            yield return Put(world, resource);
        }

        foreach (var step in RemoveSurplus(world, Reasons.Stopped))
        {
            yield return step;
        }
    }

    private static IEnumerable<Step?> Delete(World world)
    {
        yield return BlindSpot(world);
        foreach (var step in RemoveSurplus(world, Reasons.Deleted))
        {
            yield return step;
        }

        // Gone needs proof: both providers seen, both empty, and again after a while, since one read may be stale.
        if (world.SeesAll && !world.Surplus.Any())
        {
            var at = (world.Memory.EmptySince ?? world.Now) + world.Options.ConfirmGone;
            yield return at > world.Now
                ? new Step.Wait(Reasons.Confirming, "Nothing is left of it; looking once more before it is called deleted.", at)
                : new Step.Entomb();
        }
    }

    /// <summary>What we cannot see we do not touch; and we look again.</summary>
    private static Step.Wait? BlindSpot(World world)
    {
        if ((world.BackendFault ?? world.GatewayFault ?? world.Wanted.Obstacle ?? world.RegistryFault) is not { } fault)
        {
            return null;
        }

        var pause = Backoff.After(world.Memory.Failures + 1, world.Wanted.RecordId, world.Options.BackoffFirst, world.Options.LookMost);
        return new Step.Wait(fault.Reason, fault.Message, world.Now + (fault.RetryAfter > pause ? fault.RetryAfter.Value : pause));
    }

    /// <summary>A generation that can't run here, or that an older one outlives, has failed for good.</summary>
    private static Step.Fail? GiveUp(World world)
    {
        if (!world.Wanted.InTransition || world.Wanted.Target is not { } target)
        {
            return null;
        }

        if (target.Compiled.Refused is { } refused)
        {
            return new Step.Fail(target.Generation, refused.Reason, refused.Message);
        }

        if (world.Wanted.Serving is null || world.IsUp(target))
        {
            return null;
        }

        foreach (var resource in target.Compiled.Running)
        {
            if (world.See(resource.Id) is { Health: Health.Stopped or Health.Failed } dead && world.KeepsFailing(resource, dead))
            {
                var reason = resource.Kind is ResourceKind.Container ? Reasons.CrashLoop : $"{resource.Kind}Failed";
                return new Step.Fail(target.Generation, reason, $"{world.Options.CrashLimit} tries came to the same: {Words.Of(dead)}");
            }
        }

        return world.EndpointOf(target) is { Health: Health.Starting or Health.Serving } container
            && Deadline(world, target) <= world.Now
            && (container.Health is Health.Starting || world.HandshakeOf(container) is { Verdict: HandshakeVerdict.Failed })
            ? new Step.Fail(target.Generation, Reasons.HandshakeFailed, Words.OfHandshake(world, container))
            : null;
    }

    private static Step? Resolve(World world)
    {
        var (asked, target) = (world.Wanted.Asked, world.Wanted.Target);
        if (asked.State is RevisionState.Failed or RevisionState.Superseded || world.BackendFault is not null)
        {
            return null;
        }

        // Once the image is there the engine knows what no registry told: its ports, user and volumes.
        var images = target?.Compiled.Running.Where(r => r.Kind is ResourceKind.Image or ResourceKind.Build).ToList() ?? [];
        var factsAreThere = asked.Generation == target?.Generation
            && target.Compiled is { Complete: false, Refused: null }
            && images.Count > 0 && images.TrueForAll(world.IsReady);
        return asked.Facts is null || factsAreThere
            ? world.Hold(Reasons.ResolveAttempt, "") ?? (Step)new Step.Resolve(asked.Generation)
            : null;
    }

    private static Step? Put(World world, Resource wanted)
    {
        if (!world.Knows(wanted.Kind) || world.Bind(wanted) is not { } resource)
        {
            return null;
        }

        var seen = world.See(resource.Id);
        if (Trouble(world, resource, seen) is not { } why)
        {
            return seen?.Health is Health.Starting ? new Step.Wait(Reasons.Starting, Words.Of(seen), world.Now + world.Options.Poll) : null;
        }

        if (why == Reasons.Wedged)
        {
            return Remove(world, seen!, Reasons.Wedged);
        }

        if (!resource.DependsOn.All(world.IsReady) || !resource.AfterStart.All(world.HasStarted))
        {
            return null;
        }

        if (seen is null && resource.Kind is ResourceKind.Container && world.InTheWay(resource) is { } other)
        {
            return Remove(world, other, Reasons.Recreate);
        }

        return world.Hold(resource.Id, resource.Fingerprint) ?? (Step)new Step.Put(resource, why);
    }

    /// <summary>What is wrong with it; null when nothing is, or nothing that another Put would mend.</summary>
    private static string? Trouble(World world, Resource resource, SeenResource? seen)
    {
        if (seen is null)
        {
            return Reasons.Missing;
        }

        if (!string.Equals(seen.Fingerprint, resource.Fingerprint, StringComparison.Ordinal))
        {
            var asked = world.Wanted.InTransition && resource.Generation == world.Wanted.Target?.Generation;
            return world.IsNotConverging(resource, seen) ? null : asked || resource.BoundTo is not null ? Reasons.Different : Reasons.Drifted;
        }

        if (world.IsWedged(seen))
        {
            return Reasons.Wedged;
        }

        return seen.Health switch
        {
            Health.Stopped or Health.Failed or Health.Wedged => World.HasEndedForGood(resource, seen) ? null : Reasons.Crashed,
            Health.Starting or Health.Serving or Health.Completed => null,
        };
    }

    private static Step.Promote? Promote(World world) =>
        world.Wanted.InTransition && world.BackendFault is null && world.IsUp(world.Wanted.Target) ? new Step.Promote(world.Wanted.Target!.Generation) : null;

    private static IEnumerable<Step?> RemoveSurplus(World world, string why)
    {
        foreach (var seen in world.Surplus)
        {
            var step = MustStay(world, seen) ?? Remove(world, seen, why);
            yield return step;
            if (step is Step.Wait && !seen.Kind.IsOfGateway())
            {
                yield break; // What it stands on stays as long as it does.
            }
        }
    }

    /// <summary>An old container goes when the new ones are there and nobody is on it any more; null = it may go.</summary>
    private static Step.Wait? MustStay(World world, SeenResource old)
    {
        if (world.Wanted.Goal is not Goal.Run || old.Kind is not ResourceKind.Container)
        {
            return null;
        }

        if (world.KeptFor(old) is { } reason)
        {
            return new Step.Wait(Reasons.Superseding, $"{old.Id} is superseded; {reason}.", world.Now + world.Options.ProbePoll);
        }

        var drained = (world.Memory.DrainSince ?? world.Now) + world.Options.Drain;
        return world.MustDrain(old) && drained > world.Now ? new Step.Wait(Reasons.Draining, $"{old.Id} finishes the calls it has.", drained) : null;
    }

    private static Step Remove(World world, SeenResource seen, string why) =>
        world.Hold(seen.Id, fingerprint: null) ?? (Step)new Step.Remove(seen.Id, seen.Kind, why);

    /// <summary>The prober wakes us when its verdict changes; time alone changes what follows from it.</summary>
    private static Step.Wait? AwaitHandshake(World world, RevisionPlan? plan)
    {
        if (world.EndpointOf(plan) is not { Health: Health.Serving } container || plan is null)
        {
            return null;
        }

        var word = world.HandshakeOf(container);
        if (word is { Verdict: HandshakeVerdict.Failed } && world.OncePassed(container))
        {
            return new Step.Wait(Reasons.HandshakeFailed, Words.OfHandshake(world, container), world.Now + world.Options.ProbePoll);
        }

        if (world.IsVerified(container))
        {
            return null;
        }

        var rivalled = world.Wanted.InTransition && world.Wanted.Serving is not null && plan.Generation == world.Wanted.Target?.Generation;
        var soon = world.Now + world.Options.ProbePoll;
        return rivalled || word is not { Verdict: HandshakeVerdict.Failed }
            ? new Step.Wait(Reasons.Verifying, Words.OfHandshake(world, container), rivalled && Deadline(world, plan) > world.Now ? Deadline(world, plan) : soon)
            : null;
    }

    private static DateTimeOffset Deadline(World world, RevisionPlan plan)
    {
        var endpoint = plan.Compiled.Running.FirstOrDefault(r => r.Id == plan.Compiled.Endpoint?.ContainerId);
        var started = endpoint is null ? null : world.AttemptOn(endpoint.Id, endpoint.Fingerprint).LastAt;
        return (started ?? world.Now) + world.Options.StartDeadline;
    }
}
