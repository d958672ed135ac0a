using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog;

/// <summary>What one catalog text gave.</summary>
/// <param name="Skipped">Path: the entry's id, or its place; message: the reason, with the line.</param>
public sealed record CatalogDocument(IReadOnlyList<CatalogEntry> Entries, IReadOnlyList<ValidationError> Skipped);
