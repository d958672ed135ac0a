using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog;

/// <summary>
/// Any of the catalog formats that we read, in YAML or JSON, told apart by their own fields: ours and ContextForge's list, the
/// official registry's <c>server.json</c> and its pages, Docker's <c>server.yaml</c> and its catalog. Never throws for what is in
/// the text: a broken entry is skipped with its reason and the rest load.
/// </summary>
public static class CatalogParser
{
    /// <summary>Characters.</summary>
    public const int Longest = 5 * 1024 * 1024;

    public const int MostEntries = 10_000;

    /// <param name="origin"><see cref="CatalogEntry.LocalOrigin"/>, or the URL it came from.</param>
    public static CatalogDocument Parse(string text, string origin)
    {
        List<CatalogEntry> entries = [];
        List<SkippedEntry> skipped = [];
        if (text.Length > Longest)
        {
            return new CatalogDocument([], [new("catalog", 1, $"has {text.Length} characters; at most {Longest} are read")]);
        }

        try
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var found in CatalogReader.Read(text).SelectMany(FoundIn))
            {
                Take(found, origin, seen, entries, skipped);
            }
        }
        catch (CatalogFault fault)
        {
            // The text itself is broken: what stands before the break is not trusted either.
            return new CatalogDocument([], [fault.At("catalog")]);
        }

        return new CatalogDocument(entries, skipped);
    }

    private static void Take(Found found, string origin, HashSet<string> seen, List<CatalogEntry> entries, List<SkippedEntry> skipped)
    {
        if (entries.Count + skipped.Count >= MostEntries)
        {
            throw new CatalogFault(found.Node.Line, $"has more than {MostEntries} entries");
        }

        try
        {
            var entry = found.Read(found.Node, origin);
            if (seen.Add(entry.Id))
            {
                entries.Add(entry);
            }
            else
            {
                skipped.Add(new(entry.Id, found.Node.Line, "an entry with the same id stands above"));
            }
        }
        catch (CatalogFault fault)
        {
            skipped.Add(fault.At(found.Place));
        }
    }

    private static IEnumerable<Found> FoundIn(CatalogNode root) => root switch
    {
        CatalogNode.List list => list.Items.Select(Item),
        CatalogNode.Map map when map.Find("catalog_servers") is CatalogNode.List list => list.Items.Select(Item),
        CatalogNode.Map map when map.Find("servers") is CatalogNode.List list => list.Items.Select(Item),
        CatalogNode.Map map when map.Find("registry") is CatalogNode.Map registry => registry.Members.Select(member =>
            new Found(Shown(member.Key), member.Value, (node, origin) => DockerServer.FromCatalog(member.Key, node, origin))),
        CatalogNode.Map map when IsEntry(map) => [Item(map, 0)],
        _ => throw new CatalogFault(root.Line, "is no catalog that is known here: expected catalog_servers, servers, registry, a list of entries, or one server"),
    };

    private static bool IsEntry(CatalogNode.Map map) => OfficialServer.Is(map) || DockerServer.Is(map) || map.Find("id") is not null;

    private static Found Item(CatalogNode node, int index)
    {
        var place = (node as CatalogNode.Map) is { Broken: null } map && (Word(map, "id") ?? Word(map, "name") ?? Word(map.Find("server") as CatalogNode.Map, "name")) is { } word
            ? Shown(word)
            : $"[{index}]";
        return node switch
        {
            CatalogNode.Map { Broken: { } fault } => new Found(place, node, (_, _) => throw fault),
            CatalogNode.Map m when OfficialServer.Is(m) => new Found(place, node, OfficialServer.Read),
            CatalogNode.Map m when DockerServer.Is(m) => new Found(place, node, DockerServer.Read),
            CatalogNode.Map => new Found(place, node, ListedServer.Read),
            _ => new Found(place, node, (n, _) => throw new CatalogFault(n.Line, "is not an entry: a mapping with an id was expected")),
        };
    }

    private static string? Word(CatalogNode.Map? map, string key) => map is { Broken: null } && map.Find(key) is CatalogNode.Scalar { Value.Length: > 0 } scalar ? scalar.Value : null;

    private static string Shown(string id) => CatalogFields.IsId(id) ? id : Quoted.Of(id);

    private sealed record Found(string Place, CatalogNode Node, Func<CatalogNode, string, CatalogEntry> Read);
}
