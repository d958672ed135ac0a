using McpRuntime.Core.Approvals;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Plans;

/// <summary>
/// What a runtime was made from moves on: a tag, a branch, a catalog entry. Nothing that runs follows by itself; here is asked whether
/// it moved, and a new generation is made from the same request as it would be understood now.
/// </summary>
internal sealed class Upgrades(Database database, Drafts drafts, PlanWorld world, Forecast forecast, Regenerations regenerations)
{
    /// <exception cref="Refusal">No such runtime, not this caller's, or the request is not valid any more (a catalog entry is gone).</exception>
    public async Task<Upgrade> CheckAsync(Caller caller, string idOrName, CancellationToken ct)
    {
        var (row, asked) = await FindAsync(caller, idOrName, ct);
        var plan = await forecast.OfAsync(caller, new PutRuntime(drafts.Again(row, asked), row.Owner, MustCreate: false, MustExist: true, IdOrName: row.Id), ct);
        var (current, latest) = (asked.Facts is null ? null : RecordsJson.Read<ResolvedFacts>(asked.Facts), plan.Source.Facts);
        var moved = current is null || latest is null ? null : Moved(current, latest);
        var changed = plan.Action != "none";
        return new Upgrade(row.Id, moved is not null || changed, moved ?? (changed ? "catalog" : null), Shown(current), Shown(latest), plan);
    }

    /// <summary>What was pinned before the images below a build were is not compared by them.</summary>
    private static string? Moved(ResolvedFacts current, ResolvedFacts latest) =>
        Shown(current) != Shown(latest) ? latest.Commit is null ? "image" : "commit"
        : current.Bases is not null && latest.Bases is not null && ApprovalBinding.PinOf(current) != ApprovalBinding.PinOf(latest) ? "base"
        : null;

    private static string? Shown(ResolvedFacts? facts) => facts is null ? null : facts.Commit ?? ApprovalBinding.PinOf(facts);

    /// <summary>Through the usual door: admitted by the rules of now, and approved where they ask for it.</summary>
    public async Task<RuntimeHead> UpgradeAsync(Caller caller, string idOrName, long? ifGeneration, CancellationToken ct)
    {
        Policy.MustOperate(caller);
        await drafts.RefreshAsync(ct);
        var (row, asked) = await FindAsync(caller, idOrName, ct);
        var draft = await drafts.MakeAsync(caller, drafts.Again(row, asked), row.Id, ct);
        var (facts, fault) = await world.ResolveAsync(draft.Admitted.Backend, Forecast.Planned(draft, row.AskedGeneration + 1), ct);
        return facts is null
            ? throw new Refusal(RefusalKind.Conflict, "It can't be told what to upgrade to", $"{fault!.Reason}: {fault.Message}")
            : await regenerations.UpgradeAsync(caller, row.Id, ifGeneration ?? row.AskedGeneration, facts, ct);
    }

    private Task<(Records.Model.RuntimeRow Row, Records.Model.RevisionRow Asked)> FindAsync(Caller caller, string idOrName, CancellationToken ct) =>
        database.ReadAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, idOrName, stop);
                Policy.MustChange(caller, row);
                Policy.MustNotBeGoing(row);
                return (row, await db.Revisions.SingleAsync(r => r.RuntimeId == row.Id && r.Generation == row.AskedGeneration, stop));
            },
            ct);
}

/// <param name="Moved"><c>image</c>, <c>commit</c>, <c>base</c> (an image that the build stands on) or <c>catalog</c>; null when nothing did.</param>
/// <param name="Current">The digest, image id or commit that was pinned; null: not resolved yet.</param>
/// <param name="Latest">What the same request would be pinned to now; null: it can't be told, and the plan's problems say why.</param>
/// <param name="Plan">What an upgrade would come to.</param>
internal sealed record Upgrade(string RuntimeId, bool Available, string? Moved, string? Current, string? Latest, Plan Plan);
