using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Access;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>
/// The MCP registry's own API (v0.1, read only): what is connected here, as remotes, so that a registry's clients find it. As far as the
/// caller may see; a caller's own token is what the remote asks for.
/// </summary>
internal static class RegistryRoutes
{
    private static readonly QueryParameter<string?> Cursor = Query.Text("cursor", "metadata.nextCursor of the page before.");
    private static readonly QueryParameter<int> Limit = Query.Whole("limit", 1, 100, 30, "Page size.");
    private static readonly QueryParameter<string?> Search = Query.Text("search", "What the server's name holds.", max: 200);
    private static readonly QueryParameter<DateTimeOffset?> UpdatedSince = Query.Time("updated_since", "Only what changed since.");
    private static readonly QueryParameter<string?> Version = Query.Text("version", "latest, or one version. Only the running one is listed.", max: 255);
    private static readonly QueryParameter<bool> IncludeDeleted = Query.Flag("include_deleted", "Taken as the registry's API has it; what is deleted is not listed here.");

    public static void MapRegistry(this IEndpointRouteBuilder app)
    {
        var registry = app.MapGroup("/v0.1/servers").WithTags("registry").AddEndpointFilter(Query.CheckAsync);
        registry.MapGet("", ListAsync).Needs(Roles.Viewer).Takes(Cursor, Limit, Search, UpdatedSince, Version, IncludeDeleted)
            .WithSummary("Lists connected servers in the MCP registry's form").Produces<RegistryPageJson>();
        registry.MapGet("/{name}/versions", VersionsAsync).Needs(Roles.Viewer).Takes(IncludeDeleted).WithSummary("Lists the versions of a connected server: the one that runs").Produces<RegistryPageJson>();
        registry.MapGet("/{name}/versions/{version}", GetAsync).Needs(Roles.Viewer).Takes(IncludeDeleted).WithSummary("Shows a connected server; latest is the one that runs").Produces<RegistryItemJson>();
    }

    private static async Task<IResult> ListAsync(HttpContext http, IRuntimeQueries queries, GatewayOptions options, CancellationToken ct)
    {
        var naming = new RegistryNaming(http, options);
        var page = await queries.ListAsync(http.Caller(), Connected(http.Asked(Limit), http.Asked(Cursor)), ct);
        var since = http.Asked(UpdatedSince);
        var version = http.Asked(Version);
        var found = page.Runtimes
            .Where(runtime => since is null || runtime.UpdatedAt >= since)
            .Select(runtime => RegistryItemJson.Of(runtime, naming))
            .Where(item => http.Asked(Search) is not { } search || item.Server.Name.Contains(search, StringComparison.OrdinalIgnoreCase))
            .Where(item => version is null or "latest" || item.Server.Version == version)
            .ToList();
        return Results.Json(new RegistryPageJson(found, new RegistryMetadataJson(found.Count, page.NextCursor)), RegistryJson.Options);
    }

    private static async Task<IResult> VersionsAsync(HttpContext http, [FromRoute] string name, IRuntimeQueries queries, GatewayOptions options, CancellationToken ct)
    {
        var item = await FindAsync(http, name, queries, options, ct);
        return Results.Json(new RegistryPageJson([item], new RegistryMetadataJson(1, null)), RegistryJson.Options);
    }

    private static async Task<IResult> GetAsync(HttpContext http, [FromRoute] string name, [FromRoute] string version, IRuntimeQueries queries, GatewayOptions options, CancellationToken ct)
    {
        var item = await FindAsync(http, name, queries, options, ct);
        return version == "latest" || version == item.Server.Version
            ? Results.Json(item, RegistryJson.Options)
            : throw new Refusal(RefusalKind.NotFound, "No such version", $"Of {item.Server.Name} version {item.Server.Version} runs, and no other is kept.");
    }

    private static async Task<RegistryItemJson> FindAsync(HttpContext http, string name, IRuntimeQueries queries, GatewayOptions options, CancellationToken ct)
    {
        // The router decodes all of a path but its slashes.
        var wanted = name.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var naming = new RegistryNaming(http, options);
        for (string? cursor = null; ;)
        {
            var page = await queries.ListAsync(http.Caller(), Connected(500, cursor), ct);
            if (page.Runtimes.FirstOrDefault(runtime => naming.Of(runtime) == wanted) is { } found)
            {
                return RegistryItemJson.Of(found, naming);
            }

            cursor = page.NextCursor ?? throw RouteKey.NotFound("connected server", wanted);
        }
    }

    private static RuntimeFilter Connected(int limit, string? cursor) =>
        new(Backend: null, RuntimeStatus.Connected, IncludeDeleted: false, Owner: null, TeamId: null, Tag: null, limit, Offset: 0, cursor);
}
