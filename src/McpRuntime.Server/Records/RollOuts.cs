using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>
/// Gives a user of an edited profile a new generation under it, pinned to what it is made from. It starts from what serves while a newer
/// generation waits or has failed: an edit that tightens reaches what runs, and what was rejected does not come back by it.
/// </summary>
internal sealed class RollOuts(Database database, Drafts drafts, TimeProvider time, IWakeUp? wakeUp = null)
{
    private enum Outcome
    {
        BroughtOn,

        /// <summary>Nothing of it changes (a new description, or fields that this runtime overrides), it was asked for already, or it was refused.</summary>
        Left,

        Postponed,
    }

    /// <summary>What is refused is told once and not tried again until the next version.</summary>
    /// <returns>False: a secret of it can't be read now; the next round tries again.</returns>
    public async Task<bool> RollOutAsync(LeaseEpoch epoch, string runtimeId, GuardrailProfile profile, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var done = await database.WriteAsync(
            async (db, stop) =>
            {
                var row = await db.Runtimes.FirstOrDefaultAsync(row => row.Id == runtimeId, stop);
                if (row is null || row.DeleteRequested || row.DeletedAt is not null || !await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, stop))
                {
                    return true;
                }

                return await RollOutAsync(db, row, profile, now, stop);
            },
            ct);
        if (done)
        {
            wakeUp?.Wake(runtimeId);
        }

        return done;
    }

    private async Task<bool> RollOutAsync(RecordsDb db, RuntimeRow row, GuardrailProfile profile, DateTimeOffset now, CancellationToken ct)
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
            var outcome = await TryAsync(db, change, row, asked, from, profile, authors.Others, ct);
            if (outcome is Outcome.Postponed)
            {
                return false;
            }

            if (outcome is Outcome.BroughtOn)
            {
                break;
            }
        }

        // Brought on, or nothing of it changes, or it was refused: not looked at again until the next version.
        row.ProfileVersion = row.Profile == profile.Name ? Math.Max(row.ProfileVersion ?? 0, profile.Version) : row.ProfileVersion;
        row.ServingProfileVersion = row.ServingProfile == profile.Name && row.AskedGeneration == asked.Generation ? profile.Version : row.ServingProfileVersion;
        return true;
    }

    private async Task<Outcome> TryAsync(
        RecordsDb db, Change change, RuntimeRow row, RevisionRow asked, RevisionRow from, GuardrailProfile profile, IReadOnlyList<string> others, CancellationToken ct)
    {
        try
        {
            (change, var draft) = await AnewAsync(change, row, from, ct);
            draft = draft with { AlsoAskedBy = others };
            if (draft.ContentHash == from.ContentHash || draft.ContentHash == asked.ContentHash)
            {
                return Outcome.Left;
            }

            var waited = asked.State is RevisionState.Pending && from.Generation != asked.Generation;
            await Generations.UpdateAsync(db, change, row, asked, draft, ct);
            change.Event(
                db,
                row,
                "ProfileRolledOut",
                $"Generation {row.AskedGeneration} is generation {from.Generation} under version {draft.Admitted.Guardrails.ProfileVersion} of the guardrails profile {profile.Name}."
                + (waited ? $" Generation {asked.Generation}, which waited for an approval, is superseded by it: ask for it again." : ""));
            return Outcome.BroughtOn;
        }
        catch (Refusal refusal) when (refusal.Title == EnvironmentVault.CantBeRead)
        {
            // No word against the new version: a file may be gone for the moment in which its directory is exchanged.
            var waits = $"Version {profile.Version} of the guardrails profile {profile.Name} waits, and is tried again: {refusal.Detail}";
            if (!await db.Events.AnyAsync(told => told.RuntimeId == row.Id && told.Kind == "ProfileRolloutWaits" && told.Message == waits, ct))
            {
                change.Event(db, row, "ProfileRolloutWaits", waits);
            }

            return Outcome.Postponed;
        }
        catch (Refusal refusal) when (refusal.Kind is RefusalKind.Invalid or RefusalKind.Forbidden)
        {
            change.Event(db, row, "ProfileRolloutRefused", $"It stays under the older version of the guardrails profile {profile.Name}: {refusal.Detail}");
            change.Audit(db, "profile.rollout-refused", row.Id);
            return Outcome.Left;
        }
    }

    /// <summary>
    /// The authors' rights decide about what is new. Where the new version lets nothing more, what is loosened was accepted when the
    /// generation was, of somebody who may: a tightening must not stop at it. What nobody has accepted yet stays to be judged.
    /// </summary>
    private async Task<(Change Change, Draft Draft)> AnewAsync(Change change, RuntimeRow row, RevisionRow from, CancellationToken ct)
    {
        if (!change.Caller.IsAdmin && from.State is not (RevisionState.Pending or RevisionState.Failed))
        {
            var trusted = change with { Caller = change.Caller with { Roles = Roles.Admin } };
            var draft = await drafts.AnewAsync(trusted.Caller, row, from, ct);
            if (GuardrailsOrder.Loosened(draft.Admitted.Guardrails.Config, RecordsJson.Read<EffectiveGuardrails>(from.Guardrails).Config, draft.DefaultMode).Count == 0)
            {
                return (trusted, draft);
            }
        }

        return (change, await drafts.AnewAsync(change.Caller, row, from, ct));
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
