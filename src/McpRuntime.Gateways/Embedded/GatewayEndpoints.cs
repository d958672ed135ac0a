using System.Text.Json;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Embedded.Probing;
using McpRuntime.Gateways.Stdio;
using McpRuntime.Gateways.Upstream;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;

namespace McpRuntime.Gateways.Embedded;

/// <summary>The embedded gateway's place in the service.</summary>
public static class GatewayEndpoints
{
    /// <summary>
    /// Needs <see cref="IRouteTable"/>, <see cref="IBridgeTable"/>, <see cref="ISessionStore"/>, <see cref="IToolPins"/>, <see cref="IToolCallAudit"/>,
    /// <see cref="ICallerAccessor"/> and <see cref="IWakeUp"/> from others.
    /// </summary>
    public static IServiceCollection AddEmbeddedGateway(this IServiceCollection services, GatewayOptions options) => services.AddEmbeddedGateway(_ => options);

    public static IServiceCollection AddEmbeddedGateway(this IServiceCollection services, Func<IServiceProvider, GatewayOptions> options)
    {
        services.AddSingleton(options);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(_ => Random.Shared);
        services.AddMetrics();
        services.AddSingleton<GatewayMetrics>();
        services.AddSingleton<UpstreamConnector>();
        services.AddSingleton<BridgeClock>();
        services.AddSingleton<ReplicaLink>();
        services.AddSingleton<Bridges>();
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<Bridges>());
        services.AddSingleton<SessionSeal>();
        services.AddSingleton<OriginPolicy>();
        services.AddSingleton<RouteAccess>();
        services.AddSingleton<Sessions.Reopener>();
        services.AddSingleton<Sessions.SessionBook>();
        services.AddHostedService<Sessions.SessionUpkeep>();
        services.AddSingleton<Tools.ToolGate>();
        services.AddSingleton<Sightings>();
        services.AddSingleton<Forwarder>();
        services.AddSingleton<McpEndpoint>();
        services.AddSingleton<IGateway, EmbeddedGateway>();
        services.AddSingleton<Handshaker>();
        services.AddSingleton<Prober>();
        services.AddSingleton<IProber>(provider => provider.GetRequiredService<Prober>());
        services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<Prober>());
        return services;
    }

    /// <summary>
    /// <c>/mcp/{name}</c>, and <c>/mcp/{name}/message</c> for servers of the HTTP+SSE transport. The preflight of browsers is anonymous, as it must be;
    /// everything else needs the access middleware before it.
    /// </summary>
    public static IEndpointRouteBuilder MapMcpGateway(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapMethods("/mcp/{name}", ["GET", "POST", "DELETE"], (HttpContext context, string name, McpEndpoint mcp) => mcp.HandleAsync(context, name, isMessage: false)).ExcludeFromDescription();
        endpoints.MapMethods("/mcp/{name}/message", ["POST"], (HttpContext context, string name, McpEndpoint mcp) => mcp.HandleAsync(context, name, isMessage: true)).ExcludeFromDescription();
        foreach (var address in (string[])["/mcp/{name}", "/mcp/{name}/message"])
        {
            endpoints.MapMethods(address, ["OPTIONS"], (HttpContext context, McpEndpoint mcp) => mcp.Preflight(context)).WithMetadata(new AllowAnonymousAttribute()).ExcludeFromDescription();
        }

        // Other replicas show a signature of their own.
        endpoints.MapMethods(ReplicaLink.Path + "/{scheme}/{server}", ["GET", "POST", "DELETE"], (HttpContext context, string scheme, string server, ReplicaLink link, Bridges bridges) => link.HandleAsync(context, scheme, server, bridges))
            .WithMetadata(new AllowAnonymousAttribute()).ExcludeFromDescription();
        return endpoints;
    }

    /// <summary>What the gateway offers, as far as the caller may see it.</summary>
    public static IEndpointRouteBuilder MapGateways(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/gateways", async (HttpContext context, ICallerAccessor callers, RouteAccess routes, GatewayOptions options, CancellationToken ct) =>
        {
            var seen = await routes.ListAsync(Viewer(callers, context), ct);
            var states = await StatesAsync(context, seen, ct);
            return Results.Json(seen.Select(route => GatewayEntry.Of(route, context.Request, options, states)).ToArray(), GatewayEntry.Json);
        }).Produces<GatewayEntry[]>().WithTags("gateways").WithName("ListGateways");

        endpoints.MapGet("/gateways/{id}", async (HttpContext context, string id, ICallerAccessor callers, RouteAccess routes, GatewayOptions options, CancellationToken ct) =>
        {
            var seen = await routes.ListAsync(Viewer(callers, context), ct);
            var route = seen.FirstOrDefault(route => route.Id == id || route.RecordId == id) ?? seen.FirstOrDefault(route => route.Name == id);
            return route is null
                ? throw new Refusal(RefusalKind.NotFound, "No such gateway entry", $"There is no gateway entry \"{id}\" that you may see. GET /gateways lists those there are.")
                : Results.Json(GatewayEntry.Of(route, context.Request, options, await StatesAsync(context, [route], ct)), GatewayEntry.Json);
        }).Produces<GatewayEntry>().WithTags("gateways").WithName("GetGateway");
        return endpoints;
    }

    private static async Task<IReadOnlyDictionary<string, RegistrationState>> StatesAsync(HttpContext context, IReadOnlyList<GatewayRoute> shown, CancellationToken ct) =>
        context.RequestServices.GetService<IRegistrationStates>() is { } states
            ? await states.OfAsync([.. shown.Select(route => route.RecordId)], ct)
            : new Dictionary<string, RegistrationState>(StringComparer.Ordinal);

    private static Caller Viewer(ICallerAccessor callers, HttpContext context) => callers.Of(context) is { } caller && caller.Has(Roles.Viewer)
        ? caller
        : throw new Refusal(RefusalKind.Forbidden, "Not allowed", "Reading the gateway's entries takes the role viewer.");
}

/// <param name="Id">What the runtime shows as its <c>gateway_id</c>.</param>
/// <param name="Transport">How a client speaks to it here.</param>
/// <param name="Registration">Null where there is no outer gateway.</param>
internal sealed record GatewayEntry(
    string Id,
    string Name,
    string Url,
    string Transport,
    string RuntimeId,
    string Visibility,
    string? TeamId,
    IReadOnlyList<string> Tags,
    IReadOnlyList<string> Tools,
    DateTimeOffset RegisteredAt,
    RegistrationState? Registration)
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static GatewayEntry Of(GatewayRoute route, HttpRequest request, GatewayOptions options, IReadOnlyDictionary<string, RegistrationState> states)
    {
        var ours = options.PublicUrl is { } url ? url.AbsoluteUri.TrimEnd('/') : $"{request.Scheme}://{request.Host}{request.PathBase}";
        return new(route.Id, route.Name, $"{ours}/mcp/{Uri.EscapeDataString(route.Name)}", route.Transport, route.RecordId, route.Visibility, route.TeamId, route.Tags, route.Tools, route.RegisteredAt, states.GetValueOrDefault(route.RecordId));
    }
}
