using System.Globalization;
using McpRuntime.Backends;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Outbound;

/// <summary>
/// Asks the guard what it refused, and tells it in the runtimes' events and in the metrics. How far it has read is in the database, so that
/// what was refused while nobody led is told by the next leader, once.
/// </summary>
internal sealed class RefusalWatch(IEgressLedger ledger, Database database, ILease lease, OutboundMetrics metrics, TimeProvider time)
{
    /// <summary>Where the last reading ended: <c>epoch seq</c>.</summary>
    private const string Mark = "egress_refusals_read";

    private readonly RefusalTally _tally = new(time);
    private (string Epoch, long Seq)? _read;

    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            if (lease.Current is { } epoch && await PageAsync(ct) is { } page)
            {
                metrics.Passed((await ledger.TrafficAsync(ct))?.Networks ?? []);
                await TellAsync(page, epoch, ct);
            }
        }
        catch (BackendFault)
        {
            // A guard that does not answer closes; that it does not is told by the runtimes that need it.
            metrics.Passed([]);
        }
    }

    private async Task<GuardRefusalPage?> PageAsync(CancellationToken ct)
    {
        var read = _read ??= await MarkAsync(ct);
        var page = await ledger.RefusalsAsync(read.Seq, ct);
        return page is null || page.Epoch == read.Epoch || read.Seq == 0 ? page : await ledger.RefusalsAsync(0, ct);
    }

    private async Task TellAsync(GuardRefusalPage page, LeaseEpoch epoch, CancellationToken ct)
    {
        List<(string Record, string Words)> told = [];
        foreach (var refusal in page.Refusals.Where(r => r.Record is not null))
        {
            metrics.Refused(refusal.Record!, refusal.Host, refusal.Reason, _tally.New(page.Epoch, refusal));
            if (_tally.Tell(refusal) is { } words)
            {
                told.Add((refusal.Record!, words));
            }
        }

        if (_read == (page.Epoch, page.Last))
        {
            return;
        }

        var mark = string.Create(CultureInfo.InvariantCulture, $"{page.Epoch} {page.Last}");
        await database.WriteAsync(
            async (db, stop) =>
            {
                if (!await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, stop))
                {
                    return false;
                }

                await AppendAsync(db, told, stop);
                await db.Database.ExecuteSqlAsync($"INSERT INTO settings (key, value) VALUES ({Mark}, {mark}) ON CONFLICT (key) DO UPDATE SET value = excluded.value", stop);
                return true;
            },
            ct);
        _read = (page.Epoch, page.Last);
    }

    private async Task AppendAsync(RecordsDb db, List<(string Record, string Words)> told, CancellationToken ct)
    {
        var ids = told.Select(t => t.Record).Distinct(StringComparer.Ordinal).ToList();
        var rows = await db.Runtimes.Where(row => ids.Contains(row.Id)).ToDictionaryAsync(row => row.Id, StringComparer.Ordinal, ct);
        foreach (var (record, words) in told)
        {
            if (rows.GetValueOrDefault(record) is { } row)
            {
                Change.Append(db, row, time.GetUtcNow(), new NewEvent("EgressRefused", words, "guard"));
            }
        }
    }

    private async Task<(string Epoch, long Seq)> MarkAsync(CancellationToken ct)
    {
        var parts = (await database.ReadAsync((db, stop) => db.Settings.Where(row => row.Key == Mark).Select(row => row.Value).FirstOrDefaultAsync(stop), ct))?.Split(' ');
        return parts is [var epoch, var seq] && long.TryParse(seq, NumberStyles.None, CultureInfo.InvariantCulture, out var last) ? (epoch, last) : ("", 0);
    }
}
