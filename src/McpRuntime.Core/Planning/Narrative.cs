using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>What of a turn is worth an event: every effect, and what a person would want to be told.</summary>
internal static class Narrative
{
    public static IReadOnlyList<NewEvent> Of(RuntimeRecord record, World world, Step step, StepResult result, IReadOnlyList<Condition> conditions) =>
        [.. OfStep(world, step, result), .. Turned(record, conditions)];

    private static IEnumerable<NewEvent> OfStep(World world, Step step, StepResult result)
    {
        if (result.Fault is { } fault)
        {
            // The same fault again is told by the condition alone; an event each try would bury the rest.
            if (!IsOld(world, step, fault))
            {
                yield return new NewEvent(fault.Reason, fault.Message);
            }

            yield break;
        }

        var told = step.Match<NewEvent?>(
            _ => null,
            resolve => new NewEvent("Resolved", $"Generation {resolve.Generation} is pinned to {result.Facts?.Commit ?? result.Facts?.Pin}."),
            put => OfPut(world, put, result),
            remove => new NewEvent($"{remove.Kind}Removed", $"{Words.Name(remove.ResourceId, world.See(remove.ResourceId)?.Service)} was removed ({remove.Why})."),
            _ => null,
            promote => new NewEvent("Promoted", $"Generation {promote.Generation} passed its handshake and serves."),
            fail => new NewEvent("GenerationFailed", $"Generation {fail.Generation} failed ({fail.Reason}): {fail.Message}"),
            _ => new NewEvent("Deleted", "Nothing is left of it."));
        if (told is not null)
        {
            yield return told;
        }
    }

    private static NewEvent OfPut(World world, Step.Put put, StepResult result)
    {
        var kind = put.Resource.Kind;
        var seen = world.See(put.Resource.Id);
        var id = Words.Name(put.Resource.Id, put.Resource.Service);
        return result.Outcome switch
        {
            Outcome.InProgress { Message: var message } => new NewEvent($"{kind}Started", message),
            _ when seen is null && world.AttemptOn(put.Resource.Id, put.Resource.Fingerprint).Effects > 0 => new NewEvent($"{kind}Restarted", $"{id} was gone and was made again."),
            _ when put.Why == Reasons.Crashed => new NewEvent($"{kind}Restarted", $"{id} was started again. {(seen is null ? "" : Words.Of(seen))}"),
            _ when put.Why == Reasons.Drifted => new NewEvent("DriftRepaired", $"{id} differed in {seen?.DifferingField ?? "a field"} and was put right."),
            _ when put.Why == Reasons.Different => new NewEvent($"{kind}Updated", $"{id} was brought to what is asked now."),
            _ => new NewEvent($"{kind}Created", $"{id} was created."),
        };
    }

    private static IEnumerable<NewEvent> Turned(RuntimeRecord record, IReadOnlyList<Condition> conditions)
    {
        foreach (var now in conditions)
        {
            var before = record.Conditions.FirstOrDefault(c => c.Type == now.Type)?.Status ?? ConditionStatus.Unknown;
            var told = (now.Type, before, now.Status) switch
            {
                (ConditionType.Verified, not ConditionStatus.True, ConditionStatus.True) => "Verified",
                (ConditionType.Verified, ConditionStatus.True, ConditionStatus.False) => "VerificationLost",
                (ConditionType.Stalled, not ConditionStatus.True, ConditionStatus.True) => "Stalled",
                (ConditionType.ToolsDrifted, not ConditionStatus.True, ConditionStatus.True) => "ToolsDrifted",
                _ => null,
            };
            if (told is not null)
            {
                yield return new NewEvent(told, now.Message);
            }
        }
    }

    private static bool IsOld(World world, Step step, Fault fault)
    {
        var before = step switch
        {
            Step.Put put => world.Memory.AttemptOn(put.Resource.Id, put.Resource.Fingerprint).Fault,
            Step.Remove remove => world.Memory.AttemptOn(remove.ResourceId, null).Fault,
            Step.Resolve => world.Memory.AttemptOn(Reasons.ResolveAttempt, "").Fault,
            _ => null,
        };
        return before?.Reason == fault.Reason;
    }
}
