using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>The documented word, from the conditions: the first row that holds.</summary>
public static class StatusTable
{
    /// <param name="gone">A consistent read proved that nothing is left.</param>
    /// <param name="halted">Asked to stop (or held), and nothing of it runs.</param>
    /// <param name="touched">Something was put for it, or is being taken down.</param>
    public static RuntimeStatus Of(bool gone, bool halted, bool touched, IReadOnlyList<Condition> conditions)
    {
        bool Holds(ConditionType type) => conditions.Any(c => c.Type == type && c.Status is ConditionStatus.True);
        var awaitsApproval = conditions.Any(c => c is { Type: ConditionType.Approved, Status: ConditionStatus.False, Reason: Reasons.PendingApproval });
        return 0 switch
        {
            _ when gone => RuntimeStatus.Deleted,
            _ when halted => RuntimeStatus.Stopped,
            _ when Holds(ConditionType.Available) && Holds(ConditionType.Verified) && Holds(ConditionType.GatewayRegistered) => RuntimeStatus.Connected,
            _ when Holds(ConditionType.Available) => RuntimeStatus.Running,
            _ when awaitsApproval => RuntimeStatus.PendingApproval,
            _ when Holds(ConditionType.Stalled) => RuntimeStatus.Error,
            _ when touched => RuntimeStatus.Deploying,
            _ => RuntimeStatus.Pending,
        };
    }
}
