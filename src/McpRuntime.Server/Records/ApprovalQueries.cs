using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>Approvals as they are shown; <see cref="Approvals.IApprovalDecisions"/> decides on them.</summary>
internal interface IApprovalQueries
{
    /// <param name="status"><c>pending</c> and so on; null = every one. Newest first.</param>
    Task<(IReadOnlyList<ApprovalView> Approvals, long Total)> ListAsync(Caller caller, string? status, int limit, int offset, CancellationToken ct);

    /// <summary>Null: not there, or its runtime is not this caller's to see. An approver sees every pending one.</summary>
    Task<ApprovalView?> FindAsync(Caller caller, string id, CancellationToken ct);

    /// <summary>As <see cref="FindAsync"/>, with the content of the generation.</summary>
    Task<ApprovalSubject?> SubjectAsync(Caller caller, string id, CancellationToken ct);
}

internal sealed record ApprovalView(
    string Id,
    string RuntimeDeploymentId,
    string RuntimeName,
    long Generation,
    string Status,
    string RequestedBy,
    IReadOnlyList<string> ReviewedBy,
    int RequiredApprovals,
    string? RequestedReason,
    string? DecisionReason,
    IReadOnlyList<string> Approvers,
    IReadOnlyList<ApprovalTrigger> RuleSnapshot,
    string ContentHash,
    string? Pin,
    DateTimeOffset ExpiresAt,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ReviewedAt);

/// <summary>What an approval is about, for whoever decides on it, whatever the team.</summary>
internal sealed record ApprovalSubject(ApprovalView Approval, string Backend, RuntimeSpec Spec, EffectiveGuardrails Guardrails);

/// <inheritdoc/>
internal sealed class ApprovalQueries(Database database, SpecVault specs) : IApprovalQueries
{
    public Task<(IReadOnlyList<ApprovalView> Approvals, long Total)> ListAsync(Caller caller, string? status, int limit, int offset, CancellationToken ct) =>
        database.ReadAsync<(IReadOnlyList<ApprovalView>, long)>(
            async (db, stop) =>
            {
                var rows = VisibleTo(db, caller).Where(found => status == null || found.Approval.Status == status);
                var page = await rows.OrderByDescending(found => found.Approval.Id).Skip(offset).Take(limit).ToListAsync(stop);
                return ([.. page.Select(found => Show(found.Approval, found.Name))], await rows.LongCountAsync(stop));
            },
            ct);

    public Task<ApprovalView?> FindAsync(Caller caller, string id, CancellationToken ct) =>
        database.ReadAsync(
            async (db, stop) => await VisibleTo(db, caller).FirstOrDefaultAsync(found => found.Approval.Id == id, stop) is { } found ? Show(found.Approval, found.Name) : null,
            ct);

    public Task<ApprovalSubject?> SubjectAsync(Caller caller, string id, CancellationToken ct) =>
        database.ReadAsync(
            async (db, stop) =>
            {
                if (await VisibleTo(db, caller).FirstOrDefaultAsync(found => found.Approval.Id == id, stop) is not { } found)
                {
                    return null;
                }

                var revision = await db.Revisions.SingleAsync(row => row.RuntimeId == found.Approval.RuntimeId && row.Generation == found.Approval.Generation, stop);
                return new ApprovalSubject(Show(found.Approval, found.Name), found.Backend, specs.Of(revision), RecordsJson.Read<EffectiveGuardrails>(revision.Guardrails));
            },
            ct);

    private static IQueryable<Rows> VisibleTo(RecordsDb db, Caller caller)
    {
        var approver = caller.Has(Roles.Approver);
        var seen = db.Runtimes.Where(Policy.VisibleTo(caller)).Select(row => row.Id);
        return from approval in db.Approvals
               join runtime in db.Runtimes on approval.RuntimeId equals runtime.Id
               where seen.Contains(runtime.Id) || (approver && approval.Status == "pending")
               select new Rows { Approval = approval, Name = runtime.Name, Backend = runtime.Backend };
    }

    public static ApprovalView Show(ApprovalRow approval, string runtimeName) => new(
        approval.Id,
        approval.RuntimeId,
        runtimeName,
        approval.Generation,
        approval.Status,
        approval.RequestedBy,
        RecordsJson.Read<List<string>>(approval.ReviewedBy),
        approval.RequiredApprovals ?? 1,
        approval.RequestedReason,
        approval.DecisionReason,
        RecordsJson.Read<List<string>>(approval.Approvers),
        RecordsJson.Read<List<ApprovalTrigger>>(approval.RuleSnapshot),
        approval.ContentHash,
        approval.Pin,
        DateTimeOffset.FromUnixTimeMilliseconds(approval.ExpiresAt),
        DateTimeOffset.FromUnixTimeMilliseconds(approval.CreatedAt),
        Times.From(approval.ReviewedAt));

    private sealed class Rows
    {
        public required ApprovalRow Approval { get; init; }

        public required string Name { get; init; }

        public required string Backend { get; init; }
    }
}
