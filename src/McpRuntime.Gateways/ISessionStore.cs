namespace McpRuntime.Gateways;

/// <summary>
/// The sessions that clients have, in the database: what one replica knows of a session decides on another whether it may be opened
/// anew, and limits are counted over all of them.
/// </summary>
public interface ISessionStore
{
    /// <summary>Live and recently ended ones. Null: never heard of (opened while the database was away, or long gone).</summary>
    Task<StoredSession?> FindAsync(string hash, CancellationToken ct);

    Task AddAsync(StoredSession session, CancellationToken ct);

    /// <summary>Live ones of the runtime, and of this caller among them.</summary>
    Task<(int OfRuntime, int OfCaller)> CountAsync(string recordId, string subject, CancellationToken ct);

    /// <summary>The caller's live session on the runtime that was used least recently.</summary>
    Task<StoredSession?> OldestAsync(string recordId, string subject, CancellationToken ct);

    /// <summary>From now on it is never opened anew behind its client's back.</summary>
    Task ActedAsync(string hash, CancellationToken ct);

    /// <summary>Another incarnation holds it now. False: somebody else moved it first, or it has ended.</summary>
    /// <param name="from">The incarnation it must still be at.</param>
    Task<bool> MoveAsync(string hash, string from, string to, string upstream, CancellationToken ct);

    Task EndAsync(string hash, CancellationToken ct);

    Task TouchAsync(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken ct);

    /// <summary>Ends what was not used since; gives those that this call ended, so that one replica tells their servers.</summary>
    Task<IReadOnlyList<StoredSession>> EndIdleAsync(DateTimeOffset unusedSince, int limit, CancellationToken ct);

    /// <summary>Forgets those that ended (or were used last) before.</summary>
    Task PurgeAsync(DateTimeOffset before, CancellationToken ct);
}

/// <param name="Hash">SHA-256 of the id that the client has, lower-case hex.</param>
/// <param name="Instance">The incarnation that holds it.</param>
/// <param name="Initialize">The parameters of the client's <c>initialize</c> as JSON; null = they were too long to keep.</param>
/// <param name="Upstream">The server's own id, sealed.</param>
/// <param name="HasActed">It did more than list and read.</param>
public sealed record StoredSession(
    string Hash,
    string RecordId,
    string Subject,
    string Instance,
    string? Initialize,
    string Upstream,
    bool HasActed,
    DateTimeOffset OpenedAt,
    DateTimeOffset LastUsedAt,
    bool HasEnded);
