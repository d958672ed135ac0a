using McpRuntime.Core.Records;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded;

/// <summary>Who may see a route. What a caller may not see does not exist for it.</summary>
internal sealed partial class RouteAccess(IRouteTable routes, ILogger<RouteAccess> logger)
{
    // Servers stay reachable while the database is away (promise 8): the last word on each name is kept, bounded by the routes there are.
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, GatewayRoute> _lastKnown = new(StringComparer.Ordinal);

    public static bool IsVisible(GatewayRoute route, Caller caller) => caller.IsAdmin || route.Visibility switch
    {
        "public" => true,
        "team" => route.TeamId is { } team && caller.Teams.Contains(team, StringComparer.Ordinal),
        "private" => route.CreatedBy.Length > 0 && route.CreatedBy == caller.Subject,
        _ => false,
    };

    /// <exception cref="RoutesAwayException">The table can't be read, and this name was not seen before.</exception>
    public async Task<GatewayRoute?> FindAsync(string name, Caller caller, CancellationToken ct)
    {
        var route = await FindAsync(name, ct);
        return route is not null && IsVisible(route, caller) ? route : null;
    }

    public async Task<IReadOnlyList<GatewayRoute>> ListAsync(Caller caller, CancellationToken ct) =>
        [.. (await routes.ListAsync(ct)).Where(route => IsVisible(route, caller)).OrderBy(route => route.Name, StringComparer.Ordinal)];

    private async Task<GatewayRoute?> FindAsync(string name, CancellationToken ct)
    {
        try
        {
            var route = await routes.FindAsync(name, ct);
            if (route is null)
            {
                _lastKnown.TryRemove(name, out _);
            }
            else
            {
                _lastKnown[name] = route;
            }

            return route;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Log.FromMemory(logger, name, e);
            return _lastKnown.TryGetValue(name, out var route) ? route : throw new RoutesAwayException(e);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "Routes can't be read; the last known one of {Name} is used, where there is one")]
        public static partial void FromMemory(ILogger logger, string name, Exception e);
    }
}

internal sealed class RoutesAwayException(Exception inner) : Exception("The routes can't be read.", inner);
