using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.ContextForgeDouble.Driver;

namespace McpRuntime.Acceptance.Tests;

/// <summary>
/// The service as a process, on a real engine with real servers, registering what runs in the double of ContextForge, which does a
/// handshake through the registered address with the token it was given before it keeps anything.
/// </summary>
[TestFixture]
[Category("Acceptance")]
[Category("Docker")]
internal sealed class ContextForgeTests
{
    private ContextForgeProcess _double = null!;
    private Service _service = null!;
    private string _foreign = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _double = await ContextForgeProcess.StartAsync();
        await _double.SwitchAsync(new { allowsPrivate = true, connects = true });
        _foreign = await _double.AddAsync(new { name = "theirs", url = "https://elsewhere.example/mcp", transport = "SSE", visibility = "public" });
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_GATEWAY"] = "contextforge",
            ["RUNTIME_CONTEXTFORGE_URL"] = _double.Url.ToString(),
            ["RUNTIME_CONTEXTFORGE_TOKEN"] = ContextForgeProcess.Token,
            ["RUNTIME_PUBLIC_URL"] = $"http://127.0.0.1:{Service.PortHere}",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_service is not null)
        {
            await _double.NoMoreTroubleAsync();
            await _service.DisposeAsync();
        }

        if (_double is not null)
        {
            await _double.DisposeAsync();
        }
    }

    [Test]
    public async Task The_registry_follows_the_records_through_a_life_and_an_outage()
    {
        var id = (await Api.DeployAsync(Requests.FromCatalog("life"))).Id;
        await Api.UntilAsync(id, "connected");
        var registered = await OursAsync();
        Field(registered, "name").Should().Be("life");
        Field(registered, "url").Should().Be(Api.Mcp("life").ToString());
        await ItsTokenOpensOneRuntimeAloneAsync(Field(registered, "auth_token"));
        await ItIsShownAsync(id, registered["id"]!.GetValue<string>());

        await _double.ChangeByHandAsync(registered["id"]!.GetValue<string>(), new { name = "renamed" });
        await Eventually.TrueAsync(async () => await LookAsync(id) && Field(await OursAsync(), "name") == "life", RuntimeApi.Settled, "the name is put right");
        await _double.DeleteByHandAsync(registered["id"]!.GetValue<string>());
        await Eventually.TrueAsync(async () => await LookAsync(id) && await HasOursAsync(), RuntimeApi.Settled, "it is registered again");

        (await Api.CommandAsync(id, "stop")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "stopped");
        (await OursAsync())["enabled"]!.GetValue<bool>().Should().BeFalse();
        (await Api.CommandAsync(id, "start")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "connected");
        (await OursAsync())["enabled"]!.GetValue<bool>().Should().BeTrue();

        await _double.TroubleAsync("*", "503", times: 100_000);
        await Eventually.TrueAsync(
            async () => await LookAsync(id) && await Api.FindAsync(id) is { Status: "running", ErrorMessage: { } why } && why.Contains("ContextForge", StringComparison.Ordinal),
            RuntimeApi.Settled,
            "it runs on and says why it is not connected");
        (await McpClients.CallAsync(Api.Mcp("life"), Api.Token, "echo", ("message", "still"))).Should().Contain("still");
        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Eventually.TrueAsync(async () => (await Engine.Local.OfRecordAsync(id)).Count == 0, RuntimeApi.Settled, "the container goes at once");
        (await Api.FindAsync(id)).Status.Should().NotBe("deleted", "its registration is still there");

        await _double.NoMoreTroubleAsync();
        await Api.UntilAsync(id, "deleted");
        (await HasOursAsync()).Should().BeFalse();
        (await _double.GatewaysAsync()).Should().ContainSingle().Which["id"]!.GetValue<string>().Should().Be(_foreign);
    }

    [Test]
    public async Task A_deletion_need_not_wait_for_a_registry_that_never_comes_back()
    {
        var id = (await Api.DeployAsync(Requests.FromCatalog("abandoned"))).Id;
        await Api.UntilAsync(id, "connected");
        await _double.TroubleAsync("*", "503", times: 100_000);

        (await Api.SendAsync(HttpMethod.Delete, $"/runtimes/{id}?abandon_registration=true")).Expect(HttpStatusCode.Accepted);

        await Api.UntilAsync(id, "deleted");
        (await HasOursAsync()).Should().BeTrue("nobody could take it away");
        await _double.NoMoreTroubleAsync();
        await _double.DeleteByHandAsync((await OursAsync())["id"]!.GetValue<string>());
    }

    private async Task ItsTokenOpensOneRuntimeAloneAsync(string token)
    {
        (await McpClients.CallAsync(Api.Mcp("life"), token, "echo", ("message", "through"))).Should().Contain("through");
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        (await http.GetAsync(new Uri(Api.Address, "/runtimes"))).StatusCode.Should().Be(HttpStatusCode.Forbidden);
    }

    private async Task ItIsShownAsync(string id, string registration)
    {
        var entry = (await Api.GetAsync($"/gateways/{id}")).Expect(HttpStatusCode.OK).Body!;
        entry["registration"]!["gateway"]!.GetValue<string>().Should().Be("contextforge");
        entry["registration"]!["id"]!.GetValue<string>().Should().Be(registration);
        entry["registration"]!["registered"]!.GetValue<bool>().Should().BeTrue();

        var listed = (await Api.GetAsync("/v0.1/servers")).Expect(HttpStatusCode.OK).Body!["servers"]!.AsArray().Should().ContainSingle().Subject!;
        listed["server"]!["name"]!.GetValue<string>().Should().Be("127.0.0.1/life");
        listed["server"]!["$schema"]!.GetValue<string>().Should().EndWith("2025-12-11/server.schema.json");
        listed["server"]!["remotes"]![0]!["url"]!.GetValue<string>().Should().Be(Api.Mcp("life").ToString());
        listed["server"]!["remotes"]![0]!["type"]!.GetValue<string>().Should().Be("streamable-http");
        listed["_meta"]!["io.modelcontextprotocol.registry/official"]!["isLatest"]!.GetValue<bool>().Should().BeTrue();
        var latest = (await Api.GetAsync("/v0.1/servers/127.0.0.1%2Flife/versions/latest")).Expect(HttpStatusCode.OK).Body!;
        latest["server"]!["version"]!.GetValue<string>().Should().Be("1.0.0");
        (await Api.GetAsync("/v0.1/servers/127.0.0.1%2Flife/versions/9.0.0")).Expect(HttpStatusCode.NotFound);
        (await Api.GetAsync("/v0.1/servers?search=nothing-like-it")).Expect(HttpStatusCode.OK).Body!["servers"]!.AsArray().Should().BeEmpty();
    }

    /// <summary>Makes a turn happen now: what is done by hand there is otherwise seen with the next resync.</summary>
    private async Task<bool> LookAsync(string id) => (await Api.GetAsync($"/runtimes/{id}?refresh_status=true")).Status is HttpStatusCode.OK;

    private async Task<bool> HasOursAsync() => (await _double.GatewaysAsync()).Any(gateway => gateway["id"]!.GetValue<string>() != _foreign);

    private async Task<JsonObject> OursAsync() => (await _double.GatewaysAsync()).Single(gateway => gateway["id"]!.GetValue<string>() != _foreign);

    private static string Field(JsonObject gateway, string name) => gateway["fields"]![name]!.GetValue<string>();
}
