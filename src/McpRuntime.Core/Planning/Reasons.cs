namespace McpRuntime.Core.Planning;

/// <summary>One-word reasons that planner and progress give by themselves; all others are a provider's.</summary>
internal static class Reasons
{
    public const string BackingOff = "BackingOff";
    public const string Confirming = "Confirming";
    public const string CrashLoop = "CrashLoop";
    public const string Draining = "Draining";
    public const string Ended = "Ended";
    public const string HandshakeFailed = "HandshakeFailed";
    public const string NotConverging = "NotConverging";
    public const string PendingApproval = "PendingApproval";
    public const string Starting = "Starting";
    public const string Superseding = "Superseding";
    public const string Verifying = "Verifying";

    public const string Missing = "Missing";
    public const string Different = "Different";
    public const string Drifted = "Drifted";
    public const string Crashed = "Crashed";
    public const string Surplus = "Surplus";
    public const string Deleted = "Deleted";
    public const string Recreate = "Recreate";
    public const string Stopped = "Stopped";
    public const string Wedged = "Wedged";

    /// <summary>The attempt under which Resolve is counted; no resource has such an id.</summary>
    public const string ResolveAttempt = "(resolve)";
}
