using McpRuntime.Server.Settings;
using McpRuntime.Server.Sources.Rest;

namespace McpRuntime.Server.Access;

/// <summary>
/// OAuth 2.0 protected-resource metadata (RFC 9728), by which MCP clients find the authorization server. It says the same of every
/// name, so that nobody learns from it which runtimes there are.
/// </summary>
internal sealed class ProtectedResource(AccessSettings access, GatewaySettings gateway)
{
    private const string WellKnown = "/.well-known/oauth-protected-resource";

    public static void Map(IEndpointRouteBuilder app) =>
        app.MapGet(WellKnown + "/mcp/{name}", (HttpContext http, string name, ProtectedResource resource) => resource.Describe(http, name))
            .AllowAnonymous().WithTags("access").WithSummary("Where to get a token for /mcp/{name} (RFC 9728)").Produces<ProtectedResourceJson>();

    /// <summary>What a 401 says, RFC 9728 §5.1; null where no authorization server is known.</summary>
    public string? Challenge(HttpContext http) =>
        access.OidcAuthority is not null && http.Request.RouteValues["name"] is string name && AccessMiddleware.IsGateway(http)
            ? $"resource_metadata=\"{Base(http)}{WellKnown}/mcp/{Uri.EscapeDataString(name)}\""
            : null;

    private IResult Describe(HttpContext http, string name)
    {
        if (access.OidcAuthority is not { } authority)
        {
            throw RouteKey.NotFound("authorization server", name);
        }

        http.Response.Headers.CacheControl = "public, max-age=300";
        http.Response.Headers.AccessControlAllowOrigin = "*";
        return Results.Json(
            new ProtectedResourceJson($"{Base(http)}/mcp/{Uri.EscapeDataString(name)}", [authority.AbsoluteUri.TrimEnd('/')], ["header"], "Secure MCP Runtime"),
            RestJson.Options);
    }

    private string Base(HttpContext http) => gateway.PublicUrl is { } url
        ? url.AbsoluteUri.TrimEnd('/')
        : $"{http.Request.Scheme}://{http.Request.Host}{http.Request.PathBase}";
}

internal sealed record ProtectedResourceJson(string Resource, IReadOnlyList<string> AuthorizationServers, IReadOnlyList<string> BearerMethodsSupported, string ResourceName);
