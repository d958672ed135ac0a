using McpRuntime.Core.Records;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>Whether waiting any longer would show something new: what was asked is reached, or waits for a person, or has failed.</summary>
internal static class Settled
{
    public static bool Is(RuntimeView view)
    {
        if (!view.CommandsObserved || view.ObservedGeneration < view.Generation)
        {
            return false;
        }

        return view.Status switch
        {
            RuntimeStatus.Pending or RuntimeStatus.Deploying => false,
            RuntimeStatus.PendingApproval or RuntimeStatus.Error or RuntimeStatus.Deleted => true,
            RuntimeStatus.Stopped => view.Desired == DesiredState.Stopped || view.Hold is not null,
            RuntimeStatus.Running => Rolled(view) && (!view.Spec.RegisterGateway || IsTrue(view, ConditionType.Stalled)),
            RuntimeStatus.Connected => Rolled(view),
        };
    }

    /// <summary>The asked generation serves, or will not: it failed or waits for an approval while an older one goes on.</summary>
    private static bool Rolled(RuntimeView view) =>
        view is { DeleteRequested: false, Desired: DesiredState.Running, Hold: null }
        && (view.ServingGeneration == view.Generation || IsTrue(view, ConditionType.Stalled) || string.Equals(view.ApprovalStatus, "pending", StringComparison.Ordinal));

    private static bool IsTrue(RuntimeView view, ConditionType type) =>
        view.Conditions.Any(condition => condition.Type == type && condition.Status == ConditionStatus.True);
}
