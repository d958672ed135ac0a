using McpRuntime.Core.Approvals;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Records;

namespace McpRuntime.Server.Tests.Approvals;

/// <summary>Requests that wait, and people who decide.</summary>
internal static class Waiting
{
    public static readonly Caller Carol = new("carol", Roles.Approver, ["security"], "rest");

    public static readonly Caller Dave = new("dave", Roles.Approver, [], "rest");

    /// <summary>Every image that is not docker.io/mcp waits; approvers may be named.</summary>
    public static ApprovalPolicy Policy(params string[] approvers) => new([], ["docker.io/mcp"], ["unrestricted"], approvers, TimeSpan.FromHours(48));

    public static async Task<string> AskAsync(this RecordsHouse house, string name, Caller? by = null, bool resolved = true)
    {
        house.Approvals ??= Policy();
        var id = (await house.Door.PutAsync(by ?? Given.Ann, Given.Create(name), CancellationToken.None)).Runtime.Id;
        if (resolved)
        {
            await house.ResolveAsync(id);
        }

        return id;
    }

    public static async Task ResolveAsync(this RecordsHouse house, string id, string pin = "docker.io/library/server@sha256:00")
    {
        var record = await house.RecordAsync(id);
        var report = Given.Seen(record, record.Status) with { Resolved = (record.AskedGeneration, Given.Facts(pin)) };
        (await house.Store.ReportAsync(report, await house.LeadAsync(), CancellationToken.None)).Should().BeTrue();
    }

    /// <summary>As a turn does once the handshake has passed.</summary>
    public static async Task PromoteAsync(this RecordsHouse house, string id)
    {
        var record = await house.RecordAsync(id);
        record.Asked.State.Should().Be(RevisionState.Admitted);
        var report = Given.Seen(record, RuntimeStatus.Running) with { Promoted = record.AskedGeneration, Memory = Memory.Empty };
        (await house.Store.ReportAsync(report, await house.LeadAsync(), CancellationToken.None)).Should().BeTrue();
    }

    public static async Task<ApprovalView> PendingAsync(this RecordsHouse house, string id) =>
        (await house.Get<IApprovalQueries>().ListAsync(Given.Admin, "pending", 500, 0, CancellationToken.None)).Approvals.Single(approval => approval.RuntimeDeploymentId == id);

    public static Task<ApprovalView> DecideAsync(this RecordsHouse house, Caller by, string approvalId, bool approves, string? reason = null) =>
        house.Get<IApprovalDecisions>().DecideAsync(by, approvalId, approves, reason, CancellationToken.None);

    public static async Task<IReadOnlyList<string>> EventsAsync(this RecordsHouse house, string id) =>
        [.. (await house.Queries.EventsAsync(Given.Admin, id, null, 500, CancellationToken.None)).Events.Select(happened => happened.Kind)];
}
