namespace McpRuntime.Server.Records;

/// <summary>Where the records live and what seals them. Made from the settings, which name the variables.</summary>
internal sealed record RecordsOptions
{
    /// <summary>RUNTIME_DATABASE_URL: null or empty = SQLite in <see cref="DataDirectory"/>; <c>postgres://…</c>, an Npgsql string (<c>Host=…</c>), or <c>Data Source=…</c>.</summary>
    public string? DatabaseUrl { get; init; }

    /// <summary>RUNTIME_DATA_DIR: holds the SQLite file, its locks and (unless given) the master key.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>RUNTIME_MASTER_KEY: 32 bytes, base64 or hex.</summary>
    public string? MasterKey { get; init; }

    /// <summary>RUNTIME_MASTER_KEY_FILE: a file that holds the same.</summary>
    public string? MasterKeyFile { get; init; }

    /// <summary>RUNTIME_SECRETS_DIR: one folder a team below it; null = <c>secret://file/</c> is refused.</summary>
    public string? SecretsDirectory { get; init; }

    /// <summary>RUNTIME_DELETED_RETENTION_DAYS: how long a tombstone can be read.</summary>
    public TimeSpan DeletedRetention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>RUNTIME_EVENT_RETENTION_DAYS: a quarter of what happened is what one looks back at; null = for good.</summary>
    public TimeSpan? EventRetention { get; init; } = TimeSpan.FromDays(90);

    /// <summary>RUNTIME_AUDIT_RETENTION_DAYS: a year, the least that common audit rules ask for; null = for good.</summary>
    public TimeSpan? AuditRetention { get; init; } = TimeSpan.FromDays(365);

    /// <summary>How long an Idempotency-Key is remembered. A client that retries later than a day has forgotten it too.</summary>
    public TimeSpan IdempotencyRetention { get; init; } = TimeSpan.FromHours(24);

    public Control.LeaseOptions Lease { get; init; } = new();
}
