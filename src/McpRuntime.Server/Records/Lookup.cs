using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>An id (tombstones too) or a live record's name, wherever either is accepted.</summary>
internal static class Lookup
{
    public static async Task<RuntimeRow?> FindAsync(RecordsDb db, string idOrName, CancellationToken ct)
    {
        var byId = RecordId.LooksLikeOne(idOrName) ? await db.Runtimes.FirstOrDefaultAsync(row => row.Id == idOrName, ct) : null;
        return byId ?? await LiveAsync(db, idOrName, ct);
    }

    public static Task<RuntimeRow?> LiveAsync(RecordsDb db, string name, CancellationToken ct) =>
        db.Runtimes.FirstOrDefaultAsync(row => row.Name == name && row.DeletedAt == null, ct);

    /// <exception cref="Refusal">NotFound: absent, or not this caller's to see; the two look the same from outside.</exception>
    public static async Task<RuntimeRow> MustFindAsync(RecordsDb db, Caller caller, string idOrName, CancellationToken ct) =>
        await FindAsync(db, idOrName, ct) is { } row && Policy.Sees(caller, row) ? row : throw Policy.NotFound(idOrName);

    public static async Task<RuntimeHead> HeadAsync(RecordsDb db, RuntimeRow row, string message, CancellationToken ct)
    {
        var status = await db.Statuses.Where(status => status.RuntimeId == row.Id).Select(status => status.Status).FirstOrDefaultAsync(ct);
        return new(row.Id, row.Name, row.AskedGeneration, status, message);
    }
}
