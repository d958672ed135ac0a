using System.Text;
using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace McpRuntime.Server.Access;

/// <summary>JWTs made elsewhere: HS256 under RUNTIME_JWT_SECRET, or signed by the keys that RUNTIME_OIDC_AUTHORITY publishes.</summary>
internal sealed class Jwts
{
    /// <summary>Between the issuer's clock and ours.</summary>
    public static readonly TimeSpan Skew = TimeSpan.FromSeconds(30);
    private static readonly string[] PublicKeyAlgorithms = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"];

    private readonly JsonWebTokenHandler _handler = new() { MapInboundClaims = false, MaximumTokenSizeInBytes = 16 * 1024 };
    private readonly TimeProvider _time;
    private readonly TokenValidationParameters? _shared;
    private readonly TokenValidationParameters? _federated;
    private readonly ConfigurationManager<OpenIdConnectConfiguration>? _authority;

    public Jwts(AccessSettings settings, TimeProvider time)
    {
        _time = time;
        if (settings.JwtSecret is { } secret)
        {
            _shared = Parameters([SecurityAlgorithms.HmacSha256], settings.OidcAuthority is null ? settings.OidcAudience : null);
            _shared.IssuerSigningKey = new SymmetricSecurityKey(Encoding.UTF8.GetBytes(secret.Reveal()));
            _shared.ValidateIssuer = false;
        }

        if (settings.OidcAuthority is { } authority)
        {
            _federated = Parameters(PublicKeyAlgorithms, settings.OidcAudience);
            _federated.ConfigurationManager = _authority = new ConfigurationManager<OpenIdConnectConfiguration>(
                authority.AbsoluteUri.TrimEnd('/') + "/.well-known/openid-configuration",
                new OpenIdConnectConfigurationRetriever(),
                new HttpDocumentRetriever { RequireHttps = !authority.IsLoopback });
        }
    }

    public bool Enabled => _shared is not null || _federated is not null;

    /// <summary>Null: not valid here. Which of the two keys applies follows from the algorithm, and each accepts only its own kind: no confusion of the two.</summary>
    /// <exception cref="Refusal">The authority's keys could not be read.</exception>
    public async Task<JsonWebToken?> ValidateAsync(string text, CancellationToken ct)
    {
        if (!_handler.CanReadToken(text))
        {
            return null;
        }

        string algorithm;
        try
        {
            algorithm = _handler.ReadJsonWebToken(text).Alg;
        }
        catch (ArgumentException)
        {
            return null;
        }

        var parameters = algorithm == SecurityAlgorithms.HmacSha256 ? _shared : _federated;
        if (parameters is null)
        {
            return null;
        }

        if (parameters == _federated)
        {
            await RequireKeysAsync(ct);
        }

        return await _handler.ValidateTokenAsync(text, parameters) is { IsValid: true, SecurityToken: JsonWebToken token } ? token : null;
    }

    /// <summary>Without its keys no token can be told from a forged one: that is a 503, not a 401. Read once, then kept and renewed by the manager.</summary>
    private async Task RequireKeysAsync(CancellationToken ct)
    {
        try
        {
            await _authority!.GetConfigurationAsync(ct);
        }
        catch (Exception fault) when (fault is InvalidOperationException or IOException or HttpRequestException)
        {
            throw new Refusal(RefusalKind.Unavailable, "The identity provider cannot be reached", "Its signing keys could not be read, so no token of it can be checked now.")
            {
                RetryAfter = TimeSpan.FromSeconds(5),
            };
        }
    }

    private TokenValidationParameters Parameters(IEnumerable<string> algorithms, string? audience) => new()
    {
        ValidAlgorithms = algorithms,
        ValidateAudience = audience is not null,
        ValidAudience = audience,
        RequireExpirationTime = true,
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        LifetimeValidator = (notBefore, expires, _, _) =>
            expires is { } end && end > (_time.GetUtcNow() - Skew).UtcDateTime && (notBefore is null || notBefore <= (_time.GetUtcNow() + Skew).UtcDateTime),
    };
}
