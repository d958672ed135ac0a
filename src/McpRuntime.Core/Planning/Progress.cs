using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>What a turn has to say: conditions, the status word that follows from them, memory, events, and when to look again. Pure.</summary>
public static class Progress
{
    public static Report Of(RuntimeRecord record, Wanted wanted, Observation seen, Step step, StepResult result, DateTimeOffset now, PlannerOptions options)
    {
        var world = new World(wanted, seen, Memory.Of(record), now, options);
        var memory = Recall.After(world, step, result);
        var findings = new Findings(record, world, memory, step, result);
        var conditions = findings.All();
        var registered = conditions.Any(c => c is { Type: ConditionType.GatewayRegistered, Status: ConditionStatus.True });
        var touched = memory.FirstPutAt is not null || wanted.Goal is Goal.Delete || world.Seen.Any();
        return new Report
        {
            RecordId = record.Id,
            BasedOn = record.StatusRevision,
            ObservedGeneration = record.AskedGeneration,
            ObservedCommand = record.CommandSequence,
            Status = findings.StandsAsBefore && record.Conditions.Count > 0 ? record.Status : StatusTable.Of(step is Step.Entomb, findings.IsHalted, touched, conditions),
            Conditions = conditions,
            Memory = memory,
            NextTurnAt = NextTurnAt(record, step, now),
            ErrorMessage = findings.Obstruction()?.Message,
            Display = world.BackendFault is null ? Shown.Of(record, world, memory, findings.Carrier, registered) : null,
            Resolved = step is Step.Resolve resolve && result.Facts is { } facts ? (resolve.Generation, facts) : null,
            Promoted = step is Step.Promote promote ? promote.Generation : null,
            Failed = Failed(wanted, step, result),
            Entomb = step is Step.Entomb,
            Events = Narrative.Of(record, world, step, result, conditions),
            Tools = ToolsOf(record, world, memory),
        };
    }

    /// <summary>Tools that were not the last ones told of.</summary>
    private static ToolInventory? ToolsOf(RuntimeRecord record, World world, Memory memory) =>
        memory.Tools is { Now: { } hash } tools
        && tools.Generation == world.Wanted.Serving?.Generation
        && (record.Memory.Tools?.Generation != tools.Generation || record.Memory.Tools.Now != hash)
        && world.EndpointOf(world.Wanted.Serving) is { } container
        && world.HandshakeOf(container) is { Definitions: { } definitions } word
        && word.ToolsHash == hash
            ? new ToolInventory(tools.Generation, hash, definitions, IsFirst: record.Memory.Tools?.Generation != tools.Generation)
            : null;

    /// <summary>Whether it says anything that the record does not say already. A turn that changes nothing writes nothing.</summary>
    public static bool IsNews(Report report, RuntimeRecord record) =>
        report.ObservedGeneration != record.ObservedGeneration
        || report.ObservedCommand != record.ObservedCommand
        || report.Status != record.Status
        || report.NextTurnAt != record.NextTurnAt
        || report.ErrorMessage != record.ErrorMessage
        || report is not { Resolved: null, Promoted: null, Failed: null, Entomb: false, Events: [] }
        || !report.Conditions.SequenceEqual(record.Conditions)
        || !Sameness.Of(report.Memory, record.Memory)
        || (report.Display is { } display && !Sameness.Of(display, record.Display));

    /// <summary>A backend's final "no" ends the generation that is on its way; what serves already is tried again instead.</summary>
    private static (long Generation, string Reason, string Message)? Failed(Wanted wanted, Step step, StepResult result)
    {
        if (step is Step.Fail fail)
        {
            return (fail.Generation, fail.Reason, fail.Message);
        }

        var generation = step switch
        {
            Step.Resolve resolve => resolve.Generation,
            Step.Put put when wanted.InTransition && wanted.Target!.Compiled.Running.Contains(put.Resource) => wanted.Target.Generation,
            _ => 0,
        };
        return generation != 0 && generation != wanted.Serving?.Generation && result.Fault is { Kind: FaultKind.Refused } refused
            ? (generation, refused.Reason, refused.Message)
            : null;
    }

    private static DateTimeOffset? NextTurnAt(RuntimeRecord record, Step step, DateTimeOffset now) => step switch
    {
        Step.Done or Step.Entomb => null,

        // A hint came before its time: the wait that is written still stands, and need not be written again.
        Step.Wait wait => record.NextTurnAt is { } written && written > now && written <= wait.At ? written : Storable(wait.At),
        _ => Storable(now),
    };

    // Databases keep whole milliseconds. Upwards: a look before its time would only wait again.
    private static DateTimeOffset Storable(DateTimeOffset at)
    {
        var beyond = at.Ticks % TimeSpan.TicksPerMillisecond;
        return beyond == 0 ? at : at.AddTicks(TimeSpan.TicksPerMillisecond - beyond);
    }
}
