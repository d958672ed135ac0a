using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Records;

/// <summary>
/// The one door to the records. REST, custom resources and Git all come through it, each with a <see cref="Caller"/>; one
/// policy check serves them all. No I/O beyond the database. A "no" is a <see cref="Refusal"/>.
/// </summary>
public interface IDesiredState
{
    /// <summary>Creates, or makes a new generation when the spec's hash differs; the same spec twice is no change.</summary>
    Task<PutResult> PutAsync(Caller caller, PutRuntime put, CancellationToken ct);

    /// <summary>Idempotent: a record already going or gone is a success.</summary>
    Task<RuntimeHead> DeleteAsync(Caller caller, string idOrName, bool keepVolumes, long? ifGeneration, CancellationToken ct);

    /// <summary>A deletion that waits for an outer gateway's registration to go waits no longer where that gateway can't be reached.</summary>
    Task<RuntimeHead> AbandonRegistrationAsync(Caller caller, string idOrName, CancellationToken ct);

    Task<RuntimeHead> StartAsync(Caller caller, string idOrName, CancellationToken ct);

    Task<RuntimeHead> StopAsync(Caller caller, string idOrName, CancellationToken ct);

    /// <summary>Raises the restart token: provably a new container.</summary>
    Task<RuntimeHead> RestartAsync(Caller caller, string idOrName, CancellationToken ct);

    /// <summary>The brake, on a runtime of any owner.</summary>
    Task<RuntimeHead> HoldAsync(Caller caller, string idOrName, string reason, CancellationToken ct);

    Task<RuntimeHead> ReleaseAsync(Caller caller, string idOrName, CancellationToken ct);

    /// <summary>A complete list from one owner; absent = delete. All or nothing.</summary>
    Task<SyncResult> SyncAsync(Caller caller, string owner, IReadOnlyList<PutRuntime> complete, SyncTerms terms, CancellationToken ct);
}

/// <param name="AllowLargePrune">Somebody has said that so many may go at once.</param>
/// <param name="Epoch">Set: the list is written while this lease holds, or not at all, so that an old leader's older list can't overtake a newer one.</param>
public sealed record SyncTerms(bool AllowLargePrune = false, LeaseEpoch? Epoch = null)
{
    /// <summary>Guardrails profiles that come with the list, and under which its entries are admitted: stored with them, or not at all.</summary>
    public IReadOnlyList<DeclaredProfile> Profiles { get; init; } = [];
}

/// <summary>A custom guardrails profile as a source declares it.</summary>
public sealed record DeclaredProfile(string Name, string Description, IReadOnlyList<string> RecommendedBackends, GuardrailsConfig Config);

/// <summary>Where a declared record's content stands.</summary>
/// <param name="Commit">40 hex digits: the commit that brought the present content; null where there are no commits.</param>
/// <param name="File">From the root of the repository.</param>
public sealed record RecordOrigin(string? Commit, string? File);

/// <param name="Owner"><c>rest</c>, <c>crd:…</c>, <c>git:…</c>.</param>
/// <param name="MustCreate">POST: an existing live name is a conflict. PUT and Sync: false.</param>
/// <param name="MustExist">PUT: an absent record is 404.</param>
/// <param name="IdempotencyKey">With the same key and the same body the first answer is given again; with another body it is a conflict.</param>
public sealed record PutRuntime(
    DeployRequest Request,
    string Owner,
    bool MustCreate,
    bool MustExist = false,
    string? IdOrName = null,
    long? IfGeneration = null,
    string? IdempotencyKey = null)
{
    /// <summary>What it is asked to do; null leaves it as it is (a new one runs). Outside the content hash: it makes no generation and asks for no approval.</summary>
    public DesiredState? Desired { get; init; }

    /// <summary>Null: it was not declared in a file.</summary>
    public RecordOrigin? Origin { get; init; }

    /// <summary>Set: it is written while this lease holds, or not at all, so that an old leader's older spec can't overtake a newer one.</summary>
    public LeaseEpoch? Epoch { get; init; }

    /// <summary>In a Sync: neither put nor deleted; the record with that name stays as it is, if there is one.</summary>
    public bool Keep { get; init; }
}

/// <param name="Changed">False: the same spec again, no new generation.</param>
public sealed record PutResult(RuntimeHead Runtime, bool Created, bool Changed, string Message);

/// <summary>Enough to answer a command with.</summary>
public sealed record RuntimeHead(string Id, string Name, long Generation, RuntimeStatus Status, string Message);

public sealed record SyncResult(int Created, int Changed, int Unchanged, int Deleted, IReadOnlyList<ValidationError> Conflicts);
