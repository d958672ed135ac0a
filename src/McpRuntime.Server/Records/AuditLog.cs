using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IAuditLog"/>
/// <remarks>Changes of runtimes write their entries themselves, in their own transaction; this is for everything else.</remarks>
internal sealed class AuditLog(Database database) : IAuditLog
{
    public Task AppendAsync(AuditEntry entry, CancellationToken ct) =>
        database.WriteAsync(
            (db, _) =>
            {
                db.Audit.Add(new AuditRow
                {
                    At = entry.At.ToUnixTimeMilliseconds(),
                    Subject = entry.Subject,
                    Source = entry.Source,
                    Address = entry.Address,
                    Action = entry.Action,
                    Target = entry.Target,
                    Outcome = entry.Outcome,
                    Before = entry.Before,
                    After = entry.After,
                });
                return Task.FromResult(true);
            },
            ct);

    public async Task<IReadOnlyList<AuditEntry>> ListAsync(long? before, int limit, CancellationToken ct)
    {
        var rows = await database.ReadAsync(
            (db, stop) => db.Audit.Where(row => before == null || row.Sequence < before).OrderByDescending(row => row.Sequence).Take(limit).ToListAsync(stop),
            ct);
        return [.. rows.Select(row => new AuditEntry(
            row.Sequence,
            DateTimeOffset.FromUnixTimeMilliseconds(row.At),
            row.Subject,
            row.Source,
            row.Address,
            row.Action,
            row.Target,
            row.Outcome,
            row.Before,
            row.After))];
    }
}
