using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IRuntimeQueries"/>
internal sealed class RuntimeQueries(Database database, SpecVault specs, TimeProvider time, IWakeUp? wakeUp = null, IHostApplicationLifetime? lifetime = null) : IRuntimeQueries
{
    // Of a wait: soon at first, since most turns are short; then no oftener than a person would look.
    private static readonly TimeSpan FirstLook = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SlowestLook = TimeSpan.FromMilliseconds(500);

    public async Task<RuntimePage> ListAsync(Caller caller, RuntimeFilter filter, CancellationToken ct)
    {
        var after = ReadCursor(filter.Cursor);
        return await database.ReadAsync(
            async (db, stop) =>
            {
                var chosen = Choose(db, caller, filter);
                var total = await chosen.LongCountAsync(stop);

                // Ids sort by creation: the newest first is the primary key read backwards, and a cursor is the last id given.
                var page = chosen.OrderByDescending(row => row.Id).AsQueryable();
                page = after is null ? page.Skip(filter.Offset) : page.Where(row => string.Compare(row.Id, after) < 0);
                var views = await RuntimeViews.Of(db, page.Take(filter.Limit + 1)).ToListAsync(stop);
                var shown = views.OrderByDescending(view => view.Runtime.Id, StringComparer.Ordinal).Take(filter.Limit).Select(view => RuntimeViews.Show(view, specs)).ToList();
                return new RuntimePage(shown, total, views.Count > filter.Limit ? WriteCursor(shown[^1].Id) : null);
            },
            ct);
    }

    public Task<RuntimeView?> FindAsync(Caller caller, string idOrName, CancellationToken ct) =>
        database.ReadAsync(
            async (db, stop) =>
            {
                var row = await Lookup.FindAsync(db, idOrName, stop);
                if (row is null || !Policy.Sees(caller, row))
                {
                    return null;
                }

                return await RuntimeViews.Of(db, db.Runtimes.Where(found => found.Id == row.Id)).FirstOrDefaultAsync(stop) is { } view ? RuntimeViews.Show(view, specs) : null;
            },
            ct);

    public Task<EventPage> EventsAsync(Caller caller, string recordId, long? after, int limit, CancellationToken ct) =>
        database.ReadAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, recordId, stop);
                var events = await db.Events
                    .Where(happened => happened.RuntimeId == row.Id && happened.Sequence > (after ?? 0))
                    .OrderBy(happened => happened.Sequence)
                    .Take(limit + 1)
                    .ToListAsync(stop);
                var shown = events
                    .Take(limit)
                    .Select(happened => new RuntimeEvent(happened.Sequence, DateTimeOffset.FromUnixTimeMilliseconds(happened.At), happened.Kind, happened.Message, happened.Actor))
                    .ToList();
                return new EventPage(shown, events.Count > limit ? shown[^1].Sequence : null);
            },
            ct);

    public async Task<RuntimeView?> WaitAsync(Caller caller, string id, Func<RuntimeView, bool> until, TimeSpan atMost, CancellationToken ct)
    {
        // A process that is to end answers with what there is: the caller asks another one, or asks again.
        var stopping = lifetime?.ApplicationStopping ?? CancellationToken.None;
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, stopping);
        var began = time.GetTimestamp();
        for (var pause = FirstLook; ; pause = pause * 1.5 < SlowestLook ? pause * 1.5 : SlowestLook)
        {
            var view = await FindAsync(caller, id, ct);
            var left = atMost - time.GetElapsedTime(began);
            if (view is null || until(view) || left <= TimeSpan.Zero || stopping.IsCancellationRequested)
            {
                return view;
            }

            await Task.Delay(pause < left ? pause : left, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            ct.ThrowIfCancellationRequested();
        }
    }

    public async Task<long> RequestTurnAsync(string id, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var revision = await database.WriteAsync(
            async (db, stop) =>
            {
                // A command like any other: the turn that sees it writes a status row, however little has changed.
                var row = await db.Runtimes.FirstOrDefaultAsync(row => row.Id == id, stop) ?? throw Policy.NotFound(id);
                if (row.DeletedAt is null)
                {
                    row.CommandSequence++;
                    row.DueAt = Change.DueNow(now);
                }

                return await db.Statuses.Where(status => status.RuntimeId == id).Select(status => status.Revision).SingleAsync(stop);
            },
            ct);
        wakeUp?.Wake(id);
        return revision;
    }

    private static IQueryable<RuntimeRow> Choose(RecordsDb db, Caller caller, RuntimeFilter filter)
    {
        var rows = db.Runtimes.Where(Policy.VisibleTo(caller));
        if (!filter.IncludeDeleted)
        {
            rows = filter.Status == RuntimeStatus.Deleted ? rows.Where(row => row.DeletedAt != null) : rows.Where(row => row.DeletedAt == null);
        }

        rows = filter.Status is { } status and not RuntimeStatus.Deleted
            ? rows.Where(row => db.Statuses.Any(found => found.RuntimeId == row.Id && found.Status == status))
            : rows;
        rows = filter.Backend is { } backend ? rows.Where(row => row.Backend == backend) : rows;
        rows = filter.Owner is { } owner ? rows.Where(row => row.Owner == owner) : rows;
        rows = filter.TeamId is { } team ? rows.Where(row => row.TeamId == team) : rows;
        return filter.Tag is { } tag ? rows.Where(row => db.Tags.Any(found => found.RuntimeId == row.Id && found.Tag == tag)) : rows;
    }

    private static string WriteCursor(string id) => $"v1-{id}";

    private static string? ReadCursor(string? cursor) => cursor switch
    {
        null or "" => null,
        ['v', '1', '-', .. var id] when RecordId.LooksLikeOne(id) => id,
        _ => throw new Refusal(RefusalKind.Invalid, "The cursor is not valid", "Send next_cursor of the page before, or leave it out to begin at the newest.", [new("cursor", "must be next_cursor of the page before")]),
    };
}
