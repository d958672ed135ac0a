using System.Net;
using System.Security.Cryptography;
using McpRuntime.Server.Tests.Rest;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace McpRuntime.Server.Tests.Access;

/// <summary>An identity provider of the test's own on loopback: a discovery document, one RSA key.</summary>
internal sealed class OidcTests
{
    private const string Audience = "mcpruntime";

    private static readonly string[] Operator = ["operator"];

    private readonly RSA _key = RSA.Create(2048);
    private WebApplication _provider = null!;
    private string _authority = null!;
    private TestService _service = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        _provider = builder.Build();
        _provider.Urls.Add("http://127.0.0.1:0");
        _provider.MapGet("/.well-known/openid-configuration", () => new { issuer = _authority, jwks_uri = _authority + "/keys" });
        _provider.MapGet("/keys", () =>
        {
            var key = _key.ExportParameters(false);
            return new { keys = new[] { new { kty = "RSA", kid = "one", use = "sig", alg = "RS256", n = Base64UrlEncoder.Encode(key.Modulus), e = Base64UrlEncoder.Encode(key.Exponent) } } };
        });
        await _provider.StartAsync();
        _authority = _provider.Urls.First();
        _service = await TestService.StartAsync(Settings(_authority));
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _provider.DisposeAsync();
        _key.Dispose();
    }

    [Test]
    public async Task A_token_of_the_provider_opens_what_its_nested_roles_claim_says()
    {
        using var client = _service.Client(Token(_key));

        (await _service.DeployAsync("olivias", new { visibility = "team", team_id = "blue" }, client)).Text("created_by").Should().Be("olivia");
    }

    [Test]
    public async Task Another_issuer_audience_or_key_is_refused()
    {
        using var stranger = RSA.Create(2048);
        foreach (var token in new[] { Token(_key, issuer: "https://elsewhere.example"), Token(_key, audience: "another-service"), Token(stranger) })
        {
            using var client = _service.Client(token);
            await client.GetAsync("/runtimes", HttpStatusCode.Unauthorized);
        }
    }

    [Test]
    public async Task The_public_key_is_not_taken_for_a_shared_secret()
    {
        var secret = new SymmetricSecurityKey(_key.ExportSubjectPublicKeyInfo()) { KeyId = "one" };
        using var client = _service.Client(Create(new SigningCredentials(secret, SecurityAlgorithms.HmacSha256), _authority, Audience));

        await client.GetAsync("/runtimes", HttpStatusCode.Unauthorized);
    }

    [Test]
    public async Task A_provider_that_is_away_is_503_and_disturbs_no_other_token()
    {
        await using var service = await TestService.StartAsync(Settings("http://127.0.0.1:9"));
        using var client = service.Client(Token(_key));

        using var response = await client.GetAsync("/runtimes");

        (await response.JsonAsync(HttpStatusCode.ServiceUnavailable)).Text("title").Should().Contain("identity provider");
        response.Headers.RetryAfter!.Delta.Should().BePositive();
        await service.Admin.GetAsync("/runtimes", HttpStatusCode.OK);
    }

    private static Dictionary<string, string> Settings(string authority) => new(StringComparer.Ordinal)
    {
        ["RUNTIME_OIDC_AUTHORITY"] = authority,
        ["RUNTIME_OIDC_AUDIENCE"] = Audience,
        ["RUNTIME_CLAIM_ROLES"] = "realm_access.roles",
    };

    private string Token(RSA key, string? issuer = null, string audience = Audience) =>
        Create(new SigningCredentials(new RsaSecurityKey(key) { KeyId = "one" }, SecurityAlgorithms.RsaSha256), issuer ?? _authority, audience);

    private static string Create(SigningCredentials credentials, string issuer, string audience) =>
        new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = issuer,
            Audience = audience,
            Expires = DateTime.UtcNow.AddMinutes(5),
            Claims = new Dictionary<string, object>(StringComparer.Ordinal)
            {
                ["sub"] = "olivia",
                ["realm_access"] = new Dictionary<string, object>(StringComparer.Ordinal) { ["roles"] = Operator },
                ["groups"] = "blue",
            },
            SigningCredentials = credentials,
        });
}
