using System.Net;
using System.Text;
using System.Text.Json;
using McpRuntime.Server.Tests.Rest;

namespace McpRuntime.Server.Tests.Catalogs;

/// <summary>POST /runtimes/catalog/validate, with the public samples and with what authors get wrong.</summary>
internal sealed class ValidationTests
{
    private TestService _service = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await TestService.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [TestCase("catalog.yml", "sample-server server-everything sample-restricted sample-airgapped sample-with-key", "")]
    [TestCase("catalogs/server.json", "dev.mcpruntime/everything", "")]
    [TestCase("catalogs/registry-page.json", "dev.mcpruntime/sample", "dev.mcpruntime/elsewhere dev.mcpruntime/only-npm")]
    [TestCase("catalogs/docker-server.yaml", "tide-tables", "")]
    [TestCase("catalogs/docker-catalog.yaml", "sums", "host-files hosted")]
    [TestCase("catalogs/contextforge.yml", "sample-forge", "lexicon")]
    public async Task Each_public_sample_loads_and_says_what_can_be_deployed_and_why_the_rest_cannot(string file, string deployable, string listed)
    {
        var catalog = await ValidateAsync(await File.ReadAllTextAsync(Path.Combine(Samples(), file)));

        catalog.GetProperty("valid").GetBoolean().Should().BeTrue(catalog.GetProperty("errors").ToString());
        var entries = catalog.GetProperty("entries").EnumerateArray().ToLookup(entry => entry.GetProperty("deployable").GetBoolean());
        entries[true].Select(entry => entry.Text("id")).Should().BeEquivalentTo(deployable.Split(' '));
        entries[false].Select(entry => entry.Text("id")).Should().BeEquivalentTo(listed.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        foreach (var entry in entries[false])
        {
            entry.Text("not_deployable_because").Should().NotBeNullOrWhiteSpace();
        }

        foreach (var docker in entries[true].Select(entry => entry.GetProperty("backends").EnumerateArray().Single(backend => backend.Text("backend") == "docker")))
        {
            docker.GetProperty("accepted").GetBoolean().Should().BeTrue(docker.GetProperty("errors").ToString());
        }
    }

    [Test]
    public async Task What_is_wrong_is_told_with_the_entrys_id_its_line_and_the_reason()
    {
        var catalog = await ValidateAsync("""
            catalog_servers:
              - id: good
                source: docker.io/library/echo:1
              - id: port
                source: docker.io/library/echo:1
                endpoint_port: 70000
              - name: nameless
                source: docker.io/library/echo:1
              - id: good
                source: docker.io/library/echo:2
            """);

        catalog.GetProperty("valid").GetBoolean().Should().BeFalse();
        catalog.GetProperty("errors").EnumerateArray().Select(error => (error.Text("path"), error.GetProperty("line").GetInt32(), error.Text("message"))).Should().Equal(
            ("port", 6, "endpoint_port is not a port: 1 to 65535"),
            ("nameless", 7, "id is missing"),
            ("good", 9, "an entry with the same id stands above"));
        catalog.GetProperty("entries").EnumerateArray().Should().ContainSingle();
    }

    [Test]
    public async Task A_text_that_is_no_catalog_is_told_with_its_line()
    {
        var catalog = await ValidateAsync("catalog_servers:\n  - id: a\n   bad: [");

        var error = catalog.GetProperty("errors").EnumerateArray().Should().ContainSingle().Subject;
        error.Text("path").Should().Be("catalog");
        error.GetProperty("line").GetInt32().Should().BeInRange(2, 3);
        error.Text("message").Should().StartWith("is not YAML");
    }

    [Test]
    public async Task Each_backend_says_what_it_would_refuse_and_what_a_deployment_must_give()
    {
        var catalog = await ValidateAsync("""
            catalog_servers:
              - id: elsewhere
                source: quay.example/x/echo:1
                environment: [TOKEN, {name: LEVEL, default: info}]
              - id: unknown-profile
                source: docker.io/library/echo:1
                guardrails_profile: no-such-profile
            """);

        var entries = catalog.GetProperty("entries").EnumerateArray().ToDictionary(entry => entry.Text("id"), StringComparer.Ordinal);
        entries["elsewhere"].GetProperty("requires").EnumerateArray().Select(name => name.GetString()).Should().Equal("TOKEN");
        entries["elsewhere"].GetProperty("notes")[0].GetString().Should().Contain("no digest");
        Errors(entries["elsewhere"]).Should().Contain("RUNTIME_DOCKER_ALLOWED_REGISTRIES");
        Errors(entries["unknown-profile"]).Should().Contain("no-such-profile");
    }

    [Test]
    public async Task Judged_as_remote_it_says_what_a_remote_catalog_may_not_do()
    {
        const string Text = """
            catalog_servers:
              - id: grasping
                source: docker.io/library/echo:1
                guardrails_profile: unrestricted
                environment: [{name: TOKEN, default: "secret://env/MCPSECRET_X"}]
            """;

        var notes = (await ValidateAsync(Text, "?as=remote")).GetProperty("entries")[0].GetProperty("notes").ToString();
        notes.Should().Contain("RUNTIME_CATALOG_TRUSTED_URLS").And.Contain("TOKEN");
        (await ValidateAsync(Text)).GetProperty("entries")[0].GetProperty("notes").ToString().Should().NotContain("RUNTIME_CATALOG_TRUSTED_URLS");
    }

    [Test]
    public async Task A_body_that_is_empty_too_large_or_no_text_is_refused()
    {
        (await SendAsync([])).Should().Be(HttpStatusCode.BadRequest);
        (await SendAsync(new byte[(5 << 20) + 1])).Should().Be(HttpStatusCode.RequestEntityTooLarge);
        (await SendAsync([0xff, 0xfe, 0x00])).Should().Be(HttpStatusCode.BadRequest);
    }

    [TestCase("application/yaml")]
    [TestCase("application/json")]
    [TestCase("application/x-www-form-urlencoded", Description = "what curl --data-binary says of a file")]
    public async Task What_the_client_calls_it_does_not_matter(string type)
    {
        using var content = new StringContent("catalog_servers: []", Encoding.UTF8, type);
        using var response = await _service.Admin.PostAsync("/runtimes/catalog/validate", content);
        (await response.JsonAsync(HttpStatusCode.OK)).GetProperty("valid").GetBoolean().Should().BeTrue();
    }

    private static string Errors(JsonElement entry) => entry.GetProperty("backends").EnumerateArray().Single(backend => backend.Text("backend") == "docker").GetProperty("errors").ToString();

    private async Task<HttpStatusCode> SendAsync(byte[] body)
    {
        using var content = new ByteArrayContent(body);
        using var response = await _service.Admin.PostAsync("/runtimes/catalog/validate", content);
        return response.StatusCode;
    }

    private async Task<JsonElement> ValidateAsync(string text, string query = "")
    {
        using var content = new StringContent(text, Encoding.UTF8, "application/yaml");
        using var response = await _service.Admin.PostAsync("/runtimes/catalog/validate" + query, content);
        return await response.JsonAsync(HttpStatusCode.OK);
    }

    private static string Samples()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Runtime.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests run outside the checkout.");
        }

        return Path.Combine(folder.FullName, "samples");
    }
}
