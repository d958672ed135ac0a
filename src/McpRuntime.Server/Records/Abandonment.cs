using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>
/// Gives up what a deleted record has left on a backend that is switched off. Never done by itself: nobody can see what is there, so
/// a person says that it may stay.
/// </summary>
internal sealed class Abandonment(Database database, IAdmissionContexts contexts, TimeProvider time)
{
    /// <exception cref="Refusal">Forbidden: not an admin. Conflict: not being deleted, or its backend is enabled.</exception>
    public Task<RuntimeHead> AbandonAsync(Caller caller, string idOrName, string reason, CancellationToken ct)
    {
        if (!caller.IsAdmin)
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", "Giving up what a runtime has left on its backend takes the role admin.");
        }

        var now = time.GetUtcNow();
        var change = new Change(RecordId.New(now), caller, now);
        var backends = contexts.For(caller).Backends;
        return database.WriteAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, idOrName, stop);
                if (row.DeletedAt is not null)
                {
                    return await Lookup.HeadAsync(db, row, "Already deleted.", stop);
                }

                MustBeStranded(row, backends.TryGetValue(row.Backend, out var traits) && traits.Enabled);
                await EntombAsync(db, change, row, reason, stop);
                return await Lookup.HeadAsync(db, row, $"Given up: what it left on {row.Backend} is no longer looked after.", stop) with { Status = RuntimeStatus.Deleted };
            },
            ct);
    }

    private static void MustBeStranded(RuntimeRow row, bool enabled)
    {
        if (!row.DeleteRequested)
        {
            throw new Refusal(RefusalKind.Conflict, "Not being deleted", $"'{row.Name}' is not being deleted. DELETE it first; only what a deletion can't reach is given up.");
        }

        if (enabled)
        {
            throw new Refusal(RefusalKind.Conflict, "The backend is enabled", $"The backend {row.Backend} is enabled, so the deletion of '{row.Name}' goes on by itself and leaves nothing. See its conditions for what it waits for.");
        }
    }

    private static async Task EntombAsync(RecordsDb db, Change change, RuntimeRow row, string reason, CancellationToken ct)
    {
        change.Touch(row);
        row.DeletedAt = change.AtMs;
        row.DueAt = null;
        await db.Routes.Where(route => route.RecordId == row.Id).ExecuteDeleteAsync(ct);
        await db.Revisions.Where(revision => revision.RuntimeId == row.Id).ExecuteUpdateAsync(set => set.SetProperty(revision => revision.Environment, (string?)null), ct);
        var status = await db.Statuses.SingleAsync(status => status.RuntimeId == row.Id, ct);
        status.Status = RuntimeStatus.Deleted;
        status.NextTurnAt = null;
        status.ErrorMessage = $"Given up by {change.Caller.Subject}: {reason}. What it left on {row.Backend} may still be there; it is removed, but for volumes, if that backend is ever enabled again.";
        status.Revision++;
        change.Event(db, row, "Abandoned", status.ErrorMessage);
        change.Audit(db, "runtime.abandon", row.Id, before: row.Backend, after: reason);
    }
}
