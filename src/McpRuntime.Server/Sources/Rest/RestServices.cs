namespace McpRuntime.Server.Sources.Rest;

internal static class RestServices
{
    public static IServiceCollection AddRest(this IServiceCollection services) => services
        .AddSingleton<LogRoutes>()
        .AddSingleton<VolumeRoutes>()
        .ConfigureHttpJsonOptions(json => RestJson.Configure(json.SerializerOptions))
        .AddOpenApiDocument();

    /// <summary>Everything under /runtimes. Fixed paths win over <c>{runtime_id}</c> by the router's own rule.</summary>
    public static void MapRest(this IEndpointRouteBuilder app)
    {
        var runtimes = app.MapGroup("/runtimes").WithTags("runtimes").AddEndpointFilter(Query.CheckAsync);
        runtimes.MapBackends();
        runtimes.MapDeploy();
        runtimes.MapCatalog();
        runtimes.MapGuardrails();
        runtimes.MapApprovals();
        VolumeRoutes.Map(runtimes);
        runtimes.MapRuntimes();
        LogRoutes.Map(runtimes);
        runtimes.MapTokens();
        runtimes.MapTools();
        runtimes.MapSources();
    }
}
