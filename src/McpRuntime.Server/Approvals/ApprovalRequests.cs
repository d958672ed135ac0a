using System.Text.Json;
using McpRuntime.Core.Approvals;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Approvals;

/// <summary>Asks for approvals and closes them, inside the transaction of the change that makes it necessary.</summary>
internal static class ApprovalRequests
{
    public static string Ask(RecordsDb db, Change change, RuntimeRow row, Draft draft)
    {
        var policy = draft.Approvals!;
        var approval = new ApprovalRow
        {
            Id = RecordId.New(change.At),
            RuntimeId = row.Id,
            Generation = row.AskedGeneration,
            Status = ApprovalStatus.Pending,
            RequestedBy = change.Caller.Subject,
            AlsoRequestedBy = draft.AlsoAskedBy.Count == 0 ? null : RecordsJson.Write(draft.AlsoAskedBy),
            RequestedReason = draft.Admitted.Spec.Metadata.GetValueOrDefault("requested_reason"),
            ReviewedBy = RecordsJson.Write<IReadOnlyList<string>>([]),
            Approvers = RecordsJson.Write(policy.Approvers),
            RuleSnapshot = RecordsJson.Write(draft.Triggers),
            ContentHash = draft.ContentHash,
            Pin = draft.Facts is null ? null : ApprovalBinding.PinOf(draft.Facts),
            RequiredApprovals = ApprovalRights.Required(change.Caller),
            CreatedAt = change.AtMs,
            EscalateAt = (change.At + (policy.Timeout / 2)).ToUnixTimeMilliseconds(),
            ExpiresAt = (change.At + policy.Timeout).ToUnixTimeMilliseconds(),
        };
        db.Approvals.Add(approval);
        change.Event(db, row, "ApprovalRequested", string.Join(' ', draft.Triggers.Select(trigger => trigger.Detail)) + Shortage(approval, policy));
        if (policy.Notifies)
        {
            Tell(db, change, row, approval, "approval.requested");
        }

        return approval.Id;
    }

    /// <summary>Told where it is waited for, and not only at the start: whoever waits does not read the service's log.</summary>
    private static string Shortage(ApprovalRow approval, ApprovalPolicy policy) => approval.RequiredApprovals > 1 && policy.Approvers is [var only]
        ? $" No person answers for it, so that two must approve; RUNTIME_APPROVERS names \"{only}\" alone: unless that is a team or a group, add another."
        : "";

    /// <summary>The same request anew, for content that is not what the old one was asked for.</summary>
    public static ApprovalRow AskAgain(RecordsDb db, Change change, RuntimeRow row, RevisionRow revision, ApprovalRow old, string? pin, ApprovalPolicy? policy)
    {
        var again = new ApprovalRow
        {
            Id = RecordId.New(change.At),
            RuntimeId = row.Id,
            Generation = revision.Generation,
            Status = ApprovalStatus.Pending,
            RequestedBy = old.RequestedBy,
            AlsoRequestedBy = old.AlsoRequestedBy,
            RequestedReason = old.RequestedReason,
            ReviewedBy = RecordsJson.Write<IReadOnlyList<string>>([]),
            Approvers = old.Approvers,
            RuleSnapshot = old.RuleSnapshot,
            ContentHash = revision.ContentHash,
            Pin = pin,
            RequiredApprovals = old.RequiredApprovals,
            CreatedAt = change.AtMs,
            EscalateAt = change.AtMs + ((old.ExpiresAt - old.CreatedAt) / 2),
            ExpiresAt = change.AtMs + (old.ExpiresAt - old.CreatedAt),
        };
        Close(old, ApprovalStatus.Superseded, change.AtMs);
        db.Approvals.Add(again);
        revision.ApprovalId = again.Id;
        change.Event(db, row, "ApprovalRequested", $"What approval {old.Id} was asked for is not what would run: it is asked for anew.");
        if (policy is { Notifies: true })
        {
            Tell(db, change, row, old, "approval.superseded");
            Tell(db, change, row, again, "approval.requested");
        }

        return again;
    }

    /// <summary>Pending approvals of a runtime whose content moved on or that is going away: nobody can decide on them any more.</summary>
    /// <param name="policy">Whether somebody is told; null: approvals are off.</param>
    public static async Task CloseAsync(RecordsDb db, Change change, RuntimeRow row, string status, ApprovalPolicy? policy, CancellationToken ct)
    {
        foreach (var approval in await db.Approvals.Where(approval => approval.RuntimeId == row.Id && approval.Status == ApprovalStatus.Pending).ToListAsync(ct))
        {
            Close(approval, status, change.AtMs);
            change.Event(db, row, "ApprovalClosed", $"The approval of generation {approval.Generation} is {status}.");
            change.Audit(db, $"approval.{status}", approval.Id, approval.ContentHash, null);
            if (policy is { Notifies: true })
            {
                Tell(db, change, row, approval, $"approval.{status}");
            }
        }
    }

    public static void Close(ApprovalRow approval, string status, long at)
    {
        approval.Status = status;
        approval.ReviewedAt = at;
        approval.EscalateAt = null;
    }

    /// <summary>Puts a message into the outbox: it goes out when the change it tells of is committed, and not otherwise.</summary>
    public static void Tell(RecordsDb db, Change change, RuntimeRow row, ApprovalRow approval, string kind) => db.Webhooks.Add(new WebhookRow
    {
        Id = RecordId.New(change.At),
        Body = JsonSerializer.Serialize(
            new
            {
                type = kind,
                approval_id = approval.Id,
                status = approval.Status,
                runtime_deployment_id = row.Id,
                runtime_name = row.Name,
                generation = approval.Generation,
                requested_by = approval.RequestedBy,
                requested_reason = approval.RequestedReason,
                decision_reason = approval.DecisionReason,
                reviewed_by = RecordsJson.Read<List<string>>(approval.ReviewedBy),
                rules = RecordsJson.Read<List<ApprovalTrigger>>(approval.RuleSnapshot).Select(trigger => new { rule = trigger.Rule, detail = trigger.Detail }),
                pin = approval.Pin,
                created_at = DateTimeOffset.FromUnixTimeMilliseconds(approval.CreatedAt),
                expires_at = DateTimeOffset.FromUnixTimeMilliseconds(approval.ExpiresAt),
            }),
        NextTryAt = change.AtMs,
        CreatedAt = change.AtMs,
    });
}

/// <summary>The words of <see cref="ApprovalRow.Status"/>; pending is the one that anything can come after.</summary>
internal static class ApprovalStatus
{
    public const string Pending = "pending";
    public const string Approved = "approved";
    public const string Rejected = "rejected";
    public const string Expired = "expired";
    public const string Superseded = "superseded";
    public const string Cancelled = "cancelled";
}
