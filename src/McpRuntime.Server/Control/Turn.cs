using System.Diagnostics;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>One turn of one record: look, decide, do at most one thing, tell. Level, not edge: why it was woken does not matter.</summary>
internal sealed class Turn(IRecordStore records, RevisionPlans plans, Providers providers, ILease lease, TurnSurroundings around)
{
    /// <summary>Somebody else wrote the row: decide again on what it says now.</summary>
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(50);

    public async Task<Next> TakeAsync(Work work, CancellationToken ct)
    {
        // The rows are the queue: what is dropped here is found due by whoever leads.
        if (lease.Current is not { } epoch || await records.FindAsync(work.Id, ct) is not { IsTombstone: false } record)
        {
            around.Metrics.Forget(work.Id);
            providers.Forget(work.Id);
            return Next.WhenAsked;
        }

        if (!around.Lanes.TryEnter(record.Backend, work.Id))
        {
            return Next.WhenAsked;
        }

        try
        {
            using var activity = ControlMetrics.StartTurn(work);
            return await TakeAsync(record, epoch, activity, ct);
        }
        finally
        {
            around.Lanes.Exit(record.Backend);
        }
    }

    /// <summary>Whether a look at this would come to nothing: no effect, and nothing to write.</summary>
    public async Task<bool> IsSettledAsync(RuntimeRecord record, Observation seen, CancellationToken ct)
    {
        var now = around.Time.GetUtcNow();
        var (wanted, secrets) = await plans.ForAsync(record, ct);
        seen = StrangersWords.Without(secrets, seen);
        var step = Planner.Next(wanted, seen, Memory.Of(record), now, around.Options.Planner);
        var report = Progress.Of(record, wanted, seen, step, StepResult.NoEffect, now, around.Options.Planner);
        providers.Watch(record, wanted, seen);
        around.Metrics.Saw(record.Backend, report);
        return step is Step.Done or Step.Wait && !Progress.IsNews(report, record);
    }

    private async Task<Next> TakeAsync(RuntimeRecord record, LeaseEpoch epoch, Activity? activity, CancellationToken ct)
    {
        var (began, now) = (around.Time.GetTimestamp(), around.Time.GetUtcNow());
        var (wanted, secrets) = await plans.ForAsync(record, ct);
        var seen = StrangersWords.Without(secrets, await providers.ObserveAsync(record, ct));
        var step = Planner.Next(wanted, seen, Memory.Of(record), now, around.Options.Planner);
        if (await ExecuteAsync(record, step, epoch, ct) is not { } told)
        {
            return Next.WhenAsked;
        }

        var result = StrangersWords.Without(secrets, told);

        var report = Progress.Of(record, wanted, seen, step, result, now, around.Options.Planner);
        providers.Watch(record, wanted, seen);
        around.Told(record, step, result, report, began, activity);
        return !Progress.IsNews(report, record) || await records.ReportAsync(report, epoch, ct) ? Next.At(report.NextTurnAt, now) : new Next(Again);
    }

    /// <summary>Null: the lease lapsed before the effect, so that nothing was done and nothing may be told.</summary>
    private async Task<StepResult?> ExecuteAsync(RuntimeRecord record, Step step, LeaseEpoch epoch, CancellationToken ct)
    {
        if (step is (Step.Put or Step.Remove or Step.Resolve) && lease.Current != epoch)
        {
            return null;
        }

        return step switch
        {
            Step.Resolve => await providers.ResolveAsync(record, ct),
            Step.Put put => new StepResult(await providers.PutAsync(record, put.Resource, ct)),
            Step.Remove remove => new StepResult(await providers.RemoveAsync(record.Backend, Providers.IdentityOf(record), remove.ResourceId, remove.Kind, ct)),
            _ => StepResult.NoEffect,
        };
    }
}
