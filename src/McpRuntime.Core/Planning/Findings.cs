using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>The conditions of a record: what is true of it, each with a reason and plain words.</summary>
internal sealed class Findings
{
    private readonly RuntimeRecord _record;
    private readonly World _world;
    private readonly Memory _memory;
    private readonly Step _step;
    private readonly StepResult _result;
    private readonly bool _blind;

    /// <param name="memory">As it is after this turn.</param>
    public Findings(RuntimeRecord record, World world, Memory memory, Step step, StepResult result)
    {
        (_record, _world, _memory, _step, _result) = (record, world, memory, step, result);
        var nothingCompiled = world.Wanted is { Goal: Goal.Run, Obstacle: not null, Serving: null, Target: null };
        Carrier = CarrierOf(world);
        _blind = world.BackendFault is not null || (nothingCompiled && (Carrier is not null || AllServe(world)));
    }

    /// <summary>The container that does the work now; null when none runs (or none can be seen).</summary>
    public SeenResource? Carrier { get; }

    /// <summary>Nothing can be said now of what runs, and it has not been so for long: what was found last still stands.</summary>
    public bool StandsAsBefore => _blind && (_world.BackendFault is null || _memory.Failures < _world.Options.BlindAfter);

    public bool IsHalted => _world.Wanted.Goal is Goal.Stop
        && _world.BackendFault is null
        && !_world.Seen.Any(s => s.Kind is ResourceKind.Container && s.Health is Health.Starting or Health.Serving or Health.Wedged);

    private Wanted Wanted => _world.Wanted;

    public IReadOnlyList<Condition> All()
    {
        var stalled = Stalled();
        var found = new List<Condition>
        {
            True(ConditionType.Accepted, "Accepted", "The specification was accepted."),
            Approved(),
            Resolved(),
            Seeing(ConditionType.GuardrailsEnforced, GuardrailsEnforced),
            Seeing(ConditionType.Available, Available),
            _blind ? Before(ConditionType.Verified, _world.BackendFault ?? Wanted.Obstacle!) : Verified(),
            Seeing(ConditionType.GatewayRegistered, GatewayRegistered),
            Seeing(ConditionType.Drifted, Drifted),
            ToolsDrifted(),
            _record.Hold is { } hold ? True(ConditionType.Paused, "Held", hold) : False(ConditionType.Paused, "NotHeld", "Nobody holds it."),
            stalled,
        };
        found.Add(Ready(found, stalled));
        return found;
    }

    /// <summary>The worst that stands in the way, for <c>error_message</c>; null when nothing does.</summary>
    public Fault? Obstruction() =>
        Wanted.Asked.State is RevisionState.Failed && Wanted.Goal is Goal.Run
            ? new Fault(FaultKind.Refused, Wanted.Asked.FailedReason ?? "Failed", Wanted.Asked.FailedMessage ?? "This generation has failed.")
            : _step is Step.Fail fail ? new Fault(FaultKind.Refused, fail.Reason, fail.Message)
            : _result.Fault
            ?? Unmendable()
            ?? _memory.Attempts.Values.FirstOrDefault(a => a.Fault is not null)?.Fault
            ?? (_world.SeesAll && Wanted.Obstacle is null ? null : _world.BackendFault ?? Wanted.Obstacle ?? _world.GatewayFault ?? _world.RegistryFault);

    private Fault? Unmendable()
    {
        foreach (var resource in Wanted.Goal is Goal.Run ? _world.Resources : [])
        {
            if (_world.See(resource.Id) is not { } seen || _world.Bind(resource) is not { } bound)
            {
                continue;
            }

            if (_world.IsNotConverging(bound, seen))
            {
                return new Fault(
                    FaultKind.Refused,
                    Reasons.NotConverging,
                    $"{Words.Name(seen.Id, seen.Service)} still differs in {seen.DifferingField ?? "a field"} after {_world.Options.PutLimit} tries. "
                    + "Somebody may be editing it, or the backend does not keep what is asked.");
            }

            if (World.HasEndedForGood(bound, seen))
            {
                return new Fault(FaultKind.Refused, Reasons.Ended, $"{Words.Of(seen)} It is not started again (restart: no); see its logs, then restart the runtime or deploy again.");
            }

            if (_world.KeepsFailing(bound, seen) && !(seen.Service is not null && seen.Health is Health.Serving or Health.Completed))
            {
                return new Fault(
                    FaultKind.Refused, Reasons.CrashLoop, $"{Words.Name(seen.Id, seen.Service)} does not stay up: {Words.Of(seen)} It is started again with growing pauses; see its logs.");
            }
        }

        return null;
    }

    private Condition Stalled()
    {
        var stuck = Obstruction() switch
        {
            null => null,
            { Kind: FaultKind.Refused or FaultKind.Unauthorized } fault => fault,
            { } fault when _memory.Failures >= _world.Options.BlindAfter || _memory.Attempts.Values.Any(a => a.Failures >= _world.Options.CrashLimit) => fault,
            _ => null,
        };
        return stuck is null ? False(ConditionType.Stalled, "Progressing", "Nothing stands in the way.") : True(ConditionType.Stalled, stuck.Reason, stuck.Message);
    }

    private Condition Approved() => Wanted.Asked switch
    {
        { State: RevisionState.Pending } when Wanted.Goal is Goal.Delete => False(ConditionType.Approved, "Cancelled", "It is being deleted."),
        { State: RevisionState.Pending } => False(
            ConditionType.Approved, Reasons.PendingApproval, $"Generation {Wanted.Asked.Generation} waits for an approver's decision."),
        { State: RevisionState.Failed, FailedReason: "Rejected" or "Expired" } => False(
            ConditionType.Approved, Wanted.Asked.FailedReason!, Wanted.Asked.FailedMessage ?? "It was not approved."),
        { ApprovalId: null } => True(ConditionType.Approved, "NotRequired", "No approval is needed."),
        _ => True(ConditionType.Approved, "Approved", "It was approved."),
    };

    private Condition Resolved() => (_result.Facts ?? Wanted.Asked.Facts, _memory.AttemptOn(Reasons.ResolveAttempt, "").Fault) switch
    {
        ({ } facts, _) => True(ConditionType.Resolved, "Resolved", $"Pinned to {facts.Commit ?? facts.Pin}."),
        (null, { } fault) => False(ConditionType.Resolved, fault.Reason, fault.Message),
        _ => Unknown(ConditionType.Resolved, "Resolving", "What it refers to has not been looked up yet."),
    };

    private Condition GuardrailsEnforced()
    {
        var report = Shown.ReportOf(_world, Shown.PlanOf(_world, Carrier), Carrier);
        var loose = report.Where(c => c.Outcome is ControlOutcome.Weakened or ControlOutcome.Refused).ToList();
        return Carrier is null ? Unknown(ConditionType.GuardrailsEnforced, "NotObserved", "Nothing runs that it could be read back from.")
            : loose.Count == 0 ? True(ConditionType.GuardrailsEnforced, "ReadBack", "Every control that was asked for is held.")
            : False(ConditionType.GuardrailsEnforced, "Weakened", string.Join(" ", loose.Select(c => $"{c.Control}: {c.Message}")));
    }

    private Condition Available()
    {
        if (Carrier is { } carrier)
        {
            return True(ConditionType.Available, "Runs", $"{carrier.Id} runs.");
        }

        var unfinished = _world.Resources.Select(r => _world.See(r.Id)).FirstOrDefault(s => s is { Health: not (Health.Serving or Health.Completed) });
        return Wanted.Goal is not Goal.Run ? False(ConditionType.Available, Wanted.Goal is Goal.Stop ? Reasons.Stopped : Reasons.Deleted, "It is not asked to run.")
            : Obstruction() is { } fault ? False(ConditionType.Available, fault.Reason, fault.Message)
            : unfinished is not null ? False(ConditionType.Available, unfinished.Health.ToString(), Words.Of(unfinished))
            : _step is Step.Wait wait ? False(ConditionType.Available, wait.Reason, wait.Message)
            : False(ConditionType.Available, "NotStarted", "Nothing of it runs yet.");
    }

    private Condition Verified() => Carrier switch
    {
        null => False(ConditionType.Verified, "NotAvailable", "Nothing runs that could be asked."),
        { } carrier when _world.IsVerified(carrier) => True(
            ConditionType.Verified,
            _world.HandshakeOf(carrier) is { Verdict: HandshakeVerdict.Challenged } ? "Challenged" : "HandshakePassed",
            Words.OfHandshake(_world, carrier)),
        { } carrier => False(
            ConditionType.Verified,
            _world.HandshakeOf(carrier) is { Verdict: HandshakeVerdict.Failed } ? Reasons.HandshakeFailed : Reasons.Verifying,
            Words.OfHandshake(_world, carrier)),
    };

    private Condition GatewayRegistered()
    {
        var routes = Wanted.Serving?.Routes ?? [];
        if ((_world.GatewayFault ?? (routes.Any(r => r.Kind is ResourceKind.Registration) ? _world.RegistryFault : null)) is { } away)
        {
            return _memory.Failures < _world.Options.BlindAfter
                ? Before(ConditionType.GatewayRegistered, away)
                : Unknown(ConditionType.GatewayRegistered, away.Reason, away.Message);
        }

        if (Wanted.Goal is Goal.Run && routes.Count == 0)
        {
            return Wanted.Asked.Spec.RegisterGateway
                ? False(ConditionType.GatewayRegistered, "NotYet", "It is registered once it has passed its handshake.")
                : False(ConditionType.GatewayRegistered, "NotRequested", "register_gateway is false.");
        }

        // While it goes down the route is as good as what it leads to, as long as it is there.
        var registered = Wanted.Goal is Goal.Run
            ? Carrier is not null && routes.All(r => _world.See(r.Id) is { Health: Health.Serving } there && LeadsTo(r, there, Carrier))
            : Carrier is not null && _world.Seen.Any(s => s.Kind is ResourceKind.Route);
        var fault = routes.Select(r => _memory.Attempts.GetValueOrDefault(r.Id)?.Fault).FirstOrDefault(f => f is not null);
        var unfinished = routes.Select(r => _world.See(r.Id)).FirstOrDefault(s => s is { Health: not Health.Serving });
        return registered ? True(ConditionType.GatewayRegistered, "Registered", "Clients reach it through the gateway.")
            : fault is not null ? False(ConditionType.GatewayRegistered, fault.Reason, fault.Message)
            : unfinished is not null ? False(ConditionType.GatewayRegistered, unfinished.Health.ToString(), Words.Of(unfinished))
            : False(ConditionType.GatewayRegistered, "NotYet", "No route leads to what runs now.");
    }

    private Condition Drifted()
    {
        foreach (var resource in Wanted.Goal is Goal.Run && !Wanted.InTransition ? _world.Resources : [])
        {
            if (resource.BoundTo is null && _world.See(resource.Id) is { } seen && seen.Fingerprint != resource.Fingerprint)
            {
                var reason = _world.IsNotConverging(resource, seen) ? Reasons.NotConverging : Reasons.Drifted;
                return True(ConditionType.Drifted, reason, $"{Words.Name(seen.Id, seen.Service)} is not as asked: {seen.DifferingField ?? "a field"} differs.");
            }
        }

        return False(ConditionType.Drifted, "AsAsked", "What runs is what was asked for.");
    }

    private Condition ToolsDrifted()
    {
        var hash = Carrier is { } carrier ? _world.HandshakeOf(carrier)?.ToolsHash : null;
        var drifted = hash is null
            ? _memory.Tools?.Generation == Wanted.Serving?.Generation
                && _record.Conditions.Any(c => c is { Type: ConditionType.ToolsDrifted, Status: ConditionStatus.True })
            : _memory.Tools is { } tools && tools.Generation == Wanted.Serving?.Generation && tools.Hash != hash;
        return (_world.Options.ToolsPin, drifted) switch
        {
            (ToolsPin.Off, _) => False(ConditionType.ToolsDrifted, "NotPinned", "Changed tool definitions are not looked for (RUNTIME_TOOLS_PIN=off)."),
            (_, false) => False(ConditionType.ToolsDrifted, "AsAccepted", "The tool definitions are those first seen of this generation, or accepted since."),
            (ToolsPin.Quarantine, true) => True(
                ConditionType.ToolsDrifted,
                "Quarantined",
                "The server's tool definitions changed without a new generation. No tool is called until an approver accepts them: see GET …/tools, then POST …/tools/approve."),
            _ => True(ConditionType.ToolsDrifted, "Changed", "The server's tool definitions changed without a new generation. Look at what changed (GET …/tools) before trusting them."),
        };
    }

    private Condition Ready(List<Condition> found, Condition stalled)
    {
        bool Holds(ConditionType type) => found.Exists(c => c.Type == type && c.Status is ConditionStatus.True);
        var registered = Holds(ConditionType.GatewayRegistered) || !Wanted.Asked.Spec.RegisterGateway;
        var settled = Wanted.Goal is Goal.Run && !Wanted.InTransition && Wanted.Asked.Generation == Wanted.Serving?.Generation;
        var lame = Wanted.Goal is Goal.Run && Wanted.Serving is { } serving ? World.Companions(serving).FirstOrDefault(r => !_world.IsReady(r)) : null;
        return settled && lame is not null && stalled.Status is not ConditionStatus.True
            ? False(ConditionType.Ready, "ServiceNotReady", _world.See(lame.Id) is { } seen ? Words.Of(seen) : $"{Words.Name(lame.Id, lame.Service)} is not there.")
            : settled && registered && lame is null && Holds(ConditionType.Available) && Holds(ConditionType.Verified)
            ? True(ConditionType.Ready, "Ready", "What was asked for serves.")
            : stalled.Status is ConditionStatus.True ? False(ConditionType.Ready, stalled.Reason, stalled.Message)
            : _step is Step.Wait wait ? False(ConditionType.Ready, wait.Reason, wait.Message)
            : False(ConditionType.Ready, Wanted.Goal.ToString(), $"Next: {_step.GetType().Name.ToLowerInvariant()}.");
    }

    /// <summary>The running endpoint to speak of: the one the route leads to, else a verified one, else any.</summary>
    private static SeenResource? CarrierOf(World world)
    {
        RevisionPlan?[] plans = [world.Wanted.Serving, world.Wanted.Target];
        var endpoints = plans.Select(world.EndpointOf).OfType<SeenResource>();
        var running = endpoints
            .Concat(world.Seen.Where(s => s.Kind is ResourceKind.Container && world.OncePassed(s)))
            .Where(s => s.Health is Health.Serving)
            .Where(s => !plans.OfType<RevisionPlan>().SelectMany(p => p.Compiled.Running).Any(r => r.Id == s.Id && world.KeepsFailing(r, s)))
            .DistinctBy(s => s.Id, StringComparer.Ordinal)
            .ToList();
        var routes = (world.Wanted.Serving?.Routes ?? []).Where(r => r.Kind is ResourceKind.Route).ToList();
        return running.Find(s => world.IsVerified(s) && routes.Count > 0 && routes.All(r => world.See(r.Id) is { } there && LeadsTo(r, there, s)))
            ?? running.Find(world.IsVerified)
            ?? running.FirstOrDefault();
    }

    /// <summary>For what can't be compiled now it is not known which container is the endpoint: it stands as before only while nothing of it fell.</summary>
    private static bool AllServe(World world)
    {
        var containers = world.Seen.Where(s => s.Kind is ResourceKind.Container).ToList();
        return containers.Exists(s => s.Health is Health.Serving) && containers.TrueForAll(s => s.Health is Health.Serving or Health.Completed);
    }

    private static bool LeadsTo(Resource route, SeenResource there, SeenResource container) =>
        there.Fingerprint == (route.BoundTo is null ? route.Fingerprint : route.Body.Bind(container, route.Fingerprint).Fingerprint);

    private Condition Seeing(ConditionType type, Func<Condition> find) =>
        !_blind ? find()
        : StandsAsBefore ? Before(type, _world.BackendFault ?? Wanted.Obstacle!)
        : Unknown(type, _world.BackendFault!.Reason, _world.BackendFault.Message);

    private Condition Before(ConditionType type, Fault why) =>
        _record.Conditions.FirstOrDefault(c => c.Type == type) ?? Unknown(type, why.Reason, why.Message);

    private Condition True(ConditionType type, string reason, string message) => Now(type, ConditionStatus.True, reason, message);

    private Condition False(ConditionType type, string reason, string message) => Now(type, ConditionStatus.False, reason, message);

    private Condition Unknown(ConditionType type, string reason, string message) => Now(type, ConditionStatus.Unknown, reason, message);

    private Condition Now(ConditionType type, ConditionStatus status, string reason, string message)
    {
        var before = _record.Conditions.FirstOrDefault(c => c.Type == type);
        return new Condition(type, status, reason, message, _record.AskedGeneration, before?.Status == status ? before.LastTransitionTime : _world.Now);
    }
}
