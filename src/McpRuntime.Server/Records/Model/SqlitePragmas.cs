using System.Data.Common;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace McpRuntime.Server.Records.Model;

/// <summary>
/// What SQLite keeps per connection. busy_timeout: SQLite's own waiting starts at a millisecond, the driver's retries at 150.
/// synchronous FULL: with WAL, less would let a power cut take an accepted write back.
/// </summary>
internal sealed class SqlitePragmas : DbConnectionInterceptor
{
    public static readonly SqlitePragmas Instance = new();

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData)
    {
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;";
        command.ExecuteNonQuery();
    }

    public override async Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA busy_timeout = 5000; PRAGMA synchronous = FULL;";
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
