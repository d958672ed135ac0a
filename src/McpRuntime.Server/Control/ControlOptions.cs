using McpRuntime.Core.Planning;

namespace McpRuntime.Server.Control;

/// <summary>The loop's figures; see <see cref="PlannerOptions"/> for the decisions'.</summary>
internal sealed record ControlOptions
{
    public PlannerOptions Planner { get; init; } = PlannerOptions.Default;

    /// <summary>Turns at a time on one backend: enough to keep an engine busy, few enough that one that hangs holds up only itself.</summary>
    public int TurnsPerBackend { get; init; } = 16;

    /// <summary>Below the lease's margin (15 s watched − 10 s held, and a renewal): an effect must have ended before anybody else may act.</summary>
    public TimeSpan EffectCap { get; init; } = TimeSpan.FromSeconds(8);

    public TimeSpan LookCap { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>One list of everything, of a thousand runtimes and more.</summary>
    public TimeSpan ListCap { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often rows that are due are looked for: with it an accepted write is acted on within 2 s wherever it was accepted.</summary>
    public TimeSpan DueEvery { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>RUNTIME_RESYNC_SECONDS, ± a tenth, so that replicas and installations do not list an engine in step.</summary>
    public TimeSpan ResyncEvery { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>What has no record must be seen without one for so long before it is removed.</summary>
    public TimeSpan OrphanGrace { get; init; } = TimeSpan.FromSeconds(60);

    public TimeSpan PurgeEvery { get; init; } = TimeSpan.FromHours(1);

    /// <summary>RUNTIME_DELETED_RETENTION_DAYS.</summary>
    public TimeSpan DeletedRetention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long a stopping process lets its turns in flight finish; one effect and its report.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);
}
