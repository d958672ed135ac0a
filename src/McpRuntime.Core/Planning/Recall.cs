namespace McpRuntime.Core.Planning;

/// <summary>What a turn adds to the memory, and what it lets go of.</summary>
internal static class Recall
{
    public static Memory After(World world, Step step, StepResult result)
    {
        var memory = world.Memory;
        return memory with
        {
            Failures = world.SeesAll && world.Wanted.Obstacle is null ? 0 : memory.Failures + 1,
            Attempts = Attempts(world, step, result),
            Verified = Verified(world),
            Instances = Instances(world, Revived(step, result)),
            Restarts = memory.Restarts + Changed(world).Count() + (Revived(step, result) is null ? 0 : 1),
            FirstPutAt = memory.FirstPutAt ?? (step is Step.Put ? world.Now : null),
            DrainSince = world.IsDraining ? memory.DrainSince ?? world.Now : null,
            EmptySince = world is { Wanted.Goal: Goal.Delete, SeesAll: true } && !world.Surplus.Any() ? memory.EmptySince ?? world.Now : null,
            Tools = Tools(world),
        };
    }

    private static SortedDictionary<string, Attempt> Attempts(World world, Step step, StepResult result)
    {
        var attempts = new SortedDictionary<string, Attempt>(StringComparer.Ordinal);
        var wanted = world.Resources.ToDictionary(r => r.Id, StringComparer.Ordinal);
        foreach (var (key, attempt) in world.Memory.Attempts)
        {
            var resource = wanted.GetValueOrDefault(key);
            if (resource is not null || world.See(Memory.IdOf(key)) is not null || !world.SeesAll || key == Reasons.ResolveAttempt)
            {
                attempts[key] = resource is not null && IsWell(world, resource) ? attempt with { Differing = 0, Failures = 0, NotBefore = null, Fault = null } : attempt;
            }
        }

        if (Aim(step) is var (target, fingerprint, differs))
        {
            attempts[Memory.Key(target, fingerprint)] = Tried(world, world.AttemptOn(target, fingerprint), differs, isGoing: step is Step.Remove && result.Outcome is Outcome.InProgress, result);
        }

        return attempts;
    }

    /// <summary>The fewest effects that <see cref="World.Hold"/> pauses after, for the shortest pause.</summary>
    private const int LookedAfter = 2;

    private static bool IsWell(World world, Resource resource) =>
        world.Bind(resource) is { } bound
        && world.See(resource.Id) is { Health: Health.Serving or Health.Completed } seen
        && seen.Fingerprint == bound.Fingerprint;

    private static (string Id, string? Fingerprint, bool Differs)? Aim(Step step) => step switch
    {
        Step.Put put => (put.Resource.Id, put.Resource.Fingerprint, put.Why is Reasons.Different or Reasons.Drifted),
        Step.Remove remove => (remove.ResourceId, null, false),
        Step.Resolve => (Reasons.ResolveAttempt, "", false),
        _ => null,
    };

    /// <param name="isGoing">It is on its way out: to look after it again is no new try, and waits no longer each time.</param>
    private static Attempt Tried(World world, Attempt before, bool differs, bool isGoing, StepResult result)
    {
        if (result.Fault is { } fault)
        {
            var failures = before.Failures + 1;
            return before with
            {
                Failures = failures,
                Fault = fault,
                NotBefore = world.Now + Backoff.After(fault, failures, world.Wanted.RecordId, world.Options),
            };
        }

        return before with
        {
            Effects = isGoing ? Math.Max(before.Effects, LookedAfter) : before.Effects + 1,
            LastAt = world.Now,
            Differing = differs ? before.Differing + 1 : 0,
            Failures = 0,
            Fault = null,
            NotBefore = null,
        };
    }

    private static SortedDictionary<string, string> Verified(World world)
    {
        var verified = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (id, instance) in world.Memory.Verified)
        {
            if (world.BackendFault is not null || world.See(id) is not null)
            {
                verified[id] = instance;
            }
        }

        foreach (var seen in world.Seen.Where(s => world.HandshakeOf(s) is { Verdict: HandshakeVerdict.Passed or HandshakeVerdict.Challenged }))
        {
            verified[seen.Id] = seen.Instance;
        }

        return verified;
    }

    /// <summary>The crashed container that was started again just now: what it is next is its restart, seen running or not.</summary>
    private static string? Revived(Step step, StepResult result) =>
        step is Step.Put { Resource.Kind: ResourceKind.Container, Why: Reasons.Crashed } put && result.Fault is null ? put.Resource.Id : null;

    /// <summary>Those that run as another process than the last that was seen: somebody else started them again.</summary>
    private static IEnumerable<SeenResource> Changed(World world) =>
        Containers(world).Where(s => s.Instance.Length > 0 && world.Memory.Instances.GetValueOrDefault(s.Id, "") is { Length: > 0 } before && before != s.Instance);

    /// <summary>Kept while the container is wanted, so that one that was removed and made again is known as restarted.</summary>
    private static SortedDictionary<string, string> Instances(World world, string? revived)
    {
        var wanted = world.Resources.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        var instances = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (id, instance) in world.Memory.Instances)
        {
            if (wanted.Contains(id) || world.BackendFault is not null)
            {
                instances[id] = instance;
            }
        }

        foreach (var seen in Containers(world).Where(s => s.Instance.Length > 0))
        {
            instances[seen.Id] = seen.Instance;
        }

        if (revived is not null)
        {
            instances.Remove(revived);
        }

        return instances;
    }

    private static IEnumerable<SeenResource> Containers(World world) => world.Seen.Where(s => s.Kind is ResourceKind.Container);

    private static ToolsSeen? Tools(World world)
    {
        var before = world.Memory.Tools;
        if (world.Wanted.Serving is not { } serving || world.EndpointOf(serving) is not { } container || world.HandshakeOf(container)?.ToolsHash is not { } hash)
        {
            return before;
        }

        return before?.Generation == serving.Generation ? before with { Now = hash } : new ToolsSeen(serving.Generation, hash, hash);
    }
}
