using System.Collections.Concurrent;
using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IRouteTable"/>
/// <remarks>Writes are the leader's alone: one that was delayed past its lease must not overwrite what its successor wrote. While the database is away the last known route is given: what runs stays reachable.</remarks>
internal sealed class RouteTable(Database database, ILease lease, Patience patience, TimeProvider time) : IRouteTable
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    /// <summary>Names that do not exist are remembered too; a scan of made-up names must not fill the memory.</summary>
    private const int MaxRemembered = 20_000;

    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);
    private long _writes;

    public async Task<GatewayRoute?> FindAsync(string name, CancellationToken ct)
    {
        var writes = Interlocked.Read(ref _writes);
        _known.TryGetValue(name, out var known);
        if (known is not null && known.Writes == writes && time.GetElapsedTime(known.At) < Fresh)
        {
            return known.Route;
        }

        return known is { Route: not null }
            ? await patience.AskAsync(stop => LookAsync(name, writes, stop), known.Route, ct)
            : await LookAsync(name, writes, ct);
    }

    private async Task<GatewayRoute?> LookAsync(string name, long writes, CancellationToken ct)
    {
        var at = time.GetTimestamp();
        var row = await database.ReadAsync((db, stop) => db.Routes.FirstOrDefaultAsync(row => row.Name == name, stop), ct);
        return Remember(name, row is null ? null : Read(row), at, writes);
    }

    public async Task<IReadOnlyList<GatewayRoute>> ListAsync(CancellationToken ct) =>
        [.. (await database.ReadAsync((db, stop) => db.Routes.OrderBy(row => row.Name).ToListAsync(stop), ct)).Select(Read)];

    public async Task<IReadOnlyList<GatewayRoute>> OfRecordAsync(string recordId, CancellationToken ct) =>
        [.. (await database.ReadAsync((db, stop) => db.Routes.Where(row => row.RecordId == recordId).OrderBy(row => row.Name).ToListAsync(stop), ct)).Select(Read)];

    public async Task<bool> PutAsync(GatewayRoute route, CancellationToken ct)
    {
        var epoch = Leading();
        var put = await database.WriteAsync(
            async (db, stop) =>
            {
                await MustLeadAsync(db, epoch, stop);
                var found = await db.Routes.Where(row => row.Id == route.Id || row.Name == route.Name).ToListAsync(stop);
                if (found.Exists(row => row.RecordId != route.RecordId))
                {
                    return false;
                }

                // The same record's route under another id or name goes in the same transaction: a name is never without its route between.
                db.Routes.RemoveRange(found.Where(row => row.Id != route.Id));
                if (found.Exists(row => row.Id != route.Id))
                {
                    await db.SaveChangesAsync(stop);
                }

                var row = found.Find(row => row.Id == route.Id) ?? db.Routes.Add(new RouteRow { Id = route.Id, RecordId = route.RecordId, Name = route.Name, Route = "" }).Entity;
                row.Name = route.Name;
                row.Route = RecordsJson.Write(route);
                return true;
            },
            ct);
        Forget(route.RecordId);
        if (put)
        {
            // What was written is the last known route at once: a database that goes away at this moment must not leave the server without it.
            // It is stale from the start, so that a removal by other hands is seen by the next look.
            Remember(route.Name, route, time.GetTimestamp(), Interlocked.Read(ref _writes) - 1);
        }

        return put;
    }

    public async Task RemoveAsync(string recordId, string routeId, CancellationToken ct)
    {
        var epoch = Leading();
        await database.WriteAsync(
            async (db, stop) =>
            {
                await MustLeadAsync(db, epoch, stop);
                return await db.Routes.Where(row => row.RecordId == recordId && row.Id == routeId).ExecuteDeleteAsync(stop);
            },
            ct);
        Forget(recordId);
    }

    private LeaseEpoch Leading() => lease.Current ?? throw NotLeading();

    private async Task MustLeadAsync(RecordsDb db, LeaseEpoch epoch, CancellationToken ct)
    {
        if (!await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, ct))
        {
            throw NotLeading();
        }
    }

    private static BackendFault NotLeading() => new(new Fault(FaultKind.Transient, "NotLeading", "Another process leads by now; the routes are its to write."));

    private static GatewayRoute Read(RouteRow row) => RecordsJson.Read<GatewayRoute>(row.Route);

    private GatewayRoute? Remember(string name, GatewayRoute? route, long at, long writes)
    {
        if (_known.Count >= MaxRemembered)
        {
            _known.Clear();
        }

        _known[name] = new(route, at, writes);
        return route;
    }

    /// <summary>Everything becomes stale; what was just written must not even serve as the last known route.</summary>
    private void Forget(string recordId)
    {
        Interlocked.Increment(ref _writes);
        foreach (var (name, known) in _known)
        {
            if (known.Route?.RecordId == recordId)
            {
                _known.TryRemove(name, out _);
            }
        }
    }

    /// <param name="Writes">The writes of this process before it was read: a later one makes it stale at once.</param>
    private sealed record Known(GatewayRoute? Route, long At, long Writes);
}
