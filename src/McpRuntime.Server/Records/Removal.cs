using McpRuntime.Core.Approvals;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records.Model;

namespace McpRuntime.Server.Records;

/// <summary>Asks for a deletion; the reconciler carries it out and entombs the record once nothing is left.</summary>
internal static class Removal
{
    public static async Task RequestAsync(RecordsDb db, Change change, RuntimeRow row, bool keepVolumes, ApprovalPolicy? policy, CancellationToken ct)
    {
        row.DeleteRequested = true;
        row.KeepVolumes = keepVolumes;
        change.Command(row);
        change.Event(db, row, "DeleteRequested", keepVolumes ? "Deletion was asked for; the volumes stay." : "Deletion was asked for.");
        change.Audit(db, "runtime.delete", row.Id);
        await ApprovalRequests.CloseAsync(db, change, row, ApprovalStatus.Cancelled, policy, ct);
    }
}
