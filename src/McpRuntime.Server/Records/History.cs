using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>Events and audit entries past their retention time go, some at a time, so that no write of anybody's waits for long.</summary>
internal sealed partial class History(Database database, RecordsOptions options, TimeProvider time, ILogger<History> logger)
{
    /// <summary>A few milliseconds of one transaction on either database.</summary>
    public const int AtATime = 1000;

    /// <summary>How often the leader looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromMinutes(10);

    public async Task SweepAsync(CancellationToken ct)
    {
        var events = await ForgetAsync(options.EventRetention, EventsAsync, ct);
        var audit = await ForgetAsync(options.AuditRetention, AuditAsync, ct);
        if (events + audit > 0)
        {
            Log.Forgot(logger, events, audit);
        }
    }

    private async Task<int> ForgetAsync(TimeSpan? keep, Func<RecordsDb, long, CancellationToken, Task<int>> some, CancellationToken ct)
    {
        if (keep is not { } retention)
        {
            return 0;
        }

        var before = (time.GetUtcNow() - retention).ToUnixTimeMilliseconds();
        var all = 0;
        while (true)
        {
            var gone = await database.WriteAsync((db, stop) => some(db, before, stop), ct);
            all += gone;
            if (gone < AtATime)
            {
                return all;
            }
        }
    }

    private static Task<int> EventsAsync(RecordsDb db, long before, CancellationToken ct) => db.Database.ExecuteSqlAsync(
        $"DELETE FROM events WHERE (runtime_id, sequence) IN (SELECT runtime_id, sequence FROM events WHERE at < {before} ORDER BY at LIMIT {AtATime})", ct);

    private static Task<int> AuditAsync(RecordsDb db, long before, CancellationToken ct) => db.Database.ExecuteSqlAsync(
        $"DELETE FROM audit WHERE sequence IN (SELECT sequence FROM audit WHERE at < {before} ORDER BY at LIMIT {AtATime})", ct);

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Past their retention time, {Events} events and {Audit} audit entries were removed")]
        public static partial void Forgot(ILogger logger, int events, int audit);
    }
}
