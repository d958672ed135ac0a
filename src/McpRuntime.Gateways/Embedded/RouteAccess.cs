using McpRuntime.Core.Records;

namespace McpRuntime.Gateways.Embedded;

/// <summary>Who may see a route. What a caller may not see does not exist for it.</summary>
internal sealed class RouteAccess(IRouteTable routes)
{
    public static bool IsVisible(GatewayRoute route, Caller caller) => caller.RuntimeId is { } only
        ? only == route.RecordId
        : caller.IsAdmin || route.Visibility switch
        {
            "public" => true,
            "team" => route.TeamId is { } team && caller.Teams.Contains(team, StringComparer.Ordinal),
            "private" => route.CreatedBy.Length > 0 && route.CreatedBy == caller.Subject,
            _ => false,
        };

    public async Task<GatewayRoute?> FindAsync(string name, Caller caller, CancellationToken ct) =>
        await routes.FindAsync(name, ct) is { } route && IsVisible(route, caller) ? route : null;

    public async Task<IReadOnlyList<GatewayRoute>> ListAsync(Caller caller, CancellationToken ct) =>
        [.. (await routes.ListAsync(ct)).Where(route => IsVisible(route, caller)).OrderBy(route => route.Name, StringComparer.Ordinal)];
}
