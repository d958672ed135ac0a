using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Control;

/// <summary>Ties a transaction to an epoch: what it writes commits before anybody else can take the lease, or not at all.</summary>
internal static class LeaseFence
{
    public static async Task<bool> HoldsAsync(RecordsDb db, LeaseEpoch lease, bool isSqlite, CancellationToken ct)
    {
        // PostgreSQL: the row lock makes a takeover wait for our commit. SQLite: a write transaction is alone anyway.
        var epochs = isSqlite
            ? db.Database.SqlQuery<long>($"SELECT epoch AS \"Value\" FROM leases WHERE name = {Lease.Name} AND holder = {lease.Holder} AND epoch = {lease.Epoch}")
            : db.Database.SqlQuery<long>($"SELECT epoch AS \"Value\" FROM leases WHERE name = {Lease.Name} AND holder = {lease.Holder} AND epoch = {lease.Epoch} FOR SHARE");
        return (await epochs.ToListAsync(ct)).Count == 1;
    }
}
