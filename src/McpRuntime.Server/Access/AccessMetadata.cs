using McpRuntime.Core.Records;

namespace McpRuntime.Server.Access;

/// <summary>The least role that a route asks for. A route that says nothing asks for viewer; only <c>AllowAnonymous</c> opens one.</summary>
internal sealed record NeedsRole(Roles Role);

internal static class AccessMetadata
{
    public static TBuilder Needs<TBuilder>(this TBuilder route, Roles role)
        where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new NeedsRole(role));

    public static TBuilder MayStayOpen<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder =>
        route.WithMetadata(new StaysOpen());
}
