namespace McpRuntime.Core.Planning;

/// <summary>What is wanted laid beside what is seen: the planner's questions, answered. Holds no decision.</summary>
internal sealed class World
{
    private readonly Observation _observation;
    private readonly Memory _memory;
    private readonly Dictionary<string, SeenResource> _seen = new(StringComparer.Ordinal);
    private readonly List<Resource> _resources;
    private readonly Dictionary<string, Resource> _wantedById;

    public World(Wanted wanted, Observation observation, Memory memory, DateTimeOffset now, PlannerOptions options)
    {
        Wanted = wanted;
        Now = now;
        Options = options;
        _observation = observation;
        _memory = memory;
        foreach (var seen in SeenBy(observation.Backend).Concat(SeenBy(observation.Gateway)).Concat(SeenBy(observation.Registry)))
        {
            _seen[seen.Id] = seen;
        }

        _resources = ResourcesOf(wanted);
        _wantedById = _resources.ToDictionary(r => r.Id, StringComparer.Ordinal);
        if (_resources.RemoveAll(IsCutOver) > 0)
        {
            _wantedById = _resources.ToDictionary(r => r.Id, StringComparer.Ordinal);
        }
    }

    public Wanted Wanted { get; }

    public DateTimeOffset Now { get; }

    public PlannerOptions Options { get; }

    public Memory Memory => _memory;

    public Fault? BackendFault => _observation.Backend.Match<Fault?>(_ => null, unknown => unknown.Fault);

    public Fault? GatewayFault => _observation.Gateway.Match<Fault?>(_ => null, unknown => unknown.Fault);

    public Fault? RegistryFault => _observation.Registry.Match<Fault?>(_ => null, unknown => unknown.Fault);

    public bool SeesAll => BackendFault is null && GatewayFault is null && RegistryFault is null;

    /// <summary>What is wanted right now, dependencies first.</summary>
    public IReadOnlyList<Resource> Resources => _resources;

    public IEnumerable<SeenResource> Seen => _seen.Values;

    /// <summary>What is ours, seen and not wanted; dependants first. Volumes are data: only a deletion makes one surplus.</summary>
    public IEnumerable<SeenResource> Surplus
    {
        get
        {
            var order = Usable(Wanted.Target, Wanted.Serving).SelectMany(p => p.Compiled.Running).DistinctBy(r => r.Id, StringComparer.Ordinal)
                .Select((r, i) => (r.Id, Place: i)).ToDictionary(r => r.Id, r => r.Place, StringComparer.Ordinal);
            return _seen.Values
                .Where(s => !_wantedById.ContainsKey(s.Id) && (s.Kind is not ResourceKind.Volume || Wanted is { Goal: Goal.Delete, KeepVolumes: false }))
                .OrderBy(s => s.Kind.RemovalRank())
                .ThenByDescending(s => order.GetValueOrDefault(s.Id, -1))
                .ThenBy(s => s.Id, StringComparer.Ordinal);
        }
    }

    /// <summary>Nothing is surplus by a plan that is missing, refused, or not yet whole.</summary>
    public bool MayRemoveSurplus =>
        Wanted is { Obstacle: null, Target.IsWhole: true } && Wanted.Serving is null or { IsWhole: true };

    public bool Knows(ResourceKind kind) => kind switch
    {
        ResourceKind.Route => GatewayFault is null,
        ResourceKind.Registration => RegistryFault is null,
        _ => BackendFault is null,
    };

    public SeenResource? See(string? id) => id is not null && _seen.TryGetValue(id, out var seen) ? seen : null;

    public SeenResource? EndpointOf(RevisionPlan? plan) => See(plan?.Compiled.Endpoint?.ContainerId);

    /// <summary>The resource as it must be put now; null while what it points to is not there or not verified.</summary>
    public Resource? Bind(Resource resource)
    {
        if (resource.BoundTo is null)
        {
            return resource;
        }

        if (See(resource.BoundTo) is not { Health: Health.Serving } target || !IsVerified(target))
        {
            return null;
        }

        var (body, fingerprint) = resource.Body.Bind(target, resource.Fingerprint);
        return resource with { Body = body, Fingerprint = fingerprint };
    }

    /// <summary>There, healthy, and equal to what is wanted (or as equal as it will ever be).</summary>
    public bool IsReady(string id) =>
        See(id) is { Health: Health.Serving or Health.Completed } seen
        && (!_wantedById.TryGetValue(id, out var wanted) || Same(seen.Fingerprint, wanted.Fingerprint) || IsNotConverging(wanted, seen));

    public bool IsReady(Resource resource) => IsReady(resource.Id);

    /// <summary>It was started as it is wanted; whether it is well already is another question.</summary>
    public bool HasStarted(string id) =>
        IsReady(id) || (See(id) is { Health: Health.Starting or Health.Wedged } seen && (!_wantedById.TryGetValue(id, out var wanted) || Same(seen.Fingerprint, wanted.Fingerprint)));

    /// <summary>An exit code tells that it ran: what never started is still owed a start.</summary>
    public static bool HasEndedForGood(Resource resource, SeenResource seen) => resource.EndsForGood && seen is { Health: Health.Failed, ExitCode: not null };

    /// <summary>It was put as often as it may be, and still differs.</summary>
    public bool IsNotConverging(Resource resource, SeenResource seen) =>
        !Same(seen.Fingerprint, resource.Fingerprint) && AttemptOn(resource.Id, resource.Fingerprint).Differing >= Options.PutLimit;

    /// <summary>A container that was started, or a pull or build that was begun, too often to be believed in.</summary>
    public bool KeepsFailing(Resource resource, SeenResource seen) =>
        HasEndedForGood(resource, seen)
        || (AttemptOn(resource.Id, resource.Fingerprint).Effects >= Options.CrashLimit
            && (resource.Kind is ResourceKind.Container ? !IsVerified(seen) : seen.Health is Health.Failed));

    /// <summary>The prober's word on this very incarnation; a word on another one is none.</summary>
    public Handshake? HandshakeOf(SeenResource container) =>
        _observation.Handshakes.TryGetValue(container.Id, out var word) && Same(word.Instance, container.Instance) ? word : null;

    public bool IsVerified(SeenResource container) => HandshakeOf(container) switch
    {
        { Verdict: HandshakeVerdict.Passed or HandshakeVerdict.Challenged } => true,
        { Verdict: HandshakeVerdict.Failed } failed => OncePassed(container) && failed.Failures < Options.UnverifiedAfter,
        _ => OncePassed(container),
    };

    public bool OncePassed(SeenResource container) =>
        _memory.Verified.TryGetValue(container.Id, out var instance) && Same(instance, container.Instance);

    /// <summary>Only containers are ever replaced for it: a volume that is in trouble is still data.</summary>
    public bool IsWedged(SeenResource seen) => seen is { Kind: ResourceKind.Container, Health: Health.Wedged }
        || (seen is { Kind: ResourceKind.Container, Health: Health.Serving }
            && OncePassed(seen)
            && HandshakeOf(seen) is { Verdict: HandshakeVerdict.Failed } failed
            && failed.Failures >= Options.WedgedAfter);

    /// <summary>Why an old container must not go yet; null when it may, but for its drain.</summary>
    public string? KeptFor(SeenResource old)
    {
        var target = Wanted.Target!.Compiled;
        if (target.Running.Any(r => r.Kind is ResourceKind.Container && See(r.Id) is null))
        {
            return "it stays until what replaces it is there";
        }

        return RolloutOf(old.Service) is Rollout.BlueGreen && StillServes(old) ? "it serves until what replaces it is verified and routed" : null;
    }

    /// <summary>Clients may have calls on it, though no new ones reach it.</summary>
    public bool MustDrain(SeenResource old) => RolloutOf(old.Service) is Rollout.BlueGreen && OncePassed(old);

    public bool IsDraining => Wanted.Goal is Goal.Run
        && MayRemoveSurplus
        && Surplus.Any(s => s.Kind is ResourceKind.Container && MustDrain(s) && KeptFor(s) is null);

    /// <summary>The revision does its work: its endpoint runs and is verified; without an endpoint, all of it is there.</summary>
    public bool IsUp(RevisionPlan? plan) => plan switch
    {
        null or { IsWhole: false } => false,
        { Compiled.Endpoint: null } => plan.Compiled.Running.All(IsReady),
        _ => EndpointOf(plan) is { Health: Health.Serving } container && IsVerified(container) && Companions(plan).All(IsReady),
    };

    /// <summary>The containers of a revision beside its endpoint's; most have none.</summary>
    public static IEnumerable<Resource> Companions(RevisionPlan plan) =>
        plan.Compiled.Running.Where(r => r.Kind is ResourceKind.Container && r.Id != plan.Compiled.Endpoint?.ContainerId);

    /// <summary>What a Put of a container must find gone first, where two must never run at once; null when nothing is in the way.</summary>
    public SeenResource? InTheWay(Resource container) => (container.Rollout ?? Wanted.Target?.Compiled.Rollout) is Rollout.Recreate
        ? Surplus.FirstOrDefault(s => s.Kind is ResourceKind.Container && s.Service == container.Service)
        : null;

    /// <summary>A wait until this may be tried (again); null = now.</summary>
    /// <param name="fingerprint">What would be put; null = it would be removed.</param>
    public Step.Wait? Hold(string id, string? fingerprint)
    {
        var attempt = AttemptOn(id, fingerprint);
        if (attempt is { Fault: { } fault, NotBefore: { } notBefore } && notBefore > Now)
        {
            return new Step.Wait(fault.Reason, fault.Message, notBefore);
        }

        // The second effect is free: it is the repair of a first crash, or of a stale read.
        var again = attempt is { Effects: > 1, LastAt: { } last }
            ? last + Backoff.After(attempt.Effects - 1, Wanted.RecordId, Options.BackoffFirst, Options.BackoffMost)
            : Now;
        return again > Now ? new Step.Wait(Reasons.BackingOff, $"{id} was tried {attempt.Effects} times; the next try is at {again:u}.", again) : null;
    }

    public Attempt AttemptOn(string id, string? fingerprint)
    {
        var attempt = _memory.AttemptOn(id, fingerprint);
        return attempt.LastAt + Options.SteadyAfter < Now ? attempt with { Effects = 0 } : attempt;
    }

    /// <summary>A route leads to it; or it passed a handshake, and the route (or, without one, the handshake) is not yet the new one's.</summary>
    private bool StillServes(SeenResource old)
    {
        if (old.Health is not Health.Serving)
        {
            return false;
        }

        var routes = _resources.Where(r => r.Kind is ResourceKind.Route).ToList();
        if ((routes.Count > 0 && GatewayFault is not null) || _seen.Values.Any(s => s.Kind is ResourceKind.Route && Same(s.Instance, old.Instance)))
        {
            return true;
        }

        var routed = routes.Where(r => See(r.Id) is not null).ToList();
        var rebound = routed.Count > 0
            ? routed.TrueForAll(r => Bind(r) is { } bound && Same(See(r.Id)!.Fingerprint, bound.Fingerprint))
            : IsUp(Wanted.Target);
        return OncePassed(old) && !rebound;
    }

    /// <summary>An older revision's container that must not run beside the one that takes its place, once that one's turn has come.</summary>
    private bool IsCutOver(Resource old)
    {
        if (old.Kind is not ResourceKind.Container || !Wanted.InTransition || old.Generation == Wanted.Target?.Generation
            || Wanted is not { Serving: not null, Target: { IsWhole: true } target } || RolloutOf(old.Service) is not Rollout.Recreate)
        {
            return false;
        }

        var containers = target.Compiled.Running.Where(r => r.Kind is ResourceKind.Container).ToList();
        var own = containers.Select(r => r.Id).ToHashSet(StringComparer.Ordinal);
        var heirs = containers.Where(r => r.Service == old.Service).ToList();
        return heirs.Exists(r => See(r.Id) is not null) || heirs.SelectMany(r => r.DependsOn).Where(id => !own.Contains(id)).All(IsReady);
    }

    private Rollout? RolloutOf(string? service) =>
        Wanted.Target?.Compiled.Running.FirstOrDefault(r => r.Kind is ResourceKind.Container && r.Service == service)?.Rollout ?? Wanted.Target?.Compiled.Rollout;

    private static List<Resource> ResourcesOf(Wanted wanted) => wanted.Goal switch
    {
        Goal.Run => Usable(wanted.Target, wanted.Serving).SelectMany(p => p.Compiled.Running)
            .Concat(Usable(wanted.Serving).SelectMany(p => p.Routes))
            .DistinctBy(r => r.Id, StringComparer.Ordinal).ToList(),
        Goal.Stop => Usable(wanted.Target).SelectMany(p => p.Compiled.Stopped.Concat(p.StoppedRoutes))
            .DistinctBy(r => r.Id, StringComparer.Ordinal).ToList(),
        Goal.Delete => [],
    };

    private static IEnumerable<RevisionPlan> Usable(params RevisionPlan?[] plans) => plans.OfType<RevisionPlan>().Where(p => p.Compiled.Refused is null);

    private static IReadOnlyList<SeenResource> SeenBy(ProviderView view) => view.Match(known => known.Resources, _ => []);

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.Ordinal);
}
