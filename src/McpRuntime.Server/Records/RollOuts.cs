using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>
/// Gives a user of an edited profile a new generation under it, pinned to what it is made from. It starts from what serves while a newer
/// generation waits or has failed: an edit that tightens reaches what runs, and what was rejected does not come back by it.
/// </summary>
internal sealed class RollOuts(Database database, Drafts drafts, TimeProvider time, IWakeUp? wakeUp = null)
{
    /// <summary>What is refused is told once and not tried again until the next version.</summary>
    public async Task RollOutAsync(LeaseEpoch epoch, string runtimeId, GuardrailProfile profile, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await database.WriteAsync(
            async (db, stop) =>
            {
                var row = await db.Runtimes.FirstOrDefaultAsync(row => row.Id == runtimeId, stop);
                if (row is null || row.DeleteRequested || row.DeletedAt is not null || !await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, stop))
                {
                    return false;
                }

                await RollOutAsync(db, row, profile, now, stop);
                return true;
            },
            ct);
        wakeUp?.Wake(runtimeId);
    }

    private async Task RollOutAsync(RecordsDb db, RuntimeRow row, GuardrailProfile profile, DateTimeOffset now, CancellationToken ct)
    {
        var asked = await RevisionAsync(db, row, row.AskedGeneration, ct);
        foreach (var from in await OriginsAsync(db, row, asked, ct))
        {
            var under = RecordsJson.Read<EffectiveGuardrails>(from.Guardrails);
            if (under.Profile != profile.Name || under.ProfileVersion >= profile.Version)
            {
                continue;
            }

            var authors = await ProfileAuthors.OfAsync(db, profile.Name, under.ProfileVersion, profile.Version, ct);
            var change = new Change(RecordId.New(now), authors.AsCaller(row), now);
            if (await TryAsync(db, change, row, asked, from, profile, authors.Others, ct))
            {
                break;
            }
        }

        // Brought on, or nothing of it changes, or it was refused: not looked at again until the next version.
        row.ProfileVersion = row.Profile == profile.Name ? Math.Max(row.ProfileVersion ?? 0, profile.Version) : row.ProfileVersion;
        row.ServingProfileVersion = row.ServingProfile == profile.Name && row.AskedGeneration == asked.Generation ? profile.Version : row.ServingProfileVersion;
    }

    /// <returns>False: nothing of it changes (a new description, or fields that this runtime overrides), it was asked for already, or it was refused.</returns>
    private async Task<bool> TryAsync(
        RecordsDb db, Change change, RuntimeRow row, RevisionRow asked, RevisionRow from, GuardrailProfile profile, IReadOnlyList<string> others, CancellationToken ct)
    {
        try
        {
            var draft = await drafts.AnewAsync(change.Caller, row, from, ct) with { AlsoAskedBy = others };
            if (draft.ContentHash == from.ContentHash || draft.ContentHash == asked.ContentHash)
            {
                return false;
            }

            var waited = asked.State is RevisionState.Pending && from.Generation != asked.Generation;
            await Generations.UpdateAsync(db, change, row, asked, draft, ct);
            change.Event(
                db,
                row,
                "ProfileRolledOut",
                $"Generation {row.AskedGeneration} is generation {from.Generation} under version {draft.Admitted.Guardrails.ProfileVersion} of the guardrails profile {profile.Name}."
                + (waited ? $" Generation {asked.Generation}, which waited for an approval, is superseded by it: ask for it again." : ""));
            return true;
        }
        catch (Refusal refusal) when (refusal.Kind is RefusalKind.Invalid or RefusalKind.Forbidden)
        {
            change.Event(db, row, "ProfileRolloutRefused", $"It stays under the older version of the guardrails profile {profile.Name}: {refusal.Detail}");
            change.Audit(db, "profile.rollout-refused", row.Id);
            return false;
        }
    }

    /// <summary>What a new generation may be made from, the first that differs under the new version. What an approver turned down, or nobody decided on, is none.</summary>
    private static async Task<IReadOnlyList<RevisionRow>> OriginsAsync(RecordsDb db, RuntimeRow row, RevisionRow asked, CancellationToken ct)
    {
        if (asked.State is not (RevisionState.Pending or RevisionState.Failed))
        {
            return [asked];
        }

        var serving = row.ServingGeneration is { } generation && generation != asked.Generation ? await RevisionAsync(db, row, generation, ct) : null;
        var mayComeBack = asked.State is RevisionState.Pending || (serving is null && asked.FailedReason is not ("Rejected" or "Expired"));
        return [.. new[] { serving, mayComeBack ? asked : null }.OfType<RevisionRow>()];
    }

    private static Task<RevisionRow> RevisionAsync(RecordsDb db, RuntimeRow row, long generation, CancellationToken ct) =>
        db.Revisions.SingleAsync(revision => revision.RuntimeId == row.Id && revision.Generation == generation, ct);
}
