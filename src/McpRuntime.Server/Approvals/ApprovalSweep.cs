using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Approvals;

/// <summary>What time does to approvals: half of it over, somebody else is told; all of it over, the generation has failed. Found by index, never by looking through the records.</summary>
internal sealed class ApprovalSweep(Database database, IAdmissionContexts contexts, ILease lease, TimeProvider time, IWakeUp? wakeUp = null)
{
    /// <summary>A transaction: long enough to be worth its commit, short enough that a writer who waits does not notice.</summary>
    private const int Batch = 50;

    private static readonly Caller System = new("system", Roles.None, [], "system");

    /// <returns>How long the oldest pending request has waited; zero when none does.</returns>
    public async Task<TimeSpan> RunAsync(CancellationToken ct)
    {
        while (await StepAsync(ExpireAsync, ct) == Batch)
        {
            // The next batch: each is a transaction of its own, under the lease as it is then.
        }

        while (await StepAsync(EscalateAsync, ct) == Batch)
        {
            // As above.
        }

        // By the index: with one time limit for all, the next to expire is the oldest.
        var oldest = await database.ReadAsync(
            (db, stop) => db.Approvals.Where(approval => approval.Status == ApprovalStatus.Pending).OrderBy(approval => approval.ExpiresAt).Select(approval => (long?)approval.CreatedAt).FirstOrDefaultAsync(stop),
            ct);
        return oldest is { } since ? time.GetUtcNow() - DateTimeOffset.FromUnixTimeMilliseconds(since) : TimeSpan.Zero;
    }

    private async Task<int> StepAsync(Func<RecordsDb, Change, CancellationToken, Task<IReadOnlyList<string>>> step, CancellationToken ct)
    {
        if (lease.Current is not { } epoch)
        {
            return 0;
        }

        var now = time.GetUtcNow();
        var change = new Change(RecordId.New(now), System, now);
        var swept = await database.WriteAsync(
            async (db, stop) => await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, stop) ? await step(db, change, stop) : [],
            ct);
        foreach (var id in swept.Distinct(StringComparer.Ordinal))
        {
            wakeUp?.Wake(id);
        }

        return swept.Count;
    }

    private async Task<IReadOnlyList<string>> ExpireAsync(RecordsDb db, Change change, CancellationToken ct)
    {
        var over = await Overdue(db, change.AtMs).Take(Batch).ToListAsync(ct);
        var (rows, revisions) = await SubjectsAsync(db, over, ct);
        foreach (var approval in over)
        {
            var row = rows[approval.RuntimeId];
            ApprovalRequests.Close(approval, ApprovalStatus.Expired, change.AtMs);
            if (revisions.GetValueOrDefault((approval.RuntimeId, approval.Generation)) is { State: RevisionState.Pending } revision)
            {
                revision.State = RevisionState.Failed;
                revision.FailedReason = "Expired";
                revision.FailedMessage = $"Nobody decided until {DateTimeOffset.FromUnixTimeMilliseconds(approval.ExpiresAt):u}. Deploy it again to ask anew.";
            }

            change.Command(row);
            change.Event(db, row, "ApprovalExpired", $"Nobody decided on generation {approval.Generation} in time.");
            change.Audit(db, "approval.expire", approval.Id, approval.ContentHash);
            if (Notifies)
            {
                ApprovalRequests.Tell(db, change, row, approval, "approval.expired");
            }
        }

        return [.. over.Select(approval => approval.RuntimeId)];
    }

    private async Task<IReadOnlyList<string>> EscalateAsync(RecordsDb db, Change change, CancellationToken ct)
    {
        var waiting = await Unheard(db, change.AtMs).Take(Batch).ToListAsync(ct);
        var (rows, _) = await SubjectsAsync(db, waiting, ct);
        foreach (var approval in waiting)
        {
            var row = rows[approval.RuntimeId];
            approval.EscalateAt = null;
            change.Event(db, row, "ApprovalEscalated", $"Half the time to decide on generation {approval.Generation} is over.");
            if (Notifies)
            {
                ApprovalRequests.Tell(db, change, row, approval, "approval.escalated");
            }
        }

        return [.. waiting.Select(approval => approval.RuntimeId)];
    }

    /// <summary>By ix_approvals_status.</summary>
    internal static IQueryable<ApprovalRow> Overdue(RecordsDb db, long now) =>
        db.Approvals.Where(approval => approval.Status == ApprovalStatus.Pending && approval.ExpiresAt <= now).OrderBy(approval => approval.ExpiresAt);

    /// <summary>By ix_approvals_escalate; null once told, decided or closed.</summary>
    internal static IQueryable<ApprovalRow> Unheard(RecordsDb db, long now) =>
        db.Approvals.Where(approval => approval.EscalateAt <= now).OrderBy(approval => approval.EscalateAt);

    private bool Notifies => contexts.For(System).Approvals is { Notifies: true };

    private static async Task<(Dictionary<string, RuntimeRow> Rows, Dictionary<(string, long), RevisionRow> Revisions)> SubjectsAsync(
        RecordsDb db, List<ApprovalRow> approvals, CancellationToken ct)
    {
        if (approvals.Count == 0)
        {
            return ([], []);
        }

        var ids = approvals.Select(approval => approval.RuntimeId).Distinct(StringComparer.Ordinal).ToList();
        var asked = approvals.Select(approval => approval.Id).ToList();
        var rows = await db.Runtimes.Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.Id, StringComparer.Ordinal, ct);
        var revisions = await db.Revisions.Where(revision => ids.Contains(revision.RuntimeId) && asked.Contains(revision.ApprovalId!)).ToListAsync(ct);
        return (rows, revisions.ToDictionary(revision => (revision.RuntimeId, revision.Generation)));
    }
}
