using McpRuntime.Core.Catalog;

namespace McpRuntime.Server.Catalogs;

/// <summary>The file and the remote catalogs as one: local wins over remote, an earlier URL over a later one.</summary>
internal sealed class FederatedCatalog(FileCatalog file, RemoteCatalogs remotes) : ICatalog
{
    private volatile Merged _merged = Merged.Of(null, []);

    public IReadOnlyList<CatalogEntry> Entries => Current.Entries;

    public IReadOnlyList<CatalogSource> Sources => Current.Sources;

    public IReadOnlyList<DuplicateEntry> Duplicates => Current.Duplicates;

    /// <summary>Merged anew when one of its parts is another object than before; two requests at once may both do it, to the same end.</summary>
    private Merged Current
    {
        get
        {
            var (local, others) = (file.Source, remotes.Sources);
            var merged = _merged;
            return merged.IsOf(local, others) ? merged : _merged = Merged.Of(local, others);
        }
    }

    public CatalogEntry? Find(string id) => Current.ById.GetValueOrDefault(id);

    private sealed record Merged(
        CatalogSource? Local,
        IReadOnlyList<CatalogSource> Remotes,
        IReadOnlyList<CatalogSource> Sources,
        IReadOnlyList<CatalogEntry> Entries,
        IReadOnlyList<DuplicateEntry> Duplicates,
        IReadOnlyDictionary<string, CatalogEntry> ById)
    {
        public static Merged Of(CatalogSource? local, IReadOnlyList<CatalogSource> remotes)
        {
            IReadOnlyList<CatalogSource> sources = local is null ? remotes : [local, .. remotes];
            List<CatalogEntry> entries = [];
            List<DuplicateEntry> duplicates = [];
            var byId = new Dictionary<string, CatalogEntry>(StringComparer.Ordinal);
            foreach (var entry in sources.SelectMany(source => source.Entries))
            {
                if (byId.TryAdd(entry.Id, entry))
                {
                    entries.Add(entry);
                }
                else
                {
                    duplicates.Add(new DuplicateEntry(entry.Id, entry.Origin, byId[entry.Id].Origin));
                }
            }

            return new Merged(local, remotes, sources, entries, duplicates, byId);
        }

        public bool IsOf(CatalogSource? local, IReadOnlyList<CatalogSource> remotes) => ReferenceEquals(local, Local) && ReferenceEquals(remotes, Remotes);
    }
}
