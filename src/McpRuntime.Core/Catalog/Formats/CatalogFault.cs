namespace McpRuntime.Core.Catalog.Formats;

/// <summary>Why an entry, or the whole text, can't be read. Never leaves <see cref="CatalogParser"/>.</summary>
internal sealed class CatalogFault(int line, string reason) : Exception(reason)
{
    public SkippedEntry At(string path) => new(path, line, Message);
}
