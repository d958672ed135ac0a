namespace McpRuntime.Core.Catalog;

/// <summary>The entries as they stand now, in memory; never fetched inside a request.</summary>
public interface ICatalog
{
    /// <summary>One entry an id. Local before remote, then in the order of the settings.</summary>
    IReadOnlyList<CatalogEntry> Entries { get; }

    /// <summary>Null: no such entry.</summary>
    CatalogEntry? Find(string id);

    /// <summary>Where the entries come from, in the order in which they win.</summary>
    IReadOnlyList<CatalogSource> Sources { get; }

    /// <summary>Entries that another source's entry of the same id stands before.</summary>
    IReadOnlyList<DuplicateEntry> Duplicates { get; }
}

/// <summary>One file or URL, as it was read last.</summary>
public sealed record CatalogSource
{
    /// <summary><c>file</c>, or the URL.</summary>
    public required string Origin { get; init; }

    /// <summary>Its entries may choose any profile.</summary>
    public required bool Trusted { get; init; }

    public IReadOnlyList<CatalogEntry> Entries { get; init; } = [];

    public IReadOnlyList<SkippedEntry> Skipped { get; init; } = [];

    /// <summary>When these entries were read; null = never.</summary>
    public DateTimeOffset? ReadAt { get; init; }

    /// <summary>When it was last looked at, whatever came of it.</summary>
    public DateTimeOffset? CheckedAt { get; init; }

    /// <summary>Why the last look failed; the entries are then those of the last good one.</summary>
    public string? Error { get; init; }

    /// <summary>What was left out of a good look: the rest of an endless registry.</summary>
    public string? Note { get; init; }

    public CatalogSourceState State => (Error, ReadAt) switch
    {
        (null, null) => CatalogSourceState.Pending,
        (null, _) => CatalogSourceState.Ok,
        (_, null) => CatalogSourceState.Failed,
        _ => CatalogSourceState.Stale,
    };
}

public enum CatalogSourceState
{
    /// <summary>Not looked at yet.</summary>
    Pending,
    Ok,

    /// <summary>The last look failed; what an earlier one gave still stands.</summary>
    Stale,

    /// <summary>It never gave anything.</summary>
    Failed,
}

/// <param name="Origin">Whose entry is passed over.</param>
/// <param name="KeptFrom">Whose entry of this id counts.</param>
public sealed record DuplicateEntry(string Id, string Origin, string KeptFrom);
