using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>One of our records that is not a tombstone.</summary>
/// <param name="Version">Changes with everything that is shown of it.</param>
internal sealed record OwnedRecord(string Id, string Name, bool Going, (long Record, long Status) Version);

/// <summary>What an owner has: little of each record, and all of one.</summary>
internal sealed class OwnedRecords(Database database, IRuntimeQueries queries)
{
    public async Task<IReadOnlyDictionary<string, OwnedRecord>> ListAsync(string owner, CancellationToken ct)
    {
        var rows = await database.ReadAsync(
            (db, stop) => (from row in db.Runtimes.Where(row => row.Owner == owner && row.DeletedAt == null)
                           join status in db.Statuses on row.Id equals status.RuntimeId
                           select new { row.Id, row.Name, row.DeleteRequested, Record = row.Revision, Status = status.Revision }).ToListAsync(stop),
            ct);
        return rows.ToDictionary(row => row.Name, row => new OwnedRecord(row.Id, row.Name, row.DeleteRequested, (row.Record, row.Status)), StringComparer.Ordinal);
    }

    /// <summary>As an admin sees it: the object is its owner's own.</summary>
    public Task<RuntimeView?> FindAsync(string owner, string id, CancellationToken ct) => queries.FindAsync(new Caller(owner, Roles.Admin, [], owner), id, ct);
}
