using McpRuntime.Core.Planning;

namespace McpRuntime.Core.Records;

/// <summary>The reconciler's side of the records: it reads whole records and writes reports; it never writes what was asked.</summary>
public interface IRecordStore
{
    /// <summary>One consistent read; null when purged.</summary>
    Task<RuntimeRecord?> FindAsync(string id, CancellationToken ct);

    /// <summary>
    /// Status, memory, revision changes and events in one transaction, fenced by the lease's epoch (a stale leader's report is
    /// not written: false) and by <see cref="RuntimeRecord.StatusRevision"/> (someone else wrote: false, look again).
    /// </summary>
    Task<bool> ReportAsync(Report report, LeaseEpoch lease, CancellationToken ct);

    /// <summary>Ids whose asked generation (or command) is not yet observed, or whose next turn is due; oldest first, by an index.</summary>
    Task<IReadOnlyList<string>> DueAsync(DateTimeOffset now, int limit, CancellationToken ct);

    /// <summary>Ids of every record that is not a tombstone, for the resync and the orphan sweep.</summary>
    Task<IReadOnlyList<string>> LiveIdsAsync(CancellationToken ct);

    /// <summary>Whether a record of this id exists at all, tombstones among them: an orphan's proof.</summary>
    Task<IReadOnlySet<string>> KnownIdsAsync(IReadOnlyCollection<string> ids, CancellationToken ct);

    /// <summary>Resolved environment of one revision: literals opened, references read.</summary>
    Task<IReadOnlyDictionary<string, Specs.SecretText>> EnvironmentAsync(string id, long generation, CancellationToken ct);

    /// <summary>The same of every revision that is kept, from a generation on, in their order; by one query.</summary>
    Task<IReadOnlyList<RevisionEnvironment>> EnvironmentsAsync(string id, long from, CancellationToken ct);

    /// <summary>Tombstones older than the retention are removed for good.</summary>
    Task<int> PurgeAsync(DateTimeOffset deletedBefore, CancellationToken ct);

    /// <summary>The id of this installation, made at first start; in every label we set.</summary>
    Task<string> InstanceIdAsync(CancellationToken ct);

    /// <summary>The backend's own identity, pinned at first contact. Returns what is pinned.</summary>
    Task<string> PinIdentityAsync(string backend, string identity, CancellationToken ct);
}

/// <summary>Who may act: the holder's name and the epoch at which it took the lease.</summary>
public sealed record LeaseEpoch(string Holder, long Epoch);

/// <summary>All that one turn has to write. Null or empty means "as it was"; a report that changes nothing is not written at all.</summary>
public sealed record Report
{
    public required string RecordId { get; init; }

    /// <summary>The status row this report was decided on.</summary>
    public required long BasedOn { get; init; }

    /// <summary>The generation that this turn has seen.</summary>
    public required long ObservedGeneration { get; init; }

    /// <summary>
    /// <see cref="RuntimeRecord.CommandSequence"/> of the read this turn decided on. A command accepted during the turn leaves the
    /// record due: had the report named the newest instead, that command would be lost.
    /// </summary>
    public required long ObservedCommand { get; init; }

    public required RuntimeStatus Status { get; init; }

    public required IReadOnlyList<Condition> Conditions { get; init; }

    public required Memory Memory { get; init; }

    /// <summary>When to look again without being asked; null = at the next resync.</summary>
    public DateTimeOffset? NextTurnAt { get; init; }

    public string? ErrorMessage { get; init; }

    /// <summary>What is shown of the live thing; null = unchanged.</summary>
    public Display? Display { get; init; }

    public (long Generation, ResolvedFacts Facts)? Resolved { get; init; }

    public long? Promoted { get; init; }

    public (long Generation, string Reason, string Message)? Failed { get; init; }

    public bool Entomb { get; init; }

    public IReadOnlyList<NewEvent> Events { get; init; } = [];

    /// <summary>Null: what the server offers is what was told of last.</summary>
    public ToolInventory? Tools { get; init; }
}

/// <param name="Kind">CamelCase: <c>ContainerCreated</c>, <c>Drifted</c>, <c>Promoted</c>.</param>
public sealed record NewEvent(string Kind, string Message, string Actor = "system");

/// <summary>Fields of the runtime's representation that come from the live object.</summary>
public sealed record Display
{
    public string? RuntimeRef { get; init; }

    public string? EndpointUrl { get; init; }

    public string? Image { get; init; }

    public string? ImageDigest { get; init; }

    public string? GatewayId { get; init; }

    public int Restarts { get; init; }

    public Handshake? Server { get; init; }

    public IReadOnlyList<Guardrails.ControlReport> GuardrailsReport { get; init; } = [];

    public IReadOnlyList<Guardrails.GuardrailWarning> GuardrailsWarnings { get; init; } = [];
}

/// <param name="Values">Empty where they can't be had.</param>
/// <param name="Unreadable">Why a secret it refers to can't be read now; null where all are.</param>
public sealed record RevisionEnvironment(long Generation, IReadOnlyDictionary<string, Specs.SecretText> Values, Refusal? Unreadable);
