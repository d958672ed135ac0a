using System.Data.Common;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Core.Records;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace McpRuntime.Server.Records;

internal enum DatabaseFault
{
    /// <summary>Somebody else wrote first: read again, decide again.</summary>
    Conflict,

    /// <summary>Away, reset, timed out, full: the same may work later.</summary>
    Unavailable,

    /// <summary>A character that the database can't hold (PostgreSQL has no U+0000 in text): the request's fault.</summary>
    Unstorable,

    /// <summary>A defect of ours; not to be hidden behind a 503.</summary>
    Defect,
}

/// <summary>What an exception of the database means, whichever database it is.</summary>
internal static class DatabaseFaults
{
    public static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    public static DatabaseFault Of(Exception exception)
    {
        // EF wraps what it sees (DbUpdateException, InvalidOperationException "likely due to a transient failure"): the innermost known one decides.
        for (var cause = exception; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case DbUpdateConcurrencyException:
                    return DatabaseFault.Conflict;
                case PostgresException postgres:
                    return OfSqlState(postgres.SqlState);
                case SqliteException sqlite:
                    return OfSqlite(sqlite.SqliteErrorCode, sqlite.SqliteExtendedErrorCode);
                case EncoderFallbackException:
                    return DatabaseFault.Unstorable;
                case NpgsqlException or SocketException or IOException or TimeoutException:
                    return DatabaseFault.Unavailable;
            }
        }

        return DatabaseFault.Defect;
    }

    public static Refusal Refuse(Exception cause) => new(
        RefusalKind.Unavailable,
        "The database is away",
        $"The records can't be reached now ({Words(cause)}). What runs keeps running; try again.")
    {
        RetryAfter = RetryAfter,
    };

    private static string Words(Exception exception)
    {
        var cause = exception;
        while (cause is not DbException && cause.InnerException is not null)
        {
            cause = cause.InnerException;
        }

        // The kind alone: a driver's message may hold the host, the user, or a statement's values.
        return cause switch
        {
            PostgresException postgres => $"SQLSTATE {postgres.SqlState}",
            SqliteException sqlite => $"SQLite error {sqlite.SqliteErrorCode}",
            _ => "no connection, or no answer in time",
        };
    }

    private static DatabaseFault OfSqlState(string state) => state switch
    {
        PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected => DatabaseFault.Conflict,
        PostgresErrorCodes.CharacterNotInRepertoire or PostgresErrorCodes.UntranslatableCharacter => DatabaseFault.Unstorable,
        PostgresErrorCodes.ForeignKeyViolation => DatabaseFault.Conflict,
        PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.QueryCanceled or "25P03" => DatabaseFault.Unavailable,
        _ when state.StartsWith("08", StringComparison.Ordinal) => DatabaseFault.Unavailable, // connection
        _ when state.StartsWith("53", StringComparison.Ordinal) => DatabaseFault.Unavailable, // out of disk, memory, connections
        _ when state.StartsWith("57P", StringComparison.Ordinal) => DatabaseFault.Unavailable, // shutting down, starting up, session ended
        _ when state.StartsWith("58", StringComparison.Ordinal) => DatabaseFault.Unavailable, // its own I/O
        _ when state is "25006" or "28P01" or "28000" or "3D000" => DatabaseFault.Unavailable, // a standby, or not set up (yet)
        _ => DatabaseFault.Defect,
    };

    // Codes of sqlite.org/rescode.html.
    private static DatabaseFault OfSqlite(int code, int extended) => code switch
    {
        19 when extended is 787 or 1555 or 2067 => DatabaseFault.Conflict, // CONSTRAINT: FOREIGNKEY, PRIMARYKEY, UNIQUE
        5 or 6 or 8 or 10 or 13 or 14 => DatabaseFault.Unavailable, // BUSY, LOCKED, READONLY, IOERR, FULL, CANTOPEN
        _ => DatabaseFault.Defect,
    };
}
