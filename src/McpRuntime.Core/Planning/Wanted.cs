using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

public enum Goal
{
    Run,
    Stop,
    Delete,
}

/// <summary>
/// Which revision the gates let through. They choose among revisions and never empty a set: while generation 2 waits for an
/// approval, or has failed, generation 1 is still wanted whole.
/// </summary>
public sealed record Gates(Goal Goal, Revision? Target, Revision? Serving)
{
    public static Gates Of(RuntimeRecord record)
    {
        if (record.DeleteRequested)
        {
            return new Gates(Goal.Delete, null, null);
        }

        if (record.Hold is not null || record.Desired is DesiredState.Stopped)
        {
            return new Gates(Goal.Stop, record.Serving ?? record.Asked, record.Serving);
        }

        var target = record.Asked.State switch
        {
            RevisionState.Admitted or RevisionState.Serving => record.Asked,
            RevisionState.Pending or RevisionState.Failed or RevisionState.Superseded => record.Serving,
        };
        return new Gates(Goal.Run, target, record.Serving);
    }

    /// <summary>What has to be compiled before <see cref="Wanted.For"/>; each once.</summary>
    public IEnumerable<Revision> Revisions => new[] { Target, Serving }.OfType<Revision>().DistinctBy(r => r.Generation);
}

/// <summary>What one revision means, on its backend and in the gateway.</summary>
/// <param name="Routes">Routes and registrations while it runs; bound to the endpoint's container.</param>
/// <param name="StoppedRoutes">What of them stays while it is stopped; bound to nothing.</param>
public sealed record RevisionPlan(Revision Revision, Compiled Compiled, IReadOnlyList<Resource> Routes, IReadOnlyList<Resource> StoppedRoutes)
{
    public long Generation => Revision.Generation;

    /// <summary>False: its sets say nothing, or not yet everything, so that nothing may be called surplus by them.</summary>
    public bool IsWhole => Compiled.Refused is null && Compiled.Complete;
}

/// <summary>What should be there, as far as the record goes.</summary>
public sealed record Wanted
{
    public required string RecordId { get; init; }

    public required Goal Goal { get; init; }

    public required Revision Asked { get; init; }

    /// <summary>What traffic should go to in the end; null: no revision may run, or it could not be compiled.</summary>
    public RevisionPlan? Target { get; init; }

    /// <summary>What traffic goes to now.</summary>
    public RevisionPlan? Serving { get; init; }

    public bool KeepVolumes { get; init; }

    /// <summary>Why a plan is missing (a secret that can't be read, a backend that is switched off): what can't be compiled is left alone.</summary>
    public Fault? Obstacle { get; init; }

    /// <summary>A new revision is on its way, beside or instead of the one that serves (if one does).</summary>
    public bool InTransition => Goal is Goal.Run && Target is not null && Target.Generation != Serving?.Generation;

    /// <param name="compile">Pure; null = this revision can't be compiled now, and <paramref name="obstacle"/> says why.</param>
    public static Wanted For(RuntimeRecord record, Func<Revision, RevisionPlan?> compile, Fault? obstacle = null)
    {
        var gates = Gates.Of(record);
        var plans = gates.Revisions.ToDictionary(r => r.Generation, compile);
        return new Wanted
        {
            RecordId = record.Id,
            Goal = gates.Goal,
            Asked = record.Asked,
            Target = gates.Target is { } target ? plans[target.Generation] : null,
            Serving = gates.Serving is { } serving ? plans[serving.Generation] : null,
            KeepVolumes = record.KeepVolumes,
            Obstacle = obstacle,
        };
    }
}
