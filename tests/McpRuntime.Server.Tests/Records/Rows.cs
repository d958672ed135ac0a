using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Records;

/// <summary>What the tables hold, where no contract shows it.</summary>
internal static class Rows
{
    public static Task<RevisionState> StateAsync(this RecordsHouse house, string id, long generation) =>
        house.Get<Database>().ReadAsync(
            (db, ct) => db.Revisions.Where(row => row.RuntimeId == id && row.Generation == generation).Select(row => row.State).SingleAsync(ct),
            CancellationToken.None);

    public static Task<string?> EnvironmentColumnAsync(this RecordsHouse house, string id) =>
        house.Get<Database>().ReadAsync((db, ct) => db.Revisions.Where(row => row.RuntimeId == id).Select(row => row.Environment).FirstAsync(ct), CancellationToken.None);

    public static Task<string> SpecColumnAsync(this RecordsHouse house, string id) =>
        house.Get<Database>().ReadAsync((db, ct) => db.Revisions.Where(row => row.RuntimeId == id).Select(row => row.Spec).FirstAsync(ct), CancellationToken.None);

    /// <summary>As another release would have written it.</summary>
    public static Task<int> RewriteSpecAsync(this RecordsHouse house, string id, string spec) =>
        house.Get<Database>().WriteAsync((db, ct) => db.Revisions.Where(row => row.RuntimeId == id).ExecuteUpdateAsync(set => set.SetProperty(row => row.Spec, spec), ct), CancellationToken.None);

    public static Task<int> CountRowsOfAsync(this RecordsHouse house, string id) =>
        house.Get<Database>().ReadAsync(
            async (db, ct) => await db.Revisions.CountAsync(row => row.RuntimeId == id, ct)
                + await db.Statuses.CountAsync(row => row.RuntimeId == id, ct)
                + await db.Events.CountAsync(row => row.RuntimeId == id, ct)
                + await db.Tags.CountAsync(row => row.RuntimeId == id, ct)
                + await db.Approvals.CountAsync(row => row.RuntimeId == id, ct),
            CancellationToken.None);
}
