using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>Brings the database to this release's schema.</summary>
internal sealed partial class Schema(Func<RecordsDb> open, DatabaseAddress address, Installation installation, ILogger<Schema> logger)
{
    /// <summary>Any number that nobody else on the server takes.</summary>
    private const long MigrationLock = 0x6d63_7072_745f_6d67;

    public async Task MigrateAsync(CancellationToken ct)
    {
        await using (var db = open())
        {
            if (address.SqliteFile is { } path)
            {
                await MigrateSqliteAsync(db, path, ct);
            }
            else
            {
                await MigratePostgreSqlAsync(db, ct);
            }
        }

        await installation.CheckMasterKeyAsync(ct);
        var id = await installation.IdAsync(ct);
        Log.Ready(logger, id);
    }

    /// <summary>
    /// EF takes a lock by inserting a row, which a killed process leaves behind for ever. A file lock dies with its process: whoever
    /// has it knows that no migration is running, so that a row found then is a dead one's.
    /// </summary>
    private static async Task MigrateSqliteAsync(RecordsDb db, string path, CancellationToken ct)
    {
        await using var alone = await WaitForFileAsync($"{path}.migrate", ct);
        await db.Database.OpenConnectionAsync(ct);
        await db.Database.ExecuteSqlRawAsync("PRAGMA journal_mode = WAL", ct);
        await db.Database.ExecuteSqlRawAsync("DROP TABLE IF EXISTS \"__EFMigrationsLock\"", ct);
        await db.Database.MigrateAsync(ct);
        await db.Database.CloseConnectionAsync();
    }

    /// <summary>
    /// EF's own lock ends with each migration's transaction, so that of two processes that start together the second runs the second
    /// migration again. This one is the session's: it ends with us, however we end.
    /// </summary>
    private static async Task MigratePostgreSqlAsync(RecordsDb db, CancellationToken ct)
    {
        await db.Database.OpenConnectionAsync(ct);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_lock({MigrationLock})", ct);
        await db.Database.MigrateAsync(ct);
        await db.Database.ExecuteSqlAsync($"SELECT pg_advisory_unlock({MigrationLock})", ct);
        await db.Database.CloseConnectionAsync();
    }

    private static async Task<FileStream> WaitForFileAsync(string path, CancellationToken ct)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(path))
            {
                // Another process migrates now; it takes milliseconds.
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, ct);
            }
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "The records are ready (installation {Id})")]
        public static partial void Ready(ILogger logger, string id);
    }
}
