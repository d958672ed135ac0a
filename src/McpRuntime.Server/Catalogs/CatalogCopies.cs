using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Catalogs;

/// <summary>The last good copies of remote catalogs, in the database: one replica fetches, all read, and a restart keeps them.</summary>
internal sealed class CatalogCopies(Database database, TimeProvider time)
{
    /// <summary>The version of each copy, by URL.</summary>
    public Task<Dictionary<string, long>> VersionsAsync(CancellationToken ct) =>
        database.ReadAsync((db, stop) => db.CatalogCopies.ToDictionaryAsync(row => row.Url, row => row.Version, stop), ct);

    /// <summary>Null: never looked at.</summary>
    public Task<CatalogCopyRow?> FindAsync(Uri url, CancellationToken ct) =>
        database.ReadAsync((db, stop) => db.CatalogCopies.FirstOrDefaultAsync(row => row.Url == url.AbsoluteUri, stop), ct);

    public Task SaveAsync(Uri url, Fetched fetched, CancellationToken ct)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        return database.WriteAsync(
            async (db, stop) =>
            {
                var row = await db.CatalogCopies.FirstOrDefaultAsync(row => row.Url == url.AbsoluteUri, stop)
                    ?? db.CatalogCopies.Add(new CatalogCopyRow { Url = url.AbsoluteUri }).Entity;
                row.Version++;
                row.CheckedAt = now;
                Write(row, fetched, now);
                return true;
            },
            ct);
    }

    private static void Write(CatalogCopyRow row, Fetched fetched, long now)
    {
        if (fetched is Fetched.Failed failed)
        {
            row.Error = failed.Why;
            row.Failures++;
            return;
        }

        (row.Error, row.Failures, row.ReadAt) = (null, 0, now);
        if (fetched is Fetched.Copy copy)
        {
            (row.Content, row.Etag, row.Note) = (copy.Text, copy.ETag, copy.Note);
        }
    }
}
