namespace McpRuntime.Server.Control;

/// <summary>
/// The figures of the lease. What must hold: <see cref="StepDown"/> × the greatest clock-rate ratio (1.5) ≤ <see cref="Watch"/>, so
/// that the old leader has stopped by its own clock before the new one starts by its own.
/// </summary>
internal sealed record LeaseOptions
{
    /// <summary>Two renewals may be lost before the third keeps it.</summary>
    public TimeSpan Renew { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How often a standby looks: with <see cref="Watch"/> it bounds a takeover after a crash (17 s is promised).</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan Watch { get; init; } = TimeSpan.FromSeconds(15);

    public TimeSpan StepDown { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>One try at the database; a hung one must leave room for another before <see cref="StepDown"/>.</summary>
    public TimeSpan Attempt { get; init; } = TimeSpan.FromSeconds(3);
}
