using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Records;

/// <summary>The rows behind one shown runtime: the record, its asked revision, its status, and that revision's approval if it has one.</summary>
internal sealed record ViewRows(RuntimeRow Runtime, StatusRow Status, RevisionRow Asked, ApprovalRow? Approval);

internal static class RuntimeViews
{
    public static IQueryable<ViewRows> Of(RecordsDb db, IQueryable<RuntimeRow> rows) =>
        from runtime in rows
        join status in db.Statuses on runtime.Id equals status.RuntimeId
        from asked in db.Revisions.Where(row => row.RuntimeId == runtime.Id && row.Generation == runtime.AskedGeneration)
        from approval in db.Approvals.Where(row => row.Id == asked.ApprovalId).DefaultIfEmpty()
        select new ViewRows(runtime, status, asked, approval);

    public static RuntimeView Show(ViewRows rows, SpecVault specs)
    {
        var (runtime, status, asked, approval) = rows;
        return new()
        {
            Id = runtime.Id,
            Name = runtime.Name,
            Owner = runtime.Owner,
            Backend = runtime.Backend,
            Spec = specs.Of(asked),
            Guardrails = RecordsJson.Read<EffectiveGuardrails>(asked.Guardrails),
            Status = status.Status,
            StatusRevision = status.Revision,
            Desired = runtime.Desired,
            Generation = runtime.AskedGeneration,
            ObservedGeneration = status.ObservedGeneration,
            CommandsObserved = status.ObservedCommand >= runtime.CommandSequence,
            ServingGeneration = runtime.ServingGeneration,
            RestartToken = runtime.RestartToken,
            Hold = runtime.Hold,
            DeleteRequested = runtime.DeleteRequested,
            ApprovalStatus = approval?.Status ?? "not_required",
            ApprovalId = approval?.Id,
            ApprovalExpiresAt = approval is { Status: ApprovalStatus.Pending } ? DateTimeOffset.FromUnixTimeMilliseconds(approval.ExpiresAt) : null,
            ApprovedBy = approval is { Status: "approved" } ? RecordsJson.Read<List<string>>(approval.ReviewedBy) is [.., var last] ? last : null : null,
            Facts = asked.Facts is null ? null : RecordsJson.Read<ResolvedFacts>(asked.Facts),
            Conditions = RecordsJson.Read<List<Condition>>(status.Conditions),
            Display = RecordsJson.Read<Display>(status.Display),
            ErrorMessage = status.ErrorMessage,
            Origin = runtime.OriginCommit is null && runtime.OriginFile is null ? null : new RecordOrigin(runtime.OriginCommit, runtime.OriginFile),
            CreatedBy = runtime.CreatedBy,
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(runtime.CreatedAt),
            UpdatedAt = DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(runtime.UpdatedAt, status.WrittenAt ?? 0)),
            LastStatusCheck = Times.From(status.WrittenAt),
        };
    }
}
