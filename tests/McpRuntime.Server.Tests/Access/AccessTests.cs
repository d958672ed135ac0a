using System.Net;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Access;
using McpRuntime.Server.Tests.Rest;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace McpRuntime.Server.Tests.Access;

internal sealed class AccessTests
{
    private const string JwtSecret = "0123456789abcdef0123456789abcdef-shared";

    private static readonly string[] Teams = ["blue"];

    private TestService _service = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["RUNTIME_JWT_SECRET"] = JwtSecret,
        ["RUNTIME_OIDC_AUDIENCE"] = "mcpruntime",
    });

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [TestCase(null)]
    [TestCase("")]
    [TestCase("mcprt_")]
    [TestCase("mcprt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [TestCase("not.a.jwt")]
    [TestCase("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiIsInJvbGVzIjpbImFkbWluIl0sImV4cCI6OTk5OTk5OTk5OX0.")]
    public async Task Without_a_valid_token_there_is_only_a_challenge(string? token)
    {
        using var client = _service.Client(null);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/runtimes");
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", "Bearer " + token);
        }

        using var response = await client.SendAsync(request);

        (await response.JsonAsync(HttpStatusCode.Unauthorized)).Text("detail").Should().NotBeEmpty();
        response.Headers.WwwAuthenticate.ToString().Should().StartWith("Bearer");
    }

    [Test]
    public async Task No_header_bypasses_the_token()
    {
        using var client = _service.Client(null);
        foreach (var (name, value) in new[] { ("X-Forwarded-User", "admin"), ("X-Original-URL", "/healthz"), ("X-HTTP-Method-Override", "GET"), ("X-Forwarded-For", "127.0.0.1"), ("Cookie", "token=" + _service.AdminToken) })
        {
            client.DefaultRequestHeaders.TryAddWithoutValidation(name, value);
        }

        await client.GetAsync("/runtimes", HttpStatusCode.Unauthorized);
        await client.GetAsync("/runtimes?token=" + _service.AdminToken, HttpStatusCode.Unauthorized);
    }

    [TestCase("viewer", 200, 403)]
    [TestCase("caller", 200, 403)]
    [TestCase("approver", 200, 403)]
    [TestCase("operator", 200, 422)]
    [TestCase("admin", 200, 422)]
    public async Task A_role_opens_what_it_opens(string role, int read, int write)
    {
        using var client = await _service.ClientAsync("role-" + role, role);

        await client.GetAsync("/runtimes", (HttpStatusCode)read);
        await client.PostTextAsync("/runtimes/deploy", "{}", (HttpStatusCode)write);
    }

    [Test]
    public async Task A_refused_request_is_in_the_audit_with_who_and_what()
    {
        using var client = await _service.ClientAsync("curious", "viewer");
        await client.PostAsync("/runtimes/some-name/stop", HttpStatusCode.Forbidden);

        var audit = await _service.Services.GetRequiredService<IAuditLog>().ListAsync(null, 50, CancellationToken.None);

        audit.Should().Contain(entry => entry.Subject == "curious" && entry.Target == "/runtimes/some-name/stop" && entry.Outcome.Contains("operator") && entry.Address == "127.0.0.1");
    }

    [Test]
    public async Task A_private_runtime_is_seen_by_its_creator_and_admins_only()
    {
        using var anna = await _service.ClientAsync("anna", "operator");
        using var ben = await _service.ClientAsync("ben", "operator");
        await _service.DeployAsync("annas", new { visibility = "private" }, anna);

        await anna.GetAsync("/runtimes/annas", HttpStatusCode.OK);
        await _service.Admin.GetAsync("/runtimes/annas", HttpStatusCode.OK);
        await ben.GetAsync("/runtimes/annas", HttpStatusCode.NotFound);
        await ben.GetAsync("/runtimes/annas/logs", HttpStatusCode.NotFound);
        await ben.GetAsync("/runtimes/annas/events", HttpStatusCode.NotFound);
        await ben.PostAsync("/runtimes/annas/stop", HttpStatusCode.NotFound);
        (await ben.GetAsync("/runtimes", HttpStatusCode.OK)).GetRawText().Should().NotContain("annas");
    }

    [Test]
    public async Task A_token_for_one_runtime_opens_no_route_of_the_api()
    {
        var id = (await _service.DeployAsync("scoped")).Text("id");
        using var client = await _service.ClientAsync("gateway", "admin", runtimeId: id);

        await client.GetAsync("/runtimes", HttpStatusCode.Forbidden);
        await client.GetAsync("/runtimes/" + id, HttpStatusCode.Forbidden);
        await client.GetAsync("/gateways", HttpStatusCode.Forbidden);
    }

    [Test]
    public async Task A_token_for_one_runtime_reaches_that_ones_gateway_address_and_no_others()
    {
        var routes = _service.Services.GetRequiredService<IRouteTable>();

        // Ids without a record: the reconciler would take away a route that its record does not ask for.
        const string mine = "01k0000000000000000000scp1";
        const string another = "01k0000000000000000000scp2";
        foreach (var (id, name) in new[] { (mine, "scope-mine"), (another, "scope-other") })
        {
            // Port 9 of loopback: nothing answers, so what gets past access is told from what does not.
            await routes.PutAsync(
                new GatewayRoute($"r-{id}", id, name, new UpstreamAddress("127.0.0.1", 9), "i", "/mcp", "STREAMABLEHTTP", "public", null, "admin", [], [], DateTimeOffset.UnixEpoch, "f"),
                CancellationToken.None);
        }

        using var client = await _service.ClientAsync("external-gateway", "caller", runtimeId: mine);
        using var allowed = await CallAsync(client, "scope-mine");
        using var refused = await CallAsync(client, "scope-other");
        using var absent = await CallAsync(client, "scope-absent");

        allowed.StatusCode.Should().Match(status => status == HttpStatusCode.BadGateway || status == HttpStatusCode.ServiceUnavailable);
        refused.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        absent.StatusCode.Should().Be(HttpStatusCode.Forbidden);

        // Routing overlooks case, and so must whoever decides who may pass.
        using var other = await CallAsync(client, "scope-other", "/MCP/");
        using var same = await CallAsync(client, "scope-mine", "/Mcp/");
        using var viewer = await _service.ClientAsync("only-looks", "viewer");
        using var looked = await CallAsync(viewer, "scope-mine", "/MCP/");
        other.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        same.StatusCode.Should().Be(allowed.StatusCode);
        looked.StatusCode.Should().Be(HttpStatusCode.Forbidden);
        (await looked.Content.ReadAsStringAsync()).Should().Contain("needs the role caller");
    }

    private static Task<HttpResponseMessage> CallAsync(HttpClient client, string name, string prefix = "/mcp/") =>
        client.PostAsync(prefix + name, new StringContent("""{"jsonrpc": "2.0", "id": 1, "method": "ping"}""", Encoding.UTF8, "application/json"));

    [Test]
    public async Task A_revoked_token_is_closed_within_the_cache_time()
    {
        var tokens = _service.Services.GetRequiredService<ITokenStore>();
        using var client = await _service.ClientAsync("leaver", "viewer");
        await client.GetAsync("/runtimes", HttpStatusCode.OK);

        var id = (await tokens.ListAsync(CancellationToken.None)).Single(token => token.Subject == "leaver").Id;
        (await tokens.RevokeAsync(id, CancellationToken.None)).Should().BeTrue();

        await Eventually.HoldsAsync(async () =>
        {
            using var response = await client.GetAsync("/runtimes");
            return response.StatusCode == HttpStatusCode.Unauthorized;
        });
    }

    [Test]
    public async Task A_jwt_carries_subject_roles_and_teams()
    {
        using var client = _service.Client(Jwt("jane", ["operator"]));

        var runtime = await _service.DeployAsync("janes", client: client);

        runtime.Text("created_by").Should().Be("jane");
        using var viewer = _service.Client(Jwt("vic", ["viewer", "unknown-role"]));
        await viewer.GetAsync("/runtimes", HttpStatusCode.OK);
        await viewer.PostTextAsync("/runtimes/deploy", "{}", HttpStatusCode.Forbidden);
        using var nobody = _service.Client(Jwt("nob", []));
        await nobody.GetAsync("/runtimes", HttpStatusCode.Forbidden);
    }

    [Test]
    public async Task A_jwt_that_is_expired_early_unsigned_elsewhere_or_for_another_audience_is_refused()
    {
        var now = DateTime.UtcNow;
        foreach (var token in new[]
        {
            Jwt("x", ["admin"], expires: now.AddMinutes(-5)),
            Jwt("x", ["admin"], notBefore: now.AddMinutes(5), expires: now.AddMinutes(9)),
            Jwt("x", ["admin"], secret: "another-secret-another-secret-another"),
            Jwt("x", ["admin"], audience: "other"),
            Jwt("", ["admin"]),
            Jwt("x", ["admin"])[..^4] + "AAAA",
        })
        {
            using var client = _service.Client(token);
            await client.GetAsync("/runtimes", HttpStatusCode.Unauthorized);
        }
    }

    [Test]
    [Platform(Exclude = "Win")]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public void The_first_admin_token_is_in_a_file_that_only_its_owner_reads()
    {
        var path = Path.Combine(_service.Folder, FirstToken.FileName);

        ApiTokens.IsWellFormed(_service.AdminToken).Should().BeTrue();
        File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    [Test]
    public async Task A_second_start_keeps_the_first_token_and_makes_no_other()
    {
        var before = (await _service.Services.GetRequiredService<ITokenStore>().ListAsync(CancellationToken.None)).Count;

        await _service.Services.GetRequiredService<FirstToken>().EnsureAsync(CancellationToken.None);

        (await _service.Services.GetRequiredService<ITokenStore>().ListAsync(CancellationToken.None)).Should().HaveCount(before);
        await _service.Admin.GetAsync("/runtimes", HttpStatusCode.OK);
    }

    [Test]
    [Platform(Exclude = "Win")]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task A_token_that_somebody_put_there_for_all_to_read_is_closed_before_it_counts()
    {
        var folder = Directory.CreateTempSubdirectory("mcpruntime-token-").FullName;
        var path = Path.Combine(folder, FirstToken.FileName);
        await File.WriteAllTextAsync(path, ApiTokens.NewText());
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);

        await using var service = await TestService.StartAsync(folder: folder);

        File.GetUnixFileMode(path).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await service.Admin.GetAsync("/runtimes", HttpStatusCode.OK);
    }

    [Test]
    public async Task Admin_only_shuts_the_api_to_everybody_else()
    {
        await using var service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_PLATFORM_ADMIN_ONLY"] = "true" });
        using var client = await service.ClientAsync("op", "operator");

        (await client.GetAsync("/runtimes", HttpStatusCode.Forbidden)).Text("detail").Should().Contain("RUNTIME_PLATFORM_ADMIN_ONLY");
        await service.Admin.GetAsync("/runtimes", HttpStatusCode.OK);
    }

    [Test]
    public async Task Too_many_requests_of_one_token_are_429_with_retry_after_and_another_token_goes_on()
    {
        await using var service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_RATE_LIMIT"] = "5" });
        using var other = await service.ClientAsync("other", "viewer");
        HttpResponseMessage last;
        var sent = 0;
        do
        {
            last = await service.Admin.GetAsync("/runtimes");
        }
        while (last.StatusCode == HttpStatusCode.OK && ++sent < 10);

        sent.Should().Be(5);
        (await last.JsonAsync(HttpStatusCode.TooManyRequests)).Text("detail").Should().Contain("RUNTIME_RATE_LIMIT");
        last.Headers.RetryAfter!.Delta.Should().BePositive();
        last.Dispose();
        await other.GetAsync("/runtimes", HttpStatusCode.OK);
    }

    private static string Jwt(string subject, string[] roles, DateTime? notBefore = null, DateTime? expires = null, string secret = JwtSecret, string audience = "mcpruntime") =>
        new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(new SecurityTokenDescriptor
        {
            Audience = audience,
            NotBefore = notBefore,
            Expires = expires ?? DateTime.UtcNow.AddMinutes(5),
            Claims = new Dictionary<string, object>(StringComparer.Ordinal) { ["sub"] = subject, ["roles"] = roles, ["teams"] = Teams },
            SigningCredentials = new SigningCredentials(new SymmetricSecurityKey(Encoding.UTF8.GetBytes(secret)), SecurityAlgorithms.HmacSha256),
        });
}
