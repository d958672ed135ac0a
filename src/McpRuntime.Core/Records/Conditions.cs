namespace McpRuntime.Core.Records;

public enum ConditionType
{
    Accepted,
    Approved,
    Resolved,
    Built,
    GuardrailsEnforced,
    Available,
    Verified,
    GatewayRegistered,
    Drifted,
    Paused,
    Ready,
    Stalled,
    ToolsDrifted,
}

public enum ConditionStatus
{
    Unknown,
    True,
    False,
}

/// <param name="Reason">One CamelCase word: <c>ImageNotFound</c>.</param>
/// <param name="Message">Plain words for a person.</param>
public sealed record Condition(
    ConditionType Type,
    ConditionStatus Status,
    string Reason,
    string Message,
    long ObservedGeneration,
    DateTimeOffset LastTransitionTime);

/// <summary>The documented word, derived from the conditions for display and filters; nothing branches on it.</summary>
public enum RuntimeStatus
{
    Pending,
    PendingApproval,
    Deploying,
    Running,
    Connected,
    Stopped,
    Error,
    Deleted,
}
