namespace McpRuntime.Core.Records;

/// <summary>API tokens of ours. Only a hash of the token is ever stored.</summary>
public interface ITokenStore
{
    /// <param name="hash">SHA-256 of the token's text, lower-case hex (tokens are 256 random bits: nothing to guess).</param>
    Task<ApiToken?> FindByHashAsync(string hash, CancellationToken ct);

    Task AddAsync(ApiToken token, string hash, CancellationToken ct);

    Task<IReadOnlyList<ApiToken>> ListAsync(CancellationToken ct);

    /// <summary>Those that open this one runtime; revoked and expired ones too.</summary>
    Task<IReadOnlyList<ApiToken>> OfRuntimeAsync(string runtimeId, CancellationToken ct);

    Task<bool> RevokeAsync(string id, CancellationToken ct);
}

public sealed record ApiToken(
    string Id,
    string Subject,
    Roles Roles,
    IReadOnlyList<string> Teams,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? RevokedAt,
    string? RuntimeId = null);

/// <summary>Who changed what, from where. Append only.</summary>
public interface IAuditLog
{
    Task AppendAsync(AuditEntry entry, CancellationToken ct);

    Task<IReadOnlyList<AuditEntry>> ListAsync(long? before, int limit, CancellationToken ct);
}

/// <param name="Before">Content hash before; null for a creation.</param>
/// <param name="After">Content hash after; null for a deletion.</param>
public sealed record AuditEntry(
    long Sequence,
    DateTimeOffset At,
    string Subject,
    string Source,
    string? Address,
    string Action,
    string Target,
    string Outcome,
    string? Before,
    string? After);
