using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Settings;
using McpRuntime.Server.Sources.Rest;
using Microsoft.AspNetCore.Authorization;

namespace McpRuntime.Server.Access;

/// <summary>Who asks, how often, and whether this route is theirs. Whose runtime it is, the doors decide.</summary>
internal sealed class AccessMiddleware(RequestDelegate next, Authenticator authenticator, RefusedAccess refused, ProtectedResource resource, AccessSettings settings, TimeProvider time)
{
    private readonly TokenBuckets _buckets = new(settings.RequestsPerMinute, time);

    public async Task InvokeAsync(HttpContext http, OpenCalls calls)
    {
        // Without a route there is nothing to protect: it is a 404 for everybody.
        if (http.GetEndpoint() is not { } endpoint || endpoint.Metadata.GetMetadata<IAllowAnonymous>() is not null)
        {
            await next(http);
            return;
        }

        if (await authenticator.IdentifyAsync(http) is not { } identified)
        {
            await ChallengeAsync(http);
            return;
        }

        http.Features.Set(identified);
        if (_buckets.Take(identified.Key) is { } wait)
        {
            throw new Refusal(RefusalKind.Throttled, "Too many requests", $"This token may make {settings.RequestsPerMinute} requests a minute (RUNTIME_RATE_LIMIT).") { RetryAfter = wait };
        }

        if (await WhyNotAsync(http, endpoint, identified.Caller) is { } why)
        {
            await refused.RecordAsync(http, identified.Caller.Subject, why);
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", why);
        }

        if (IsGateway(http) || endpoint.Metadata.GetMetadata<StaysOpen>() is not null)
        {
            await HoldOpenAsync(http, calls, identified);
            return;
        }

        await next(http);
    }

    /// <summary>A stream whose caller may no longer ask ends as if it were over; half of anything else is cut off, lest it be taken for the whole.</summary>
    private async Task HoldOpenAsync(HttpContext http, OpenCalls calls, Identified identified)
    {
        var lapsed = false;
        await using (var call = calls.Open(http, identified))
        {
            try
            {
                await next(http);
            }
            catch (OperationCanceledException) when (call.Lapsed)
            {
                // Said below.
            }

            lapsed = call.Lapsed;
        }

        if (lapsed && !http.Response.HasStarted)
        {
            http.Response.Clear();
            await ChallengeAsync(http);
        }
        else if (lapsed && http.Response.ContentType?.StartsWith("text/event-stream", StringComparison.Ordinal) != true)
        {
            http.Abort();
        }
    }

    /// <summary>As routing sees it, which overlooks case.</summary>
    public static bool IsGateway(HttpContext http) => http.Request.Path.StartsWithSegments("/mcp", StringComparison.OrdinalIgnoreCase);

    private async Task<string?> WhyNotAsync(HttpContext http, Endpoint endpoint, Caller caller)
    {
        var gateway = IsGateway(http);
        if (caller.RuntimeId is { } runtimeId)
        {
            return gateway && await RouteLeadsToAsync(http, runtimeId) ? null : "This token opens one runtime's /mcp address and nothing else.";
        }

        if (settings.PlatformAdminOnly && !gateway && !caller.IsAdmin)
        {
            return "Only admins may use this API here (RUNTIME_PLATFORM_ADMIN_ONLY).";
        }

        var needed = endpoint.Metadata.GetMetadata<NeedsRole>()?.Role ?? (gateway ? Roles.Caller : Roles.Viewer);
        return caller.Has(needed) ? null : $"{http.Request.Method} here needs the role {RoleNames.Of(needed)}; this token has {RoleNames.Of(caller.Roles)}.";
    }

    private static async Task<bool> RouteLeadsToAsync(HttpContext http, string runtimeId) =>
        http.GetRouteValue("name") is string name
        && http.RequestServices.GetService<IRouteTable>() is { } routes
        && await routes.FindAsync(name, http.RequestAborted) is { } route
        && string.Equals(route.RecordId, runtimeId, StringComparison.Ordinal);

    private async Task ChallengeAsync(HttpContext http)
    {
        var sent = http.Request.Headers.Authorization.Count > 0;
        if (sent)
        {
            await refused.RecordAsync(http, "unknown", "invalid credentials");
        }

        string?[] parts = [sent ? "error=\"invalid_token\"" : null, resource.Challenge(http)];
        http.Response.Headers.WWWAuthenticate = $"Bearer {string.Join(", ", parts.OfType<string>())}".TrimEnd();
        await Problems.WriteAsync(http, Problems.Of(
            StatusCodes.Status401Unauthorized,
            http,
            sent
                ? "The bearer token is not valid here: unknown, expired or revoked."
                : "Send Authorization: Bearer <token>. The first admin token is in the file admin-token of the data folder."));
    }
}
