using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Access;

/// <summary>Tokens that open one runtime's <c>/mcp</c> address and nothing else, for whoever calls it from outside. Made by who may change the runtime.</summary>
internal sealed class RuntimeTokens(Database database, TimeProvider time)
{
    /// <summary>Live ones of one runtime: each is somebody's key, and nobody looks after hundreds.</summary>
    private const int Most = 50;

    /// <param name="label">What it is for; part of the subject that audits and sessions know it by.</param>
    /// <returns>The token, and its text, which is not kept.</returns>
    public async Task<(ApiToken Token, string Text)> CreateAsync(Caller caller, string runtime, string label, int? expiresDays, CancellationToken ct)
    {
        var (id, text, change) = (ApiTokens.NewId(), ApiTokens.NewText(), NewChange(caller));
        var row = await database.WriteAsync(
            async (db, stop) =>
            {
                if (await db.Tokens.FirstOrDefaultAsync(token => token.Id == id, stop) is { } committed)
                {
                    return committed;
                }

                var target = await MustChangeAsync(db, caller, runtime, stop);
                if (await Live(db, target.Id, change.AtMs).CountAsync(stop) >= Most)
                {
                    throw new Refusal(RefusalKind.Conflict, "Too many tokens", $"'{target.Name}' has {Most} live tokens. Revoke those that are not used.");
                }

                // No person's subject holds a colon and this word, so that a label can't be chosen to look like one.
                var made = new TokenRow
                {
                    Id = id,
                    Hash = ApiTokens.HashOf(text),
                    Subject = $"runtime:{target.Name}:{label}",
                    Roles = (int)Roles.Caller,
                    Teams = "[]",
                    RuntimeId = target.Id,
                    CreatedAt = change.AtMs,
                    ExpiresAt = expiresDays is { } days ? change.At.AddDays(days).ToUnixTimeMilliseconds() : null,
                };
                db.Tokens.Add(made);
                Tell(db, change, target, "TokenCreated", $"The token {id} ({label}) opens its gateway address.", "token.create", id);
                return made;
            },
            ct);
        return (TokenStore.ToToken(row), text);
    }

    /// <summary>Live and ended ones, never their text.</summary>
    public async Task<IReadOnlyList<ApiToken>> ListAsync(Caller caller, string runtime, CancellationToken ct)
    {
        var rows = await database.ReadAsync(
            async (db, stop) =>
            {
                var target = await Lookup.MustFindAsync(db, caller, runtime, stop);
                return await db.Tokens.Where(row => row.RuntimeId == target.Id).OrderBy(row => row.CreatedAt).ThenBy(row => row.Id).ToListAsync(stop);
            },
            ct);
        return [.. rows.Select(TokenStore.ToToken)];
    }

    /// <summary>A new one of the same subject, so that its sessions go on; the old one ends after <paramref name="grace"/>.</summary>
    public async Task<(ApiToken Token, string Text)> RotateAsync(Caller caller, string runtime, string tokenId, TimeSpan grace, CancellationToken ct)
    {
        var (id, text, change) = (ApiTokens.NewId(), ApiTokens.NewText(), NewChange(caller));
        var row = await database.WriteAsync(
            async (db, stop) =>
            {
                if (await db.Tokens.FirstOrDefaultAsync(token => token.Id == id, stop) is { } committed)
                {
                    return committed;
                }

                var target = await MustChangeAsync(db, caller, runtime, stop);
                var old = await MustBeLiveAsync(db, target, tokenId, change.AtMs, stop);
                var end = change.At.Add(grace).ToUnixTimeMilliseconds();
                var made = new TokenRow
                {
                    Id = id,
                    Hash = ApiTokens.HashOf(text),
                    Subject = old.Subject,
                    Roles = old.Roles,
                    Teams = old.Teams,
                    RuntimeId = target.Id,
                    CreatedAt = change.AtMs,
                    ExpiresAt = old.ExpiresAt is { } until ? change.AtMs + (until - old.CreatedAt) : null,
                };
                db.Tokens.Add(made);
                if (grace == TimeSpan.Zero)
                {
                    old.RevokedAt = change.AtMs;
                }
                else if (old.ExpiresAt is null || old.ExpiresAt > end)
                {
                    old.ExpiresAt = end;
                }

                Tell(db, change, target, "TokenRotated", $"The token {id} takes the place of {tokenId}, which ends {(grace == TimeSpan.Zero ? "now" : $"in {grace.TotalSeconds:0} s")}.", "token.rotate", id);
                return made;
            },
            ct);
        return (TokenStore.ToToken(row), text);
    }

    public Task RevokeAsync(Caller caller, string runtime, string tokenId, CancellationToken ct)
    {
        var change = NewChange(caller);
        return database.WriteAsync(
            async (db, stop) =>
            {
                var target = await MustChangeAsync(db, caller, runtime, stop);
                var row = await db.Tokens.FirstOrDefaultAsync(row => row.Id == tokenId && row.RuntimeId == target.Id, stop) ?? throw NoSuchToken(target, tokenId);
                if (row.RevokedAt is null)
                {
                    row.RevokedAt = change.AtMs;
                    Tell(db, change, target, "TokenRevoked", $"The token {tokenId} opens nothing any more.", "token.revoke", tokenId);
                }

                return true;
            },
            ct);
    }

    private static async Task<RuntimeRow> MustChangeAsync(RecordsDb db, Caller caller, string runtime, CancellationToken ct)
    {
        Policy.MustOperate(caller);
        var row = await Lookup.MustFindAsync(db, caller, runtime, ct);
        Policy.MustChange(caller, row);
        Policy.MustNotBeGoing(row);
        return row;
    }

    private static async Task<TokenRow> MustBeLiveAsync(RecordsDb db, RuntimeRow target, string tokenId, long now, CancellationToken ct)
    {
        var row = await db.Tokens.FirstOrDefaultAsync(row => row.Id == tokenId && row.RuntimeId == target.Id, ct) ?? throw NoSuchToken(target, tokenId);
        return row.RevokedAt is null && (row.ExpiresAt is null || row.ExpiresAt > now)
            ? row
            : throw new Refusal(RefusalKind.Conflict, "The token has ended", $"The token {tokenId} is revoked or expired; create another.");
    }

    private static IQueryable<TokenRow> Live(RecordsDb db, string runtimeId, long now) =>
        db.Tokens.Where(row => row.RuntimeId == runtimeId && row.RevokedAt == null && (row.ExpiresAt == null || row.ExpiresAt > now));

    private static void Tell(RecordsDb db, Change change, RuntimeRow target, string kind, string message, string action, string tokenId)
    {
        change.Event(db, target, kind, message);
        change.Audit(db, action, target.Id, after: tokenId);
    }

    private static Refusal NoSuchToken(RuntimeRow target, string tokenId) =>
        new(RefusalKind.NotFound, "No such token", $"'{target.Name}' has no token {new string([.. tokenId.Where(char.IsAsciiLetterOrDigit).Take(40)])}; GET /runtimes/{target.Name}/tokens lists them.");

    private Change NewChange(Caller caller)
    {
        var now = time.GetUtcNow();
        return new(RecordId.New(now), caller, now);
    }
}
