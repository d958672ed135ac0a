using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Telemetry;

internal static class TelemetryServices
{
    public static IServiceCollection AddTelemetry(this IServiceCollection services, RuntimeSettings settings) => services
        .AddSingleton(settings)
        .AddSingleton<PrometheusReader>()
        .AddHostedService<TelemetryHost>()
        .AddLogging(logging => logging.ClearProviders().AddJsonConsole(console =>
        {
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";
            console.IncludeScopes = false;
        }));

    public static void MapMetrics(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/metrics", (PrometheusReader reader) => Results.Text(reader.Scrape(), PrometheusText.ContentType))
            .AllowAnonymous().WithSummary("Metrics in the Prometheus text format").Produces<string>(contentType: "text/plain");
}
