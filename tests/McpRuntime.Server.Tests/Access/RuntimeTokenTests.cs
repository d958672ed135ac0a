using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Cli;
using McpRuntime.Server.Tests.Doubles;
using McpRuntime.Server.Tests.Rest;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Server.Tests.Access;

internal sealed class RuntimeTokenTests
{
    private const string Message = """{"jsonrpc":"2.0","id":1,"method":"ping"}""";

    private TestService _service = null!;
    private string _one = "";

    [SetUp]
    public async Task StartAsync()
    {
        _service = await TestService.StartAsync();

        // Turns that see nothing remove nothing: the routes are this test's own.
        _service.Backend.Away = new Fault(FaultKind.Transient, "Away", "not here");
        _one = (await _service.DeployAsync("one", new { team_id = "red", visibility = "team" })).Text("id");
        var two = (await _service.DeployAsync("two")).Text("id");
        await RouteAsync("one", _one);
        await RouteAsync("two", two);
    }

    [TearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task A_runtimes_token_opens_its_gateway_address_and_nothing_else()
    {
        var made = await _service.Admin.PostTextAsync($"/runtimes/{_one}/tokens", """{"label":"outer-gateway","expires_days":30}""", HttpStatusCode.Created);

        using var client = _service.Client(made.Text("token"));
        (await CallAsync(client, "one")).Should().Be(HttpStatusCode.ServiceUnavailable, "it passes, and nothing listens there");
        (await CallAsync(client, "two")).Should().Be(HttpStatusCode.Forbidden);
        await client.GetAsync("/runtimes", HttpStatusCode.Forbidden);
        await client.GetAsync($"/runtimes/{_one}/tokens", HttpStatusCode.Forbidden);

        var listed = (await _service.Admin.GetAsync("/runtimes/one/tokens", HttpStatusCode.OK)).GetProperty("tokens").EnumerateArray().Single();
        listed.Text("subject").Should().Be("runtime:one:outer-gateway");
        listed.TryGetProperty("token", out _).Should().BeFalse("its text is shown once");
        listed.GetProperty("expires_at").GetDateTimeOffset().Should().BeCloseTo(DateTimeOffset.UtcNow.AddDays(30), TimeSpan.FromMinutes(5));
        (await _service.Admin.GetAsync("/runtimes/one/events", HttpStatusCode.OK)).GetProperty("events").EnumerateArray().Select(e => e.Text("kind")).Should().Contain("TokenCreated");
    }

    [Test]
    public async Task A_rotated_token_gives_way_and_a_revoked_one_opens_nothing()
    {
        var first = await _service.Admin.PostTextAsync("/runtimes/one/tokens", "{}", HttpStatusCode.Created);
        var second = await _service.Admin.PostTextAsync($"/runtimes/one/tokens/{first.Text("id")}/rotate", """{"grace_seconds":600}""", HttpStatusCode.Created);
        second.Text("subject").Should().Be(first.Text("subject"), "its sessions go on");
        using var old = _service.Client(first.Text("token"));
        using var fresh = _service.Client(second.Text("token"));
        (await CallAsync(old, "one")).Should().Be(HttpStatusCode.ServiceUnavailable, "its grace is not over");
        (await CallAsync(fresh, "one")).Should().Be(HttpStatusCode.ServiceUnavailable);

        var third = await _service.Admin.PostTextAsync($"/runtimes/one/tokens/{second.Text("id")}/rotate", "{}", HttpStatusCode.Created);
        await Server.Tests.Eventually.HoldsAsync(async () => await CallAsync(fresh, "one") == HttpStatusCode.Unauthorized);
        using var gone = await _service.Admin.DeleteAsync($"/runtimes/one/tokens/{third.Text("id")}");
        gone.StatusCode.Should().Be(HttpStatusCode.NoContent);
        using var last = _service.Client(third.Text("token"));
        (await CallAsync(last, "one")).Should().Be(HttpStatusCode.Unauthorized);
        await _service.Admin.PostTextAsync($"/runtimes/one/tokens/{third.Text("id")}/rotate", "{}", HttpStatusCode.Conflict);
        await _service.Admin.PostTextAsync("/runtimes/one/tokens/tok_0000/rotate", "{}", HttpStatusCode.NotFound);
    }

    [Test]
    public async Task Only_who_may_change_the_runtime_makes_tokens_for_it()
    {
        using var caller = await _service.ClientAsync("ann", "caller", "red");
        await caller.PostTextAsync("/runtimes/one/tokens", "{}", HttpStatusCode.Forbidden);
        using var stranger = await _service.ClientAsync("bob", "operator", "blue");
        await stranger.PostTextAsync("/runtimes/one/tokens", "{}", HttpStatusCode.NotFound);
        using var member = await _service.ClientAsync("eve", "operator", "red");
        await member.PostTextAsync("/runtimes/one/tokens", "{}", HttpStatusCode.Created);
    }

    [TestCase("""{"label":"a b"}""", "label")]
    [TestCase("""{"label":""}""", "label")]
    [TestCase("""{"expires_days":0}""", "expires_days")]
    [TestCase("""{"expires_days":3651}""", "expires_days")]
    [TestCase("""{"role":"admin"}""", "role")]
    public async Task A_bad_request_names_its_field(string body, string field)
    {
        using var response = await _service.Admin.PostAsync("/runtimes/one/tokens", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        ((int)response.StatusCode).Should().BeOneOf(400, 422);
        (await response.Content.ReadAsStringAsync()).Should().Contain(field);
    }

    [Test]
    public async Task The_verb_rotates_any_token()
    {
        var tokens = _service.Services.GetRequiredService<ITokenStore>();
        await TokenCommands.CreateAsync(tokens, TimeProvider.System, new TokenCommands.Wanted("ann", ["operator"], ["red"], 10, null), CancellationToken.None);
        var old = (await tokens.ListAsync(CancellationToken.None)).Single(token => token.Subject == "ann");

        var text = await TokenCommands.RotateAsync(tokens, TimeProvider.System, old.Id, CancellationToken.None);

        var after = (await tokens.ListAsync(CancellationToken.None)).Where(token => token.Subject == "ann").ToList();
        after.Single(token => token.Id == old.Id).RevokedAt.Should().NotBeNull();
        after.Single(token => token.Id != old.Id).Should().BeEquivalentTo(old, same => same.Including(token => token.Roles).Including(token => token.Teams).Including(token => token.Subject));
        using var client = _service.Client(text);
        await client.GetAsync("/runtimes/one", HttpStatusCode.OK);
    }

    [Test]
    public async Task Without_an_authority_there_is_no_metadata()
    {
        using var anonymous = _service.Client(null);
        using var metadata = await anonymous.GetAsync("/.well-known/oauth-protected-resource/mcp/one");
        metadata.StatusCode.Should().Be(HttpStatusCode.NotFound);
        using var refused = await anonymous.PostAsJsonAsync("/mcp/one", new { });
        refused.Headers.WwwAuthenticate.ToString().Should().Be("Bearer");
    }

    private static async Task<HttpStatusCode> CallAsync(HttpClient client, string name)
    {
        using var content = new StringContent(Message, System.Text.Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync($"/mcp/{name}", content);
        return answer.StatusCode;
    }

    /// <summary>Port 1: whoever gets through the gate finds nobody there.</summary>
    private Task<bool> RouteAsync(string name, string recordId) => _service.Services.GetRequiredService<IRouteTable>().PutAsync(
        new GatewayRoute($"route-test-{name}", recordId, name, new UpstreamAddress("127.0.0.1", 1), "i", "/mcp", "STREAMABLEHTTP", "public", null, "admin", [], [], DateTimeOffset.UnixEpoch, "f"), CancellationToken.None);
}
