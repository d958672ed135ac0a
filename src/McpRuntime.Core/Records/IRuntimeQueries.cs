using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Records;

/// <summary>The reading side: what REST and the gateway show. Visibility is applied here, by caller.</summary>
public interface IRuntimeQueries
{
    Task<RuntimePage> ListAsync(Caller caller, RuntimeFilter filter, CancellationToken ct);

    /// <summary>By id (tombstones too) or by a live record's name. Null: not there, or not this caller's to see.</summary>
    Task<RuntimeView?> FindAsync(Caller caller, string idOrName, CancellationToken ct);

    Task<EventPage> EventsAsync(Caller caller, string recordId, long? after, int limit, CancellationToken ct);

    /// <summary>Watches the database until <paramref name="until"/> holds or the time is up; then gives what is there.</summary>
    Task<RuntimeView?> WaitAsync(Caller caller, string id, Func<RuntimeView, bool> until, TimeSpan atMost, CancellationToken ct);

    /// <summary>Asks for a turn now (the row becomes due) and gives the revision of the status row that a later one must exceed.</summary>
    Task<long> RequestTurnAsync(string id, CancellationToken ct);
}

public sealed record RuntimeFilter(
    string? Backend,
    RuntimeStatus? Status,
    bool IncludeDeleted,
    string? Owner,
    string? TeamId,
    string? Tag,
    int Limit,
    int Offset,
    string? Cursor);

public sealed record RuntimePage(IReadOnlyList<RuntimeView> Runtimes, long Total, string? NextCursor);

public sealed record RuntimeEvent(long Sequence, DateTimeOffset At, string Kind, string Message, string Actor);

public sealed record EventPage(IReadOnlyList<RuntimeEvent> Events, long? Next);

/// <summary>One runtime as it is shown: the record, the asked revision, the status row.</summary>
public sealed record RuntimeView
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Owner { get; init; }

    public required string Backend { get; init; }

    public required RuntimeSpec Spec { get; init; }

    public required EffectiveGuardrails Guardrails { get; init; }

    public required RuntimeStatus Status { get; init; }

    public required long StatusRevision { get; init; }

    public required DesiredState Desired { get; init; }

    public required long Generation { get; init; }

    public required long ObservedGeneration { get; init; }

    /// <summary>False while a command (start, stop, restart, delete …) has not been seen by a turn yet.</summary>
    public required bool CommandsObserved { get; init; }

    public long? ServingGeneration { get; init; }

    public long RestartToken { get; init; }

    public string? Hold { get; init; }

    public bool DeleteRequested { get; init; }

    public string ApprovalStatus { get; init; } = "not_required";

    public string? ApprovalId { get; init; }

    /// <summary>When the question expires; null once it is decided, and without one.</summary>
    public DateTimeOffset? ApprovalExpiresAt { get; init; }

    public string? ApprovedBy { get; init; }

    public ResolvedFacts? Facts { get; init; }

    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    public Display Display { get; init; } = new();

    public string? ErrorMessage { get; init; }

    /// <summary>Null: it was not declared in a file.</summary>
    public RecordOrigin? Origin { get; init; }

    public required string CreatedBy { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    public DateTimeOffset? LastStatusCheck { get; init; }
}
