using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>Makes records and generations inside the transaction of the change that asked for them.</summary>
internal static class Generations
{
    public static RuntimeRow Create(RecordsDb db, Change change, string id, string owner, Draft draft)
    {
        var row = new RuntimeRow
        {
            Id = id,
            Name = draft.Admitted.Name,
            Owner = owner,
            Backend = draft.Admitted.Backend,
            CreatedBy = change.Caller.Subject,
            CreatedAt = change.AtMs,
        };
        db.Runtimes.Add(row);
        Add(db, change, row, draft);
        db.Statuses.Add(new StatusRow
        {
            RuntimeId = id,
            Revision = 1,
            Status = draft.NeedsApproval ? RuntimeStatus.PendingApproval : RuntimeStatus.Pending,
            Conditions = RecordsJson.Write(FirstConditions(change, draft)),
            Memory = RecordsJson.Write(Core.Planning.Memory.Empty),
            Display = RecordsJson.Write(new Display()),
        });
        change.Audit(db, "runtime.create", row.Id, after: draft.ContentHash);
        return row;
    }

    public static async Task UpdateAsync(RecordsDb db, Change change, RuntimeRow row, RevisionRow asked, Draft draft, CancellationToken ct)
    {
        if (row.ServingGeneration != asked.Generation && asked.State is RevisionState.Pending or RevisionState.Admitted)
        {
            asked.State = RevisionState.Superseded;
        }

        await CloseApprovalsAsync(db, change, row, "superseded", ct);
        await db.Tags.Where(tag => tag.RuntimeId == row.Id).ExecuteDeleteAsync(ct);
        Add(db, change, row, draft);
        change.Audit(db, "runtime.update", row.Id, asked.ContentHash, draft.ContentHash);
    }

    /// <summary>Pending approvals of a runtime whose content moved on or that is going away: nobody can decide on them any more.</summary>
    public static async Task CloseApprovalsAsync(RecordsDb db, Change change, RuntimeRow row, string status, CancellationToken ct)
    {
        foreach (var approval in await db.Approvals.Where(approval => approval.RuntimeId == row.Id && approval.Status == "pending").ToListAsync(ct))
        {
            approval.Status = status;
            approval.ReviewedAt = change.AtMs;
            change.Event(db, row, "ApprovalClosed", $"The approval of generation {approval.Generation} is {status}.");
        }
    }

    private static void Add(RecordsDb db, Change change, RuntimeRow row, Draft draft)
    {
        var spec = draft.Admitted.Spec;
        row.AskedGeneration++;
        row.Visibility = spec.Visibility;
        row.TeamId = spec.TeamId;
        change.Touch(row);
        db.Tags.AddRange(spec.Tags.Distinct(StringComparer.Ordinal).Select(tag => new TagRow { RuntimeId = row.Id, Tag = tag }));
        change.Event(db, row, "Accepted", $"Generation {row.AskedGeneration} was accepted from {change.Caller.Source}.");
        db.Revisions.Add(new RevisionRow
        {
            RuntimeId = row.Id,
            Generation = row.AskedGeneration,
            State = draft.NeedsApproval ? RevisionState.Pending : RevisionState.Admitted,
            Spec = RecordsJson.Write(spec),
            Environment = RecordsJson.Write(draft.Environment),
            Guardrails = RecordsJson.Write(draft.Admitted.Guardrails),
            ContentHash = draft.ContentHash,
            ApprovalId = draft.NeedsApproval ? AskApproval(db, change, row, draft) : null,
            CreatedBy = change.Caller.Subject,
            CreatedAt = change.AtMs,
        });
        foreach (var (name, value) in draft.Environment.Where(value => value.Value.Reference is not null))
        {
            change.Audit(db, "secret.use", row.Id, after: $"{name} = {value.Reference}");
        }
    }

    private static string AskApproval(RecordsDb db, Change change, RuntimeRow row, Draft draft)
    {
        var approval = new ApprovalRow
        {
            Id = RecordId.New(change.At),
            RuntimeId = row.Id,
            Generation = row.AskedGeneration,
            Status = "pending",
            RequestedBy = change.Caller.Subject,
            RequestedReason = draft.Admitted.Spec.Metadata.GetValueOrDefault("requested_reason"),
            ReviewedBy = RecordsJson.Write<IReadOnlyList<string>>([]),
            Approvers = RecordsJson.Write(draft.Approvals!.Approvers),
            RuleSnapshot = RecordsJson.Write(draft.Admitted.Triggers),
            ContentHash = draft.ContentHash,
            CreatedAt = change.AtMs,
            ExpiresAt = (change.At + draft.Approvals.Timeout).ToUnixTimeMilliseconds(),
        };
        db.Approvals.Add(approval);
        change.Event(db, row, "ApprovalRequested", string.Join(' ', draft.Admitted.Triggers.Select(trigger => trigger.Detail)));
        return approval.Id;
    }

    /// <summary>What is true before the first turn; progress takes over from there.</summary>
    private static List<Condition> FirstConditions(Change change, Draft draft)
    {
        var accepted = new Condition(ConditionType.Accepted, ConditionStatus.True, "Accepted", "The request was accepted.", 1, change.At);
        return draft.NeedsApproval
            ? [accepted, new(ConditionType.Approved, ConditionStatus.False, "Pending", "Waits for an approval.", 1, change.At)]
            : [accepted];
    }
}
