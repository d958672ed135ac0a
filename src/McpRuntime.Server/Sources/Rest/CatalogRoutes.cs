using McpRuntime.Backends;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>GET /runtimes/catalog[/{id}]: what can be deployed by name; where it comes from; and whether a catalog that somebody writes could be read.</summary>
internal static class CatalogRoutes
{
    private static readonly QueryParameter<string?> Search = Query.Text("search", "Words that id, name, description or tags hold.", max: 200);
    private static readonly QueryParameter<string?> Category = Query.Text("category", "Only this category.");
    private static readonly QueryParameter<string?> Tag = Query.Text("tag", "Only entries with this tag.");
    private static readonly QueryParameter<string?> SourceType = Query.Choice("source_type", ["docker", "github", "compose"], "Only this source type.");
    private static readonly QueryParameter<string?> Backend = Query.Choice("backend", SettingsParser.BackendNames, "Only what may run there.");
    private static readonly QueryParameter<string?> Origin = Query.Text("origin", "Only what comes from there: file, or a URL.", max: 2048);
    private static readonly QueryParameter<string?> Featured = Query.Choice("featured", ["true", "false"], "Only featured entries, or only the others.");
    private static readonly QueryParameter<string?> Deprecated = Query.Choice("deprecated", ["true", "false"], "Only deprecated entries, or only the others.");
    private static readonly QueryParameter<string?> Deployable = Query.Choice("deployable", ["true", "false"], "Only what can be deployed, or only what can't.");
    private static readonly QueryParameter<int> Limit = Query.Whole("limit", 1, 500, 100, "Page size.");
    private static readonly QueryParameter<int> Offset = Query.Whole("offset", 0, 1_000_000, 0, "How many to leave out.");

    public static void MapCatalog(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/catalog", List).Needs(Roles.Viewer).Takes(Search, Category, Tag, SourceType, Backend, Origin, Featured, Deprecated, Deployable, Limit, Offset)
            .WithSummary("Lists catalog entries, featured ones first, deprecated ones last").Produces<CatalogJson>();
        routes.MapGet("/catalog/sources", Sources).Needs(Roles.Viewer).WithSummary("Shows the state of each catalog file and URL").Produces<CatalogSourcesJson>();
        routes.MapCatalogValidation();
        // An id may hold slashes.
        routes.MapGet("/catalog/{**id}", Get).Needs(Roles.Viewer).WithSummary("Shows a catalog entry").Produces<CatalogEntryJson>();
    }

    private static IResult List(HttpContext http, ICatalog catalog, IReadOnlyDictionary<string, IBackend> backends)
    {
        var words = http.Asked(Search)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        var category = http.Asked(Category);
        var tag = http.Asked(Tag);
        var sourceType = http.Asked(SourceType);
        var backend = http.Asked(Backend);
        var origin = http.Asked(Origin);
        var found = catalog.Entries
            .Where(entry =>
                Array.TrueForAll(words, word => Holds(entry, word))
                && (category is null || string.Equals(entry.Category, category, StringComparison.OrdinalIgnoreCase))
                && (tag is null || entry.Tags.Contains(tag, StringComparer.OrdinalIgnoreCase))
                && (sourceType is null || string.Equals(entry.Source?.Type, sourceType, StringComparison.Ordinal))
                && (backend is null || RunsOn(entry, backend, backends))
                && (origin is null || string.Equals(entry.Origin, origin, StringComparison.Ordinal))
                && Is(http.Asked(Featured), entry.Featured)
                && Is(http.Asked(Deprecated), entry.Deprecated)
                && Is(http.Asked(Deployable), entry.Source is not null))
            .OrderBy(entry => entry.Deprecated)
            .ThenByDescending(entry => entry.Featured)
            .ToList();
        var stale = StaleOrigins(catalog);
        return Results.Json(
            new CatalogJson(
                [.. found.Skip(http.Asked(Offset)).Take(http.Asked(Limit)).Select(entry => CatalogEntryJson.Of(entry, stale.Contains(entry.Origin)))],
                found.Count,
                [.. catalog.Sources.SelectMany(source => source.Skipped.Select(skipped => SkippedEntryJson.Of(source.Origin, skipped)))],
                catalog.Duplicates),
            RestJson.Options);
    }

    private static IResult Sources(ICatalog catalog) =>
        Results.Json(new CatalogSourcesJson([.. catalog.Sources.Select(source => CatalogSourceJson.Of(source, catalog))]), RestJson.Options);

    private static IResult Get([FromRoute] string? id, ICatalog catalog)
    {
        // The router decodes all of a path but its slashes.
        var wanted = (id ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return catalog.Find(wanted) is { } entry
            ? Results.Json(CatalogEntryJson.Of(entry, StaleOrigins(catalog).Contains(entry.Origin)), RestJson.Options)
            : throw RouteKey.NotFound("catalog entry", wanted);
    }

    private static HashSet<string> StaleOrigins(ICatalog catalog) =>
        catalog.Sources.Where(source => source.State is CatalogSourceState.Stale).Select(source => source.Origin).ToHashSet(StringComparer.Ordinal);

    private static bool Is(string? asked, bool value) => asked is null || asked == (value ? "true" : "false");

    /// <summary>What the entry says, and what the backend can do where it is switched on.</summary>
    private static bool RunsOn(CatalogEntry entry, string name, IReadOnlyDictionary<string, IBackend> backends) =>
        (entry.SupportedBackends.Count == 0 || entry.SupportedBackends.Contains(name, StringComparer.Ordinal))
        && (entry.Source?.Type, backends.GetValueOrDefault(name)?.Capabilities) switch
        {
            (null, _) => false,
            ("compose", { SupportsCompose: false }) => false,
            ("github", { SupportsGithubBuild: false }) => false,
            _ => true,
        };

    private static bool Holds(CatalogEntry entry, string word) =>
        entry.Id.Contains(word, StringComparison.OrdinalIgnoreCase)
        || entry.Name.Contains(word, StringComparison.OrdinalIgnoreCase)
        || (entry.Description?.Contains(word, StringComparison.OrdinalIgnoreCase) ?? false)
        || entry.Tags.Any(tag => tag.Contains(word, StringComparison.OrdinalIgnoreCase));
}
