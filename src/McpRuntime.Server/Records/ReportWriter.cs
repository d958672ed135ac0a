using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>Writes one turn's report in one transaction, or not at all.</summary>
internal sealed class ReportWriter(RecordsDb db, Report report, LeaseEpoch lease, DateTimeOffset now)
{
    private const int MaxInventories = 20;

    public async Task<bool> WriteAsync(bool isSqlite, CancellationToken ct)
    {
        if (!await LeaseFence.HoldsAsync(db, lease, isSqlite, ct))
        {
            return false;
        }

        var row = await db.Runtimes.FirstOrDefaultAsync(row => row.Id == report.RecordId, ct);
        var status = await db.Statuses.FirstOrDefaultAsync(status => status.RuntimeId == report.RecordId, ct);
        if (row is null || status is null || status.Revision != report.BasedOn)
        {
            return false;
        }

        WriteStatus(status);
        await WriteRevisionsAsync(row, ct);
        if (report.Entomb && row.DeleteRequested)
        {
            await EntombAsync(row, ct);
        }

        if (report.Tools is { } tools)
        {
            await KeepAsync(tools, ct);
        }

        foreach (var happened in report.Events)
        {
            Change.Append(db, row, now, happened);
        }

        row.DueAt = DueAt(row);
        if (!db.ChangeTracker.HasChanges())
        {
            return true;
        }

        status.Revision++;
        status.LeaseEpoch = lease.Epoch;
        status.WrittenAt = now.ToUnixTimeMilliseconds();
        return true;
    }

    private void WriteStatus(StatusRow status)
    {
        status.ObservedGeneration = report.ObservedGeneration;
        status.ObservedCommand = report.ObservedCommand;
        status.Status = report.Status;
        status.Conditions = RecordsJson.Write(report.Conditions);
        status.Memory = RecordsJson.Write(report.Memory);
        status.Display = report.Display is null ? status.Display : RecordsJson.Write(report.Display);
        status.ErrorMessage = report.ErrorMessage;
        status.NextTurnAt = report.NextTurnAt?.ToUnixTimeMilliseconds();
    }

    private async Task WriteRevisionsAsync(RuntimeRow row, CancellationToken ct)
    {
        if (report.Resolved is { } resolved && await RevisionAsync(resolved.Generation, ct) is { } read)
        {
            await ResolveAsync(read, resolved.Facts, ct);
        }

        if (report.Failed is { } failed && await RevisionAsync(failed.Generation, ct) is { } broken)
        {
            broken.State = RevisionState.Failed;
            broken.FailedReason = failed.Reason;
            broken.FailedMessage = failed.Message;
        }

        if (report.Promoted is { } promoted && promoted != row.ServingGeneration && await RevisionAsync(promoted, ct) is { } serving)
        {
            if (row.ServingGeneration is { } old && await RevisionAsync(old, ct) is { } replaced)
            {
                replaced.State = RevisionState.Superseded;
            }

            serving.State = RevisionState.Serving;
            serving.PromotedAt ??= now.ToUnixTimeMilliseconds();
            row.ServingGeneration = promoted;
            var guardrails = RecordsJson.Read<EffectiveGuardrails>(serving.Guardrails);
            (row.ServingProfile, row.ServingProfileVersion) = (guardrails.Profile, guardrails.ProfileVersion);
        }

        // The memory speaks of the generation this turn has seen; a newer one starts without it.
        if (report.Memory.FirstPutAt is { } firstPut && await RevisionAsync(report.ObservedGeneration, ct) is { FirstPutAt: null } started)
        {
            started.FirstPutAt = firstPut.ToUnixTimeMilliseconds();
        }
    }

    /// <summary>
    /// A pin once found is the generation's for good, since it is what an approval is given to. What comes back under another one
    /// (a tag that moved between two looks) is not taken; facts of the same one may come later.
    /// </summary>
    private async Task ResolveAsync(RevisionRow revision, ResolvedFacts facts, CancellationToken ct)
    {
        var before = revision.Facts is null ? null : RecordsJson.Read<ResolvedFacts>(revision.Facts);
        if (before is not null && ApprovalBinding.PinOf(before) != ApprovalBinding.PinOf(facts))
        {
            return;
        }

        revision.Facts = RecordsJson.Write(facts);
        if (revision.ApprovalId is { } id && await db.Approvals.FirstOrDefaultAsync(approval => approval.Id == id && approval.Pin == null, ct) is { } approval)
        {
            approval.Pin = ApprovalBinding.PinOf(facts);
        }
    }

    /// <summary>What a server offers now, and whether that is what is accepted of the generation.</summary>
    private async Task KeepAsync(ToolInventory tools, CancellationToken ct)
    {
        var at = now.ToUnixTimeMilliseconds();
        var seen = await db.ToolInventories.Where(row => row.RuntimeId == report.RecordId && row.Generation == tools.Generation).ToListAsync(ct);
        var row = seen.Find(row => row.Hash == tools.Hash);
        if (row is null)
        {
            // A server that changes its tools at every look must not fill the table.
            db.ToolInventories.RemoveRange(seen.Where(old => old.AcceptedAt is null).OrderByDescending(old => old.SeenAt).Skip(MaxInventories));
            row = new ToolInventoryRow { RuntimeId = report.RecordId, Generation = tools.Generation, Hash = tools.Hash, Tools = RecordsJson.Write(tools.Tools), FirstSeenAt = at };
            db.ToolInventories.Add(row);
        }

        row.SeenAt = Math.Max(at, seen.Select(old => old.SeenAt + 1).DefaultIfEmpty(at).Max());
        if (tools.IsFirst && !seen.Exists(old => old.AcceptedAt is not null))
        {
            (row.AcceptedAt, row.AcceptedBy) = (at, "system");
        }
    }

    private async Task EntombAsync(RuntimeRow row, CancellationToken ct)
    {
        row.DeletedAt ??= now.ToUnixTimeMilliseconds();
        row.UpdatedAt = now.ToUnixTimeMilliseconds();

        // A tombstone is kept to be read, and nothing of it runs again: its secrets go now, not at the purge.
        foreach (var revision in await db.Revisions.Where(revision => revision.RuntimeId == row.Id && revision.Environment != null).ToListAsync(ct))
        {
            revision.Environment = null;
        }
    }

    private long? DueAt(RuntimeRow row) =>
        row.DeletedAt is not null ? null
        : report.ObservedGeneration < row.AskedGeneration || report.ObservedCommand < row.CommandSequence ? row.DueAt ?? Change.DueNow(now)
        : report.NextTurnAt?.ToUnixTimeMilliseconds();

    private Task<RevisionRow?> RevisionAsync(long generation, CancellationToken ct) =>
        db.Revisions.FirstOrDefaultAsync(revision => revision.RuntimeId == report.RecordId && revision.Generation == generation, ct);
}
