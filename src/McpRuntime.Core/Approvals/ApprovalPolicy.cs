namespace McpRuntime.Core.Approvals;

/// <summary>The installation's RUNTIME_APPROVAL_* settings.</summary>
public sealed record ApprovalPolicy(
    IReadOnlyList<string> RequiredSourceTypes,
    IReadOnlyList<string> RegistryAllowlist,
    IReadOnlyList<string> RequiredGuardrailsProfiles,
    IReadOnlyList<string> Approvers,
    TimeSpan Timeout)
{
    /// <summary>RUNTIME_APPROVAL_ALLOW_SELF.</summary>
    public bool AllowSelf { get; init; }

    /// <summary>RUNTIME_APPROVAL_WEBHOOK_URL is set: what happens to a request is told there.</summary>
    public bool Notifies { get; init; }
}

/// <param name="Rule"><c>source_type</c>, <c>guardrails_profile</c>, <c>registry</c>, <c>catalog</c>, <c>loosened</c>, <c>weakened</c>.</param>
/// <param name="Detail">What triggered it, in plain words.</param>
public sealed record ApprovalTrigger(string Rule, string Detail);
