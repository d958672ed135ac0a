namespace McpRuntime.Core.Catalog;

/// <summary>The deployable entries as they stand now, in memory; never fetched inside a request.</summary>
public interface ICatalog
{
    IReadOnlyList<CatalogEntry> Entries { get; }

    /// <summary>Null: no such entry.</summary>
    CatalogEntry? Find(string id);

    /// <summary>Entries that were left out, each with its id (or place) and the reason.</summary>
    IReadOnlyList<Specs.ValidationError> Skipped { get; }
}
