using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>The official registry's <c>server.json</c> (2025-12-11, and the snake_case of 2025-07-09), alone or as an item of a registry's page.</summary>
internal static class OfficialServer
{
    private const string OfficialMeta = "io.modelcontextprotocol.registry/official";

    public static bool Is(CatalogNode.Map map) =>
        (map.Find("server") is CatalogNode.Map && map.Find("id") is null)
        || (map.Find("id") is null && map.Find("name") is CatalogNode.Scalar name && name.Value.Contains('/', StringComparison.Ordinal) && map.Find("packages", "remotes", "$schema", "version") is not null);

    public static CatalogEntry Read(CatalogNode node, string origin)
    {
        var item = CatalogFields.AsMap(node);
        var server = item.Map("server") ?? item;
        var official = item.Map("_meta")?.Map(OfficialMeta) ?? server.Map("_meta")?.Map(OfficialMeta);
        var status = official?.Text("status") ?? server.Text("status");
        if (status == "deleted")
        {
            throw new CatalogFault(server.Line, "was deleted in its registry");
        }

        if (official?.Flag(true, "isLatest", "is_latest") == false)
        {
            throw new CatalogFault(server.Line, "is not the latest version");
        }

        var name = server.Id("name");
        var described = new CatalogEntry
        {
            Id = name,
            Name = server.Text("title") ?? name,
            Description = server.Prose("description"),
            Icon = server.Items("icons").OfType<CatalogNode.Map>().Select(icon => icon.Link("src")).FirstOrDefault(link => link is not null),
            DocumentationUrl = server.Link("websiteUrl", "website_url") ?? server.Map("repository")?.Link("url"),
            Deprecated = status == "deprecated",
            Origin = origin,
        };
        return Deployable(server, described);
    }

    private static CatalogEntry Deployable(CatalogNode.Map server, CatalogEntry described)
    {
        var packages = server.Items("packages").Select(CatalogFields.AsMap).ToList();
        string Type(CatalogNode.Map package) => package.Text("registryType", "registry_type", "registry_name") ?? "";
        if (packages.FirstOrDefault(package => Type(package) is "oci" or "docker") is { } container)
        {
            return OfficialPackage.Read(container, described);
        }

        var why = packages.Count > 0
            ? $"it is published as {string.Join(", ", packages.Select(Type).Distinct(StringComparer.Ordinal).Select(Quoted.Of))}, not as an image"
            : "it is a server that runs elsewhere: there is nothing to deploy";
        return described with { NotDeployableBecause = why };
    }
}
