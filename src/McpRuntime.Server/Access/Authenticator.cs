using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Access;

/// <param name="Key">What the rate limit counts by: one token, or one subject of a JWT.</param>
internal sealed record Identified(Caller Caller, string Key);

/// <summary>The bearer token of a request → who is asking.</summary>
internal sealed class Authenticator(ApiTokens tokens, Jwts jwts, AccessSettings settings)
{
    private const string Scheme = "Bearer ";

    /// <summary>Null: no credentials, or none that are valid.</summary>
    public async Task<Identified?> IdentifyAsync(HttpContext http)
    {
        var headers = http.Request.Headers.Authorization;
        if (headers.Count != 1 || headers.ToString() is not { } header || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        var text = header[Scheme.Length..].Trim();
        var address = http.Connection.RemoteIpAddress?.ToString();
        if (text.StartsWith(ApiTokens.Prefix, StringComparison.Ordinal))
        {
            return await tokens.FindAsync(text, http.RequestAborted) is { } token
                ? new Identified(new Caller(token.Subject, token.Roles, token.Teams, "rest", address) { RuntimeId = token.RuntimeId }, token.Id)
                : null;
        }

        return jwts.Enabled && await jwts.ValidateAsync(text, http.RequestAborted) is { } jwt && Claims.Of(jwt, settings, address) is { } caller
            ? new Identified(caller, $"jwt:{jwt.Issuer}:{caller.Subject}")
            : null;
    }
}
