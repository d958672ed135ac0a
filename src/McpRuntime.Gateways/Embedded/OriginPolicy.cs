using System.Net;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Gateways.Embedded;

/// <summary>
/// The Origin check of the MCP specification, against pages that reach us through a rebound DNS name. The Host header alone proves
/// nothing there (it carries the rebound name too), so our own name is what RUNTIME_PUBLIC_URL says, or an address or localhost.
/// </summary>
internal sealed class OriginPolicy(GatewayOptions options)
{
    private readonly HashSet<string> _allowed = new(
        options.AllowedOrigins.Select(origin => origin.TrimEnd('/')).Concat(options.PublicUrl is { } url ? [url.GetLeftPart(UriPartial.Authority)] : []),
        StringComparer.OrdinalIgnoreCase);

    /// <summary>No Origin header (any client that is not a browser) passes.</summary>
    public bool Allows(HttpRequest request)
    {
        var origins = request.Headers.Origin;
        return origins.Count switch
        {
            0 => true,
            1 => origins[0] is { } origin && (_allowed.Contains(origin) || IsOwn(origin, request.Host)),
            _ => false,
        };
    }

    /// <summary>The origin to be named in CORS headers: a page of another place that was allowed by settings.</summary>
    public string? Foreign(HttpRequest request) =>
        request.Headers.Origin is [{ } origin] && _allowed.Contains(origin) && !IsOwn(origin, request.Host) ? origin : null;

    private static bool IsOwn(string origin, HostString host) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri)
        && uri.Scheme is "http" or "https"
        && (uri.IsLoopback || IPAddress.TryParse(uri.Host.Trim('[', ']'), out _))
        && string.Equals(uri.Host, host.Host, StringComparison.OrdinalIgnoreCase)
        && uri.Port == (host.Port ?? (uri.Scheme == "https" ? 443 : 80));
}
