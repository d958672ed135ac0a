using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Access;

/// <param name="Key">What the rate limit counts by: one token, or one subject of a JWT.</param>
/// <param name="ValidUntil">Null: until it is revoked.</param>
internal sealed record Identified(Caller Caller, string Key, DateTimeOffset? ValidUntil);

/// <summary>The bearer token of a request → who is asking.</summary>
internal sealed class Authenticator(ApiTokens tokens, Jwts jwts, AccessSettings settings)
{
    private const string Scheme = "Bearer ";

    /// <summary>Null: no credentials, or none that are valid.</summary>
    public async Task<Identified?> IdentifyAsync(HttpContext http)
    {
        var headers = http.Request.Headers.Authorization;
        return headers.Count == 1 ? await IdentifyAsync(headers.ToString(), http.Connection.RemoteIpAddress?.ToString(), http.RequestAborted) : null;
    }

    /// <param name="header">The value of Authorization.</param>
    public async Task<Identified?> IdentifyAsync(string header, string? address, CancellationToken ct)
    {
        if (!header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var text = header[Scheme.Length..].Trim();
        if (text.StartsWith(ApiTokens.Prefix, StringComparison.Ordinal))
        {
            return await tokens.FindAsync(text, ct) is { } token
                ? new Identified(new Caller(token.Subject, token.Roles, token.Teams, "rest", address) { RuntimeId = token.RuntimeId }, token.Id, token.ExpiresAt)
                : null;
        }

        return jwts.Enabled && await jwts.ValidateAsync(text, ct) is { } jwt && Claims.Of(jwt, settings, address) is { } caller
            ? new Identified(caller, $"jwt:{jwt.Issuer}:{caller.Subject}", new DateTimeOffset(jwt.ValidTo, TimeSpan.Zero) + Jwts.Skew)
            : null;
    }
}
