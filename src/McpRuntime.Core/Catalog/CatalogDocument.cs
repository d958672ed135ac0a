namespace McpRuntime.Core.Catalog;

/// <summary>What one catalog text gave.</summary>
public sealed record CatalogDocument(IReadOnlyList<CatalogEntry> Entries, IReadOnlyList<SkippedEntry> Skipped);

/// <summary>Something that could not be read, and did not keep the rest from being read.</summary>
/// <param name="Path">The entry's id, or its place; <c>catalog</c> where it is the text itself.</param>
/// <param name="Line">1-based.</param>
public sealed record SkippedEntry(string Path, int Line, string Reason)
{
    public string Message => $"line {Line}: {Reason}";
}
