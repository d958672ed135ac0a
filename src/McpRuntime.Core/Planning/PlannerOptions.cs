namespace McpRuntime.Core.Planning;

/// <summary>The planner's figures. The defaults are the product's; tests shorten none of them, they move the clock.</summary>
public sealed record PlannerOptions
{
    public static readonly PlannerOptions Default = new();

    /// <summary>How long an old container may finish its calls after the route has left it.</summary>
    public TimeSpan Drain { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A new revision that runs this long without a handshake has failed, when an older one serves.</summary>
    public TimeSpan StartDeadline { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>A container that had to be started so often is in a crash loop.</summary>
    public int CrashLimit { get; init; } = 5;

    /// <summary>Puts that may leave a resource different; there is never one more.</summary>
    public int PutLimit { get; init; } = 2;

    public TimeSpan BackoffFirst { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan BackoffMost { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Least wait after refused credentials: asking faster only locks accounts.</summary>
    public TimeSpan Slowly { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Longest wait between looks at a provider that can't be seen: a look is one call, and its return should be noticed.</summary>
    public TimeSpan LookMost { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A thing that was left alone so long starts its backoff afresh.</summary>
    public TimeSpan SteadyAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How soon to look at long work again when no hint comes.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How soon to look at what the prober should tell of, were its word lost.</summary>
    public TimeSpan ProbePoll { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Between the look that found nothing left of a deleted record and the one that proves it: longer than a stale read.</summary>
    public TimeSpan ConfirmGone { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Failed handshakes in a row that cost Verified.</summary>
    public int UnverifiedAfter { get; init; } = 3;

    /// <summary>Failed handshakes in a row after which a container that once passed is replaced.</summary>
    public int WedgedAfter { get; init; } = 6;

    /// <summary>Looks in a row that must fail before the conditions say so: one lost packet is not news.</summary>
    public int BlindAfter { get; init; } = 3;

    /// <summary>What follows when a server's tools change without a new generation.</summary>
    public ToolsPin ToolsPin { get; init; } = ToolsPin.Warn;

    /// <summary>Where clients reach the gateway: <c>https://mcp.example.org</c>; null = endpoint URLs are not shown.</summary>
    public Uri? PublicUrl { get; init; }
}
