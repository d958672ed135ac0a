using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>
/// The only way to the tables. A write is one short transaction that may be run again: it reads, decides and changes, and a
/// conflict makes it read and decide anew. A database that is away comes out as a <see cref="Refusal"/> (Unavailable).
/// </summary>
internal sealed partial class Database(Func<RecordsDb> open, bool isSqlite, TimeProvider time, Random random, ILogger<Database> logger) : IDisposable
{
    /// <summary>Twenty writers on one row need twenty rounds at worst; twice that is a livelock.</summary>
    private const int MaxConflicts = 40;

    /// <summary>A restarted PostgreSQL leaves dead connections in the pool: the first try may meet one, the third does not.</summary>
    private const int MaxFaults = 3;

    /// <summary>A fault that took longer than this was a timeout, not a dead connection: trying again would only keep the caller waiting.</summary>
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(2);

    /// <summary>A commit is not cancelled by its caller (its outcome would be unknown), but it may hang with the database.</summary>
    private static readonly TimeSpan CommitTimeout = TimeSpan.FromSeconds(10);

    // A decision rests on several reads (the key, the name, the owner): they must be of one moment. PostgreSQL answers a write that
    // another one has overtaken with 40001, which is a conflict like any other; SQLite makes it serializable anyway.
    private const System.Data.IsolationLevel Isolation = System.Data.IsolationLevel.RepeatableRead;

    // SQLite has one writer at a time anyway: waiting here is fair and holds no thread, waiting in its busy handler is neither.
    private readonly SemaphoreSlim _writer = new(isSqlite ? 1 : int.MaxValue);

    public bool IsSqlite => isSqlite;

    public Task<T> ReadAsync<T>(Func<RecordsDb, CancellationToken, Task<T>> read, CancellationToken ct) =>
        TryAsync(
            async () =>
            {
                await using var db = open();
                db.ChangeTracker.QueryTrackingBehavior = QueryTrackingBehavior.NoTracking;
                return await read(db, ct);
            },
            ct);

    /// <param name="write">May be run more than once, each time on a fresh context. What it tracks is saved for it.</param>
    public Task<T> WriteAsync<T>(Func<RecordsDb, CancellationToken, Task<T>> write, CancellationToken ct) =>
        TryAsync(
            async () =>
            {
                await _writer.WaitAsync(ct);
                try
                {
                    await using var db = open();
                    await using var transaction = await db.Database.BeginTransactionAsync(Isolation, ct);
                    var result = await write(db, ct);
                    await db.SaveChangesAsync(ct);
                    using var commit = new CancellationTokenSource(CommitTimeout, time);
                    await CommitAsync(transaction, commit.Token);
                    return result;
                }
                finally
                {
                    _writer.Release();
                }
            },
            ct);

    /// <summary>One round trip, for readiness.</summary>
    public async Task PingAsync(CancellationToken ct) =>
        await ReadAsync((db, stop) => db.Settings.AnyAsync(stop), ct);

    public void Dispose() => _writer.Dispose();

    private static async Task CommitAsync(Microsoft.EntityFrameworkCore.Storage.IDbContextTransaction transaction, CancellationToken ct)
    {
        try
        {
            await transaction.CommitAsync(ct);
        }
        catch (OperationCanceledException late) when (ct.IsCancellationRequested)
        {
            throw new TimeoutException("The commit was not answered in time.", late);
        }
    }

    private async Task<T> TryAsync<T>(Func<Task<T>> once, CancellationToken ct)
    {
        var began = time.GetTimestamp();
        for (int conflicts = 0, faults = 0; ; )
        {
            try
            {
                return await once();
            }
            catch (Exception fault) when (fault is not (Refusal or OperationCanceledException))
            {
                switch (DatabaseFaults.Of(fault))
                {
                    case DatabaseFault.Conflict when ++conflicts < MaxConflicts:
                        Log.Conflict(logger, conflicts, fault);
                        await Task.Delay(TimeSpan.FromMilliseconds(Jitter(5, 10 + (5 * conflicts))), time, ct);
                        break;
                    case DatabaseFault.Unavailable when ++faults < MaxFaults && time.GetElapsedTime(began) < Quick:
                        await Task.Delay(TimeSpan.FromMilliseconds(Jitter(50, 200)), time, ct);
                        break;
                    case DatabaseFault.Unstorable:
                        throw new Refusal(RefusalKind.Malformed, "A character can't be stored", "The request holds a character that can't be stored: U+0000, or half a surrogate pair.");
                    case DatabaseFault.Defect:
                        throw;
                    case DatabaseFault.Conflict or DatabaseFault.Unavailable:
                        Log.Away(logger, fault);
                        throw DatabaseFaults.Refuse(fault);
                }
            }
        }
    }

    private int Jitter(int from, int to)
    {
        lock (random)
        {
            return random.Next(from, to);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Debug, Message = "A concurrent write was met ({Conflicts} so far); deciding again")]
        public static partial void Conflict(ILogger logger, int conflicts, Exception fault);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The database is away, or a row is fought over")]
        public static partial void Away(ILogger logger, Exception fault);
    }
}
