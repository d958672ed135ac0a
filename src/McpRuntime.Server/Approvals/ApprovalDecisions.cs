using McpRuntime.Core.Approvals;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Approvals;

internal interface IApprovalDecisions
{
    /// <exception cref="Refusal">NotFound; Forbidden: not this person's to decide; Conflict: decided, expired, not resolved, or about other content.</exception>
    Task<ApprovalView> DecideAsync(Caller caller, string id, bool approves, string? reason, CancellationToken ct);
}

/// <inheritdoc/>
/// <remarks>
/// One transaction: the approval, the revision's state, event, audit and wake-up. It changes the runtime's row, whose token lets one
/// of two decisions at once through; the other reads again, and finds it decided.
/// </remarks>
internal sealed class ApprovalDecisions(Database database, IAdmissionContexts contexts, ApprovedContent content, TimeProvider time, IWakeUp? wakeUp = null) : IApprovalDecisions
{
    public const int LongestReason = 1000;

    public async Task<ApprovalView> DecideAsync(Caller caller, string id, bool approves, string? reason, CancellationToken ct)
    {
        if (reason?.Length > LongestReason)
        {
            throw Policy.Invalid("reason", $"must be at most {LongestReason} characters.");
        }

        var now = time.GetUtcNow();
        var change = new Change(RecordId.New(now), caller, now);
        var (view, refusal) = await database.WriteAsync((db, stop) => DecideAsync(db, change, id, approves, reason, stop), ct);
        wakeUp?.Wake(view.RuntimeDeploymentId);
        return refusal is null ? view : throw refusal;
    }

    /// <summary>A refusal that comes back as a value has something written with it; one that is thrown has nothing.</summary>
    private async Task<(ApprovalView View, Refusal? Refusal)> DecideAsync(RecordsDb db, Change change, string id, bool approves, string? reason, CancellationToken ct)
    {
        var approval = await db.Approvals.FirstOrDefaultAsync(approval => approval.Id == id, ct) ?? throw NotFound(id);
        var row = await db.Runtimes.SingleAsync(row => row.Id == approval.RuntimeId, ct);
        if (row.LastChange == change.Id)
        {
            // The reply to our own commit was lost.
            return (ApprovalQueries.Show(approval, row.Name), null);
        }

        MustBeAllowed(change.Caller, approval, row, approves);
        MustBePending(approval, change.At);
        var revision = await db.Revisions.SingleAsync(revision => revision.RuntimeId == row.Id && revision.Generation == approval.Generation, ct);
        var facts = revision.Facts is null ? null : RecordsJson.Read<ResolvedFacts>(revision.Facts);
        if (facts is null)
        {
            throw Conflict("NotResolved", $"What generation {approval.Generation} of '{row.Name}' refers to has not been resolved yet, so that there is nothing definite to decide about. Try again shortly.");
        }

        if (row.AskedGeneration != approval.Generation || revision.State != RevisionState.Pending)
        {
            throw Conflict("Superseded", $"'{row.Name}' is at generation {row.AskedGeneration}; generation {approval.Generation} can't be decided any more.");
        }

        if (approval.ContentHash != revision.ContentHash || approval.Pin != ApprovalBinding.PinOf(facts))
        {
            var again = ApprovalRequests.AskAgain(db, change, row, revision, approval, ApprovalBinding.PinOf(facts), contexts.For(change.Caller).Approvals);
            change.Command(row);
            change.Audit(db, "approval.superseded", approval.Id, approval.ContentHash, revision.ContentHash);
            return (ApprovalQueries.Show(again, row.Name), Conflict("Superseded", $"The content of this approval has changed since it was asked for. Approval {again.Id} asks for what would run now."));
        }

        Decide(db, change, row, revision, approval, approves, reason, content.BindingOf(revision.ContentHash, facts));
        return (ApprovalQueries.Show(approval, row.Name), null);
    }

    private void Decide(RecordsDb db, Change change, RuntimeRow row, RevisionRow revision, ApprovalRow approval, bool approves, string? reason, string binding)
    {
        var subject = change.Caller.Subject;
        List<string> reviewers = [.. RecordsJson.Read<List<string>>(approval.ReviewedBy), subject];
        approval.ReviewedBy = RecordsJson.Write<IReadOnlyList<string>>(reviewers);
        approval.DecisionReason = reason;
        change.Command(row);
        if (approves && reviewers.Count < (approval.RequiredApprovals ?? 1))
        {
            change.Event(db, row, "ApprovalSeconded", $"{subject} approves generation {approval.Generation}; {approval.RequiredApprovals - reviewers.Count} more must.");
            change.Audit(db, "approval.second", approval.Id, after: binding);
            return;
        }

        ApprovalRequests.Close(approval, approves ? ApprovalStatus.Approved : ApprovalStatus.Rejected, change.AtMs);
        approval.ContentHash = binding;
        if (approves)
        {
            revision.State = RevisionState.Admitted;
            change.Event(db, row, "Approved", $"Generation {approval.Generation} was approved by {string.Join(" and ", reviewers)}{Because(reason)}.");
        }
        else
        {
            revision.State = RevisionState.Failed;
            revision.FailedReason = "Rejected";
            revision.FailedMessage = $"{subject} rejected it{Because(reason)}.";
            change.Event(db, row, "Rejected", $"Generation {approval.Generation} was rejected by {subject}{Because(reason)}.");
        }

        change.Audit(db, approves ? "approval.approve" : "approval.reject", approval.Id, after: binding);
        if (contexts.For(change.Caller).Approvals is { Notifies: true })
        {
            ApprovalRequests.Tell(db, change, row, approval, "approval.decided");
        }
    }

    private void MustBeAllowed(Caller caller, ApprovalRow approval, RuntimeRow row, bool approves)
    {
        // An approver sees every request; to others one of a runtime that is not theirs does not exist.
        if (!caller.Has(Roles.Approver) && !Policy.Sees(caller, row))
        {
            throw NotFound(approval.Id);
        }

        var policy = contexts.For(caller).Approvals;
        var approvers = policy?.Approvers ?? RecordsJson.Read<List<string>>(approval.Approvers);
        if (ApprovalRights.WhyNot(caller, [approval.RequestedBy, .. Others(approval)], approves, approvers, policy?.AllowSelf ?? false) is { } why)
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", why);
        }

        if (approval.Status == ApprovalStatus.Pending && RecordsJson.Read<List<string>>(approval.ReviewedBy).Contains(caller.Subject, StringComparer.Ordinal))
        {
            throw Conflict("AlreadyReviewed", $"'{caller.Subject}' has approved this already; another approver must too.");
        }
    }

    private static List<string> Others(ApprovalRow approval) => approval.AlsoRequestedBy is { } others ? RecordsJson.Read<List<string>>(others) : [];

    private static void MustBePending(ApprovalRow approval, DateTimeOffset now)
    {
        if (approval.Status != ApprovalStatus.Pending)
        {
            throw Conflict("AlreadyDecided", $"This approval is {approval.Status}; only a pending one can be decided.");
        }

        // Not swept yet, and over all the same.
        if (approval.ExpiresAt <= now.ToUnixTimeMilliseconds())
        {
            throw Conflict("Expired", "The time to decide is over. Deploy it again to ask anew.");
        }
    }

    private static string Because(string? reason) => string.IsNullOrWhiteSpace(reason) ? "" : $": {reason.Trim()}";

    private static Refusal NotFound(string id) => new(RefusalKind.NotFound, "Not found", $"There is no approval '{id}', or it is not yours to see.");

    private static Refusal Conflict(string title, string detail) => new(RefusalKind.Conflict, title, detail);
}
