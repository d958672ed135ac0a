namespace McpRuntime.Server.Records.Model;

/// <summary>The last good copy of a remote catalog, and how the last look at it went. Fetched by the leader, read by every replica.</summary>
internal sealed class CatalogCopyRow
{
    public required string Url { get; set; }

    /// <summary>Raised by each write, so that a replica reads the content of what changed only.</summary>
    public long Version { get; set; }

    /// <summary>As fetched, the pages of a registry joined; null until a first good look.</summary>
    public string? Content { get; set; }

    /// <summary>Null where there is none, or where it would speak of a first page only.</summary>
    public string? Etag { get; set; }

    public long? ReadAt { get; set; }

    public long CheckedAt { get; set; }

    public string? Error { get; set; }

    public string? Note { get; set; }

    /// <summary>Looks in a row that failed.</summary>
    public int Failures { get; set; }
}
