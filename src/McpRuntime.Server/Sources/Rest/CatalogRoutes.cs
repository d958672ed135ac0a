using McpRuntime.Core.Catalog;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>GET /runtimes/catalog[/{id}]: what can be deployed by name.</summary>
internal static class CatalogRoutes
{
    private static readonly QueryParameter<string?> Search = Query.Text("search", "Words that id, name, description or tags hold.", max: 200);
    private static readonly QueryParameter<string?> Category = Query.Text("category", "Only this category.");
    private static readonly QueryParameter<string?> Tag = Query.Text("tag", "Only entries with this tag.");
    private static readonly QueryParameter<string?> SourceType = Query.Choice("source_type", ["docker", "github", "compose"], "Only this source type.");
    private static readonly QueryParameter<string?> Backend = Query.Choice("backend", SettingsParser.BackendNames, "Only what may run there.");
    private static readonly QueryParameter<int> Limit = Query.Whole("limit", 1, 500, 100, "Page size.");
    private static readonly QueryParameter<int> Offset = Query.Whole("offset", 0, 1_000_000, 0, "How many to leave out.");

    public static void MapCatalog(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/catalog", List).Needs(Roles.Viewer).Takes(Search, Category, Tag, SourceType, Backend, Limit, Offset)
            .WithSummary("Lists catalog entries").Produces<CatalogJson>();
        // An id may hold slashes.
        routes.MapGet("/catalog/{**id}", Get).Needs(Roles.Viewer).WithSummary("Shows a catalog entry").Produces<CatalogEntryJson>();
    }

    private static IResult List(HttpContext http, ICatalog catalog)
    {
        var words = http.Asked(Search)?.Split(' ', StringSplitOptions.RemoveEmptyEntries) ?? [];
        var category = http.Asked(Category);
        var tag = http.Asked(Tag);
        var sourceType = http.Asked(SourceType);
        var backend = http.Asked(Backend);
        var found = catalog.Entries.Where(entry =>
            Array.TrueForAll(words, word => Holds(entry, word))
            && (category is null || string.Equals(entry.Category, category, StringComparison.OrdinalIgnoreCase))
            && (tag is null || entry.Tags.Contains(tag, StringComparer.OrdinalIgnoreCase))
            && (sourceType is null || string.Equals(entry.Source?.Type, sourceType, StringComparison.Ordinal))
            && (backend is null || entry.SupportedBackends.Count == 0 || entry.SupportedBackends.Contains(backend, StringComparer.Ordinal))).ToList();
        return Results.Json(
            new CatalogJson([.. found.Skip(http.Asked(Offset)).Take(http.Asked(Limit)).Select(CatalogEntryJson.Of)], found.Count, catalog.Skipped),
            RestJson.Options);
    }

    private static IResult Get([FromRoute] string? id, ICatalog catalog)
    {
        // The router decodes all of a path but its slashes.
        var wanted = (id ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        return catalog.Find(wanted) is { } entry ? Results.Json(CatalogEntryJson.Of(entry), RestJson.Options) : throw RouteKey.NotFound("catalog entry", wanted);
    }

    private static bool Holds(CatalogEntry entry, string word) =>
        entry.Id.Contains(word, StringComparison.OrdinalIgnoreCase)
        || entry.Name.Contains(word, StringComparison.OrdinalIgnoreCase)
        || (entry.Description?.Contains(word, StringComparison.OrdinalIgnoreCase) ?? false)
        || entry.Tags.Any(tag => tag.Contains(word, StringComparison.OrdinalIgnoreCase));
}

/// <param name="Skipped">Entries that could not be read: where, and why.</param>
internal sealed record CatalogJson(IReadOnlyList<CatalogEntryJson> CatalogServers, int Total, IReadOnlyList<ValidationError> Skipped);

internal sealed record CatalogEntryJson
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string? Description { get; init; }

    public required string? Category { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required string? Icon { get; init; }

    public required string? DocumentationUrl { get; init; }

    public required bool Deprecated { get; init; }

    public required bool Featured { get; init; }

    public required bool Deployable { get; init; }

    public required string? NotDeployableBecause { get; init; }

    public required string? SourceType { get; init; }

    public required SourceRequest? Source { get; init; }

    public required IReadOnlyList<string> SupportedBackends { get; init; }

    public required string? GuardrailsProfile { get; init; }

    public required bool RequiresApproval { get; init; }

    public required int? EndpointPort { get; init; }

    public required string? EndpointPath { get; init; }

    public required string? Transport { get; init; }

    public required IReadOnlyList<CatalogVariableJson> Environment { get; init; }

    public required IReadOnlyList<string>? AllowedHosts { get; init; }

    public required string Origin { get; init; }

    public static CatalogEntryJson Of(CatalogEntry entry) => new()
    {
        Id = entry.Id,
        Name = entry.Name,
        Description = entry.Description,
        Category = entry.Category,
        Tags = entry.Tags,
        Icon = entry.Icon,
        DocumentationUrl = entry.DocumentationUrl,
        Deprecated = entry.Deprecated,
        Featured = entry.Featured,
        Deployable = entry.Source is not null,
        NotDeployableBecause = entry.NotDeployableBecause,
        SourceType = entry.Source?.Type,
        Source = entry.Source,
        SupportedBackends = entry.SupportedBackends,
        GuardrailsProfile = entry.GuardrailsProfile,
        RequiresApproval = entry.RequiresApproval,
        EndpointPort = entry.EndpointPort,
        EndpointPath = entry.EndpointPath,
        Transport = entry.Transport is { } transport ? TransportWord.Of(transport) : null,
        Environment = [.. entry.Environment.Select(variable =>
            new CatalogVariableJson(variable.Name, variable.Required, variable.Secret, variable.Secret && variable.Default is not null ? "***" : variable.Default, variable.Description))],
        AllowedHosts = entry.AllowedHosts,
        Origin = entry.Origin,
    };
}

internal sealed record CatalogVariableJson(string Name, bool Required, bool Secret, string? Default, string? Description);
