using McpRuntime.Gateways;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="ISessionStore"/>
internal sealed class SessionStore(Database database, TimeProvider time) : ISessionStore
{
    public async Task<StoredSession?> FindAsync(string hash, CancellationToken ct) =>
        await database.ReadAsync((db, stop) => db.GatewaySessions.FirstOrDefaultAsync(row => row.Hash == hash, stop), ct) is { } row ? Read(row) : null;

    public Task AddAsync(StoredSession session, CancellationToken ct) => database.WriteAsync(
        async (db, stop) =>
        {
            // The reply to an earlier attempt's commit may have been lost.
            if (!await db.GatewaySessions.AnyAsync(row => row.Hash == session.Hash, stop))
            {
                db.GatewaySessions.Add(new GatewaySessionRow
                {
                    Hash = session.Hash,
                    RecordId = session.RecordId,
                    Subject = session.Subject,
                    Instance = session.Instance,
                    Initialize = session.Initialize,
                    Upstream = session.Upstream,
                    HasActed = session.HasActed,
                    OpenedAt = session.OpenedAt.ToUnixTimeMilliseconds(),
                    LastUsedAt = session.LastUsedAt.ToUnixTimeMilliseconds(),
                });
            }

            return true;
        },
        ct);

    public async Task<(int OfRuntime, int OfCaller)> CountAsync(string recordId, string subject, CancellationToken ct)
    {
        var counts = await database.ReadAsync(
            (db, stop) => db.GatewaySessions.Where(row => row.RecordId == recordId && row.EndedAt == null)
                .GroupBy(row => row.Subject == subject).Select(group => new { IsCaller = group.Key, Count = group.Count() }).ToListAsync(stop),
            ct);
        return (counts.Sum(count => count.Count), counts.Where(count => count.IsCaller).Sum(count => count.Count));
    }

    public async Task<StoredSession?> OldestAsync(string recordId, string subject, CancellationToken ct) =>
        await database.ReadAsync(
            (db, stop) => db.GatewaySessions.Where(row => row.RecordId == recordId && row.Subject == subject && row.EndedAt == null).OrderBy(row => row.LastUsedAt).FirstOrDefaultAsync(stop),
            ct) is { } row ? Read(row) : null;

    public Task ActedAsync(string hash, CancellationToken ct) => database.WriteAsync(
        (db, stop) => db.GatewaySessions.Where(row => row.Hash == hash).ExecuteUpdateAsync(set => set.SetProperty(row => row.HasActed, true), stop), ct);

    public async Task<bool> MoveAsync(string hash, string from, string to, string upstream, CancellationToken ct) => await database.WriteAsync(
        (db, stop) => db.GatewaySessions
            .Where(row => row.Hash == hash && row.EndedAt == null && !row.HasActed && (row.Instance == from || (row.Instance == to && row.Upstream == upstream)))
            .ExecuteUpdateAsync(set => set.SetProperty(row => row.Instance, to).SetProperty(row => row.Upstream, upstream), stop),
        ct) == 1;

    public Task EndAsync(string hash, CancellationToken ct)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return database.WriteAsync(
            (db, stop) => db.GatewaySessions.Where(row => row.Hash == hash && row.EndedAt == null).ExecuteUpdateAsync(set => set.SetProperty(row => row.EndedAt, now), stop), ct);
    }

    public Task TouchAsync(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken ct) => database.WriteAsync(
        async (db, stop) =>
        {
            foreach (var (hash, at) in used)
            {
                var milliseconds = at.ToUnixTimeMilliseconds();
                await db.GatewaySessions.Where(row => row.Hash == hash && row.LastUsedAt < milliseconds).ExecuteUpdateAsync(set => set.SetProperty(row => row.LastUsedAt, milliseconds), stop);
            }

            return true;
        },
        ct);

    public async Task<IReadOnlyList<StoredSession>> EndIdleAsync(DateTimeOffset unusedSince, int limit, CancellationToken ct)
    {
        var (before, now) = (unusedSince.ToUnixTimeMilliseconds(), time.GetUtcNow().ToUnixTimeMilliseconds());
        return await database.WriteAsync(
            async (db, stop) =>
            {
                var idle = await db.GatewaySessions.Where(row => row.LastUsedAt < before && row.EndedAt == null).OrderBy(row => row.LastUsedAt).Take(limit).ToListAsync(stop);
                idle.ForEach(row => row.EndedAt = now);
                return idle.ConvertAll(Read);
            },
            ct);
    }

    public Task PurgeAsync(DateTimeOffset before, CancellationToken ct)
    {
        var until = before.ToUnixTimeMilliseconds();
        return database.WriteAsync((db, stop) => db.GatewaySessions.Where(row => row.LastUsedAt < until && row.EndedAt != null).ExecuteDeleteAsync(stop), ct);
    }

    private static StoredSession Read(GatewaySessionRow row) => new(
        row.Hash,
        row.RecordId,
        row.Subject,
        row.Instance,
        row.Initialize,
        row.Upstream ?? "",
        row.HasActed,
        DateTimeOffset.FromUnixTimeMilliseconds(row.OpenedAt),
        DateTimeOffset.FromUnixTimeMilliseconds(row.LastUsedAt),
        row.EndedAt is not null);
}
