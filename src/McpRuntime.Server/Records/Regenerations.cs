using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>
/// New generations made from stored ones: going back to an earlier one, following what it was made from. Both are admitted anew by the
/// rules, profiles and settings as they are now; the first keeps the pin of what it is made from: neither is a way around a gate.
/// </summary>
internal sealed class Regenerations(Database database, Drafts drafts, TimeProvider time, IWakeUp? wakeUp = null)
{
    /// <param name="generation">Null: the last one that served before what runs now (or what runs now, when a newer one waits or has failed).</param>
    public async Task<RuntimeHead> RollBackAsync(Caller caller, string idOrName, long? generation, long? ifGeneration, CancellationToken ct)
    {
        Policy.MustOperate(caller);
        await drafts.RefreshAsync(ct);
        var change = NewChange(caller);
        var head = await database.WriteAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, idOrName, stop);
                if (row.LastChange != change.Id)
                {
                    Policy.MustBeOwner(caller.Source, row);
                    Policy.MustChange(caller, row);
                    Policy.MustNotBeGoing(row);
                    Policy.MustMatch(ifGeneration, row);
                    var target = await TargetAsync(db, row, generation, stop);
                    if (!await RollBackAsync(db, change, row, target, stop))
                    {
                        return await Lookup.HeadAsync(db, row, $"No change: generation {row.AskedGeneration} is the same as generation {target.Generation}.", stop);
                    }
                }

                return await Lookup.HeadAsync(db, row, $"Accepted as generation {row.AskedGeneration}.", stop);
            },
            ct);
        wakeUp?.Wake(head.Id);
        return head;
    }

    /// <summary>The same request as it is understood now, pinned to what was just looked up for it.</summary>
    /// <param name="ifGeneration">What the look was taken at: another generation since then is a conflict.</param>
    public async Task<RuntimeHead> UpgradeAsync(Caller caller, string id, long ifGeneration, ResolvedFacts facts, CancellationToken ct)
    {
        var change = NewChange(caller);
        var head = await database.WriteAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, id, stop);
                if (row.LastChange == change.Id)
                {
                    return await Lookup.HeadAsync(db, row, $"Accepted as generation {row.AskedGeneration}.", stop);
                }

                Policy.MustBeOwner(caller.Source, row);
                Policy.MustChange(caller, row);
                Policy.MustNotBeGoing(row);
                Policy.MustMatch(ifGeneration, row);
                var asked = await AskedAsync(db, row, stop);
                var draft = await drafts.MakeAsync(caller, drafts.Again(row, asked), row.Id, stop) with { Facts = facts };
                var before = Pin(asked.Facts);
                var after = Core.Approvals.ApprovalBinding.PinOf(facts);
                if (asked.State != RevisionState.Failed && asked.ContentHash == draft.ContentHash && before == after)
                {
                    return await Lookup.HeadAsync(db, row, $"No change: generation {row.AskedGeneration} is at {after} already.", stop);
                }

                await Generations.UpdateAsync(db, change, row, asked, draft, stop);
                change.Event(db, row, "Upgraded", $"Generation {row.AskedGeneration} goes from {before ?? "nothing"} to {after}.");
                change.Audit(db, "runtime.upgrade", row.Id, asked.ContentHash, draft.ContentHash);
                return await Lookup.HeadAsync(db, row, $"Accepted as generation {row.AskedGeneration}.", stop);
            },
            ct);
        wakeUp?.Wake(head.Id);
        return head;
    }

    private async Task<bool> RollBackAsync(RecordsDb db, Change change, RuntimeRow row, RevisionRow target, CancellationToken ct)
    {
        var draft = await drafts.AnewAsync(change.Caller, row, target, ct);
        var entry = draft.Admitted.Spec.Catalog;
        var stricter = entry is null ? [] : drafts.CatalogSince(change.Caller, entry);
        if (stricter.Count > 0 && drafts.PolicyFor(change.Caller) is null && !change.Caller.IsAdmin)
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", $"{stricter[0].Detail}: with approvals off, going back takes the admin role.");
        }

        draft = draft with { Triggers = [.. draft.Triggers, .. stricter] };
        var asked = await AskedAsync(db, row, ct);
        if (asked.State != RevisionState.Failed && asked.ContentHash == draft.ContentHash && Pin(asked.Facts) == Pin(target.Facts))
        {
            return false;
        }

        await Generations.UpdateAsync(db, change, row, asked, draft, ct);
        change.Event(db, row, "RolledBack", $"Generation {row.AskedGeneration} is generation {target.Generation} again.");
        change.Audit(db, "runtime.rollback", row.Id, asked.ContentHash, draft.ContentHash);
        return true;
    }

    private static async Task<RevisionRow> TargetAsync(RecordsDb db, RuntimeRow row, long? generation, CancellationToken ct)
    {
        var revisions = db.Revisions.Where(revision => revision.RuntimeId == row.Id);
        if (generation is { } named)
        {
            return await revisions.FirstOrDefaultAsync(revision => revision.Generation == named, ct)
                ?? throw Policy.Invalid("generation", $"'{row.Name}' has no generation {named}; it is at {row.AskedGeneration}.");
        }

        // A newer one waits or has failed while an older one serves: back to the one that serves.
        var before = row.ServingGeneration is { } serving && serving != row.AskedGeneration ? serving + 1 : row.AskedGeneration;
        return await revisions
            .Where(revision => revision.Generation < before && revision.PromotedAt != null)
            .OrderByDescending(revision => revision.Generation)
            .FirstOrDefaultAsync(ct)
            ?? throw new Refusal(RefusalKind.Conflict, "Nothing to go back to", $"No earlier generation of '{row.Name}' has ever served. Name one with generation, or deploy a new spec.");
    }

    private static Task<RevisionRow> AskedAsync(RecordsDb db, RuntimeRow row, CancellationToken ct) =>
        db.Revisions.SingleAsync(revision => revision.RuntimeId == row.Id && revision.Generation == row.AskedGeneration, ct);

    private static string? Pin(string? facts) => facts is null ? null : Core.Approvals.ApprovalBinding.PinOf(RecordsJson.Read<ResolvedFacts>(facts));

    private Change NewChange(Caller caller)
    {
        var now = time.GetUtcNow();
        return new(RecordId.New(now), caller, now);
    }
}
