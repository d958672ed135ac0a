using McpRuntime.Core.Records;

namespace McpRuntime.Core.Approvals;

/// <summary>Who may decide. Pure; the four-eyes rule and its exceptions in one place.</summary>
public static class ApprovalRights
{
    /// <summary>A request that no person answers for: two others must.</summary>
    public const int WithoutPerson = 2;

    public static int Required(Caller requester) => requester.IsPerson ? 1 : WithoutPerson;

    /// <summary>Null: this caller may decide.</summary>
    /// <param name="requestedBy">Everybody who answers for the request.</param>
    /// <param name="approvers">RUNTIME_APPROVERS: subjects, teams or groups; empty = everybody with the role, and nobody without it.</param>
    public static string? WhyNot(Caller caller, IReadOnlyList<string> requestedBy, bool approves, IReadOnlyList<string> approvers, bool allowSelf)
    {
        if (!caller.Has(Roles.Approver))
        {
            return $"'{caller.Subject}' is no approver: deciding needs the role approver.";
        }

        if (approvers.Count > 0 && !approvers.Contains(caller.Subject, StringComparer.Ordinal) && !caller.Teams.Any(team => approvers.Contains(team, StringComparer.Ordinal)))
        {
            return $"'{caller.Subject}' is not in RUNTIME_APPROVERS, nor is a team or group of theirs.";
        }

        // To take back one's own request is no approval.
        return approves && !allowSelf && requestedBy.Contains(caller.Subject, StringComparer.Ordinal)
            ? "Nobody approves their own request. Ask another approver."
            : null;
    }
}
