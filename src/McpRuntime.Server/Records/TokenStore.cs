using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="ITokenStore"/>
internal sealed class TokenStore(Database database, TimeProvider time) : ITokenStore
{
    public async Task<ApiToken?> FindByHashAsync(string hash, CancellationToken ct) =>
        await database.ReadAsync((db, stop) => db.Tokens.FirstOrDefaultAsync(row => row.Hash == hash, stop), ct) is { } row ? ToToken(row) : null;

    public Task AddAsync(ApiToken token, string hash, CancellationToken ct) =>
        database.WriteAsync(
            async (db, stop) =>
            {
                // The id is the caller's own: found here, an earlier attempt was committed and its reply lost. The same text under another id:
                // another replica's first start took the same file, and the token is there.
                if (!await db.Tokens.AnyAsync(row => row.Id == token.Id || row.Hash == hash, stop))
                {
                    db.Tokens.Add(ToRow(token, hash));
                }

                return true;
            },
            ct);

    public async Task<IReadOnlyList<ApiToken>> ListAsync(CancellationToken ct) =>
        [.. (await database.ReadAsync((db, stop) => db.Tokens.OrderBy(row => row.CreatedAt).ThenBy(row => row.Id).ToListAsync(stop), ct)).Select(ToToken)];

    public async Task<IReadOnlyList<ApiToken>> OfRuntimeAsync(string runtimeId, CancellationToken ct) =>
        [.. (await database.ReadAsync((db, stop) => db.Tokens.Where(row => row.RuntimeId == runtimeId).ToListAsync(stop), ct)).Select(ToToken)];

    public Task<bool> RevokeAsync(string id, CancellationToken ct)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return database.WriteAsync(
            async (db, stop) =>
            {
                var row = await db.Tokens.FirstOrDefaultAsync(row => row.Id == id, stop);
                if (row is not null)
                {
                    row.RevokedAt ??= now;
                }

                return row is not null;
            },
            ct);
    }

    private static TokenRow ToRow(ApiToken token, string hash) => new()
    {
        Id = token.Id,
        Hash = hash,
        Subject = token.Subject,
        Roles = (int)token.Roles,
        Teams = RecordsJson.Write(token.Teams),
        RuntimeId = token.RuntimeId,
        CreatedAt = token.CreatedAt.ToUnixTimeMilliseconds(),
        ExpiresAt = token.ExpiresAt?.ToUnixTimeMilliseconds(),
        RevokedAt = token.RevokedAt?.ToUnixTimeMilliseconds(),
    };

    internal static ApiToken ToToken(TokenRow row) => new(
        row.Id,
        row.Subject,
        (Roles)row.Roles,
        RecordsJson.Read<List<string>>(row.Teams),
        DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt),
        Times.From(row.ExpiresAt),
        Times.From(row.RevokedAt),
        row.RuntimeId);
}
