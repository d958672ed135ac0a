using System.Text.Json;
using McpRuntime.Backends;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>/runtimes/approvals…: what waits for a decision, what was decided, and deciding.</summary>
internal static class ApprovalRoutes
{
    private const string Pending = "pending";
    private const string All = "all";

    private static readonly QueryParameter<string?> Status = Query.Choice(
        "status", [Pending, "approved", "rejected", "expired", "superseded", "cancelled", All], "Default pending; all for every one.");

    private static readonly QueryParameter<int> Limit = Query.Whole("limit", 1, 500, 100, "Page size.");
    private static readonly QueryParameter<int> Offset = Query.Whole("offset", 0, 1_000_000, 0, "How many to leave out.");

    public static void MapApprovals(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/approvals", ListAsync).Needs(Roles.Viewer).Takes(Status, Limit, Offset)
            .WithSummary("Lists approvals, newest first").Produces<ApprovalsJson>();
        routes.MapGet("/approvals/{approval_id}", GetAsync).Needs(Roles.Viewer).WithSummary("Shows an approval and what it is about").Produces<ApprovalView>();
        routes.MapPost("/approvals/{approval_id}/approve", (HttpContext http, [FromRoute(Name = "approval_id")] string approvalId, IApprovalDecisions decisions, CancellationToken ct) =>
                DecideAsync(http, approvalId, true, decisions, ct))
            .Needs(Roles.Approver).WithSummary("Approves what it is bound to").Accepts<DecisionRequest>(isOptional: true, "application/json").Produces<ApprovalView>();
        routes.MapPost("/approvals/{approval_id}/reject", (HttpContext http, [FromRoute(Name = "approval_id")] string approvalId, IApprovalDecisions decisions, CancellationToken ct) =>
                DecideAsync(http, approvalId, false, decisions, ct))
            .Needs(Roles.Approver).WithSummary("Rejects it").Accepts<DecisionRequest>(isOptional: true, "application/json").Produces<ApprovalView>();
    }

    private static async Task<IResult> ListAsync(HttpContext http, IApprovalQueries approvals, CancellationToken ct)
    {
        var status = http.Asked(Status) ?? Pending;
        var (page, total) = await approvals.ListAsync(http.Caller(), status == All ? null : status, http.Asked(Limit), http.Asked(Offset), ct);
        return Results.Json(new ApprovalsJson(page, total), RestJson.Options);
    }

    private static async Task<IResult> DecideAsync(HttpContext http, string approvalId, bool approves, IApprovalDecisions decisions, CancellationToken ct)
    {
        var decision = await RequestBody.ReadOptionalAsync(http.Request, json => new DecisionRequest(json.Text("reason")), ct);
        return Results.Json(await decisions.DecideAsync(http.Caller(), approvalId, approves, decision.Reason, ct), RestJson.Options);
    }

    private static async Task<IResult> GetAsync(
        HttpContext http, [FromRoute(Name = "approval_id")] string approvalId, IApprovalQueries approvals, IReadOnlyDictionary<string, IBackend> backends, CancellationToken ct)
    {
        var subject = await approvals.SubjectAsync(http.Caller(), approvalId, ct) ?? throw RouteKey.NotFound("approval", approvalId);
        var report = backends.TryGetValue(subject.Backend, out var backend) ? backend.Report(subject.Guardrails.Config, subject.Spec.Source) : [];
        var content = new ApprovalContentJson(
            subject.Backend,
            SourceJson.Of(subject.Spec.Source),
            subject.Spec.Catalog?.Id,
            subject.Guardrails.Profile,
            subject.Guardrails.ProfileVersion,
            subject.Guardrails.Config,
            subject.Guardrails.Loosened,
            report,
            GuardrailWarnings.Of(report, subject.Backend),
            [.. subject.Spec.Environment.Keys],
            subject.Spec.Volumes);
        var shown = JsonSerializer.SerializeToNode(subject.Approval, RestJson.Options)!.AsObject();
        shown["content"] = JsonSerializer.SerializeToNode(content, RestJson.Options);
        return Results.Json(shown, RestJson.Options);
    }
}

internal sealed record ApprovalsJson(IReadOnlyList<ApprovalView> Approvals, long Total);

/// <param name="Reason">At most 1000 characters; kept with the decision.</param>
internal sealed record DecisionRequest(string? Reason);

/// <summary>What would run: enough to decide by, whatever the team. Values of the environment are in nobody's answer.</summary>
internal sealed record ApprovalContentJson(
    string Backend,
    SourceJson Source,
    string? CatalogServerId,
    string GuardrailsProfile,
    long GuardrailsProfileVersion,
    GuardrailsConfig Guardrails,
    IReadOnlyList<string> GuardrailsLoosened,
    IReadOnlyList<ControlReport> GuardrailsReport,
    IReadOnlyList<GuardrailWarning> GuardrailsWarnings,
    IReadOnlyList<string> Environment,
    IReadOnlyList<string> Volumes);
