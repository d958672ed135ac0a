using Microsoft.Data.Sqlite;
using Npgsql;

namespace McpRuntime.Server.Records;

/// <summary>Where the database is: a SQLite file, or a PostgreSQL connection string.</summary>
internal sealed record DatabaseAddress(string ConnectionString, string? SqliteFile)
{
    private const string Variable = "RUNTIME_DATABASE_URL";

    /// <summary>Seconds. A statement of ours takes milliseconds; what takes longer waits for a lock or a dead server.</summary>
    private const int StatementSeconds = 10;
    private const int ConnectSeconds = 5;

    /// <exception cref="InvalidOperationException">The variable and what it may hold.</exception>
    public static DatabaseAddress Of(RecordsOptions options)
    {
        var url = options.DatabaseUrl?.Trim();
        try
        {
            return url switch
            {
                null or "" => Sqlite(new() { DataSource = Path.Combine(options.DataDirectory, "records.db") }),
                _ when url.StartsWith("postgres://", StringComparison.Ordinal) || url.StartsWith("postgresql://", StringComparison.Ordinal) => PostgreSql(FromUrl(url)),
                _ when url.StartsWith("Data Source=", StringComparison.OrdinalIgnoreCase) => Sqlite(new(url)),
                _ => PostgreSql(new(url)),
            };
        }
        catch (Exception fault) when (fault is ArgumentException or FormatException)
        {
            // Without the value: it may hold a password.
            throw new InvalidOperationException($"{Variable} must be postgres://user:password@host:5432/database, an Npgsql connection string, or empty for SQLite.", fault);
        }
    }

    private static DatabaseAddress Sqlite(SqliteConnectionStringBuilder builder)
    {
        builder.DataSource = Path.GetFullPath(builder.DataSource);
        builder.ForeignKeys = true;
        builder.DefaultTimeout = StatementSeconds;
        return new(builder.ConnectionString, builder.DataSource);
    }

    private static DatabaseAddress PostgreSql(NpgsqlConnectionStringBuilder builder)
    {
        if (string.IsNullOrEmpty(builder.Host))
        {
            throw new FormatException("No host.");
        }

        builder.Timeout = ConnectSeconds;
        builder.CommandTimeout = StatementSeconds;
        builder.CancellationTimeout = 1000;
        builder.KeepAlive = 10;
        builder.ApplicationName ??= "mcpruntime";

        // The server's own bounds: a stopped or cut-off process must not keep a row locked for the others.
        builder.Options = $"{builder.Options} -c statement_timeout=10s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10s".Trim();
        return new(builder.ConnectionString, null);
    }

    private static NpgsqlConnectionStringBuilder FromUrl(string url)
    {
        var uri = new Uri(url);
        var user = uri.UserInfo.Split(':', 2);
        var builder = new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host,
            Port = uri.Port > 0 ? uri.Port : 5432,
            Database = Uri.UnescapeDataString(uri.AbsolutePath.TrimStart('/')) is { Length: > 0 } name ? name : "mcpruntime",
        };
        builder.Username = user[0].Length > 0 ? Uri.UnescapeDataString(user[0]) : null;
        builder.Password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : null;
        foreach (var pair in uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            // libpq writes sslmode=verify-full, Npgsql VerifyFull.
            var (key, value) = pair.Split('=', 2) is [var left, var right] ? (left, Uri.UnescapeDataString(right)) : (pair, "");
            builder[key == "sslmode" ? "SSL Mode" : key] = key == "sslmode" ? value.Replace("-", "", StringComparison.Ordinal) : value;
        }

        return builder;
    }
}
