using McpRuntime.Core.Records;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded.Sessions;

/// <summary>Tells the database which sessions are in use, and ends those that are not. On every replica; each idle session is ended by one of them.</summary>
internal sealed partial class SessionUpkeep(SessionBook book, ISessionStore store, Reopener reopener, IRouteTable routes, GatewayOptions options, TimeProvider time, ILogger<SessionUpkeep> logger) : BackgroundService
{
    private const int AtATime = 200;

    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>What the database says of the last use is this much behind at most, so that an idle time of seconds is kept too.</summary>
    private TimeSpan Every => options.SessionIdle / 4 < Longest ? options.SessionIdle / 4 : Longest;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(Every, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            try
            {
                await RunAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
            {
                // Nothing was ended by a clock alone: the uses are told when the database is back.
                Log.Away(logger, away.Detail);
            }
        }
    }

    internal async Task RunAsync(CancellationToken ct)
    {
        await TellAsync(ct);
        var now = time.GetUtcNow();
        IReadOnlyList<StoredSession> ended;
        do
        {
            ended = await store.EndIdleAsync(now - options.SessionIdle, AtATime, ct);
            foreach (var session in ended)
            {
                await book.EndAsync(session.Hash, ct);
                await CloseAsync(session, ct);
            }
        }
        while (ended.Count == AtATime);

        // Until then a client that comes back late is told that it ended; later its id alone says that it is old.
        await store.PurgeAsync(now - (options.SessionIdle * 2), ct);
        book.Forget(SessionBook.Fresh);
    }

    private async Task TellAsync(CancellationToken ct)
    {
        var used = new Dictionary<string, DateTimeOffset>(StringComparer.Ordinal);
        var now = time.GetUtcNow();
        foreach (var session in book.Known.Where(session => !session.HasEnded && (session.IsStreaming || !session.IsTold)))
        {
            // Before it is read: a use in between must not be lost.
            session.IsTold = true;
            used[session.Hash] = session.IsStreaming ? now : now - time.GetElapsedTime(session.UsedAt);
        }

        if (used.Count == 0)
        {
            return;
        }

        try
        {
            await store.TouchAsync(used, ct);
        }
        catch (Refusal)
        {
            foreach (var session in book.Known.Where(session => used.ContainsKey(session.Hash)))
            {
                session.IsTold = false;
            }

            throw;
        }
    }

    private async Task CloseAsync(StoredSession session, CancellationToken ct)
    {
        foreach (var route in await routes.OfRecordAsync(session.RecordId, ct))
        {
            using var soon = CancellationTokenSource.CreateLinkedTokenSource(ct);
            soon.CancelAfter(options.ConnectTimeout);
            try
            {
                await reopener.CloseAsync(route, session, soon.Token);
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                // A server that does not even answer this will be found out by its probes.
                continue;
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Sessions could not be looked after: {Why}")]
        public static partial void Away(ILogger logger, string why);
    }
}
