using McpRuntime.Gateways.Stdio;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IBridgeTable"/>
internal sealed class BridgeTable(Database database, LifeFiles? lives, TimeProvider time) : IBridgeTable
{
    /// <summary>A server that nobody bridged for this long is gone, or is started anew without harm.</summary>
    private static readonly TimeSpan Forgotten = TimeSpan.FromDays(7);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    public Task<BridgeClaim?> FindAsync(string server, CancellationToken ct) =>
        database.ReadAsync(async (db, stop) => await db.Bridges.FirstOrDefaultAsync(row => row.Server == server, stop) is { } row ? new BridgeClaim(row.Server, row.Owner, row.Address, row.Instance, row.Beat) : null, ct);

    public Task<bool> ClaimAsync(string server, BridgeClaim? seen, string owner, string address, CancellationToken ct)
    {
        // Before anybody can read that it is ours.
        lives?.Hold(owner);
        return database.WriteAsync(
            async (db, stop) =>
            {
                var row = await db.Bridges.FirstOrDefaultAsync(row => row.Server == server, stop);
                if (row?.Owner != seen?.Owner || row?.Beat != seen?.Beat)
                {
                    return false;
                }

                row ??= db.Bridges.Add(new BridgeRow { Server = server, Owner = owner, Address = address }).Entity;
                (row.Owner, row.Address, row.SeenAt) = (owner, address, Now);
                row.Beat++;
                return true;
            },
            ct);
    }

    public bool IsSurelyGone(string owner) => lives?.HasEnded(owner) ?? false;

    public Task<bool> UseAsync(string server, string owner, string instance, CancellationToken ct) => database.WriteAsync(
        async (db, stop) =>
        {
            if (await db.Bridges.FirstOrDefaultAsync(row => row.Server == server && row.Owner == owner, stop) is not { } row)
            {
                return false;
            }

            row.Instance = instance;
            row.Beat++;
            return true;
        },
        ct);

    public async Task BeatAsync(string owner, CancellationToken ct)
    {
        var (now, old) = (Now, (time.GetUtcNow() - Forgotten).ToUnixTimeMilliseconds());
        await database.WriteAsync(
            async (db, stop) =>
            {
                await db.Bridges.Where(row => row.SeenAt < old).ExecuteDeleteAsync(stop);
                return await db.Bridges.Where(row => row.Owner == owner)
                    .ExecuteUpdateAsync(row => row.SetProperty(one => one.Beat, one => one.Beat + 1).SetProperty(one => one.SeenAt, now), stop);
            },
            ct);
    }

    public async Task ReleaseAsync(string owner, CancellationToken ct) => await database.WriteAsync(
        (db, stop) => db.Bridges.Where(row => row.Owner == owner).ExecuteUpdateAsync(row => row.SetProperty(one => one.Owner, "").SetProperty(one => one.Beat, one => one.Beat + 1), stop), ct);
}
