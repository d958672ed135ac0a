using System.Net;
using McpRuntime.Server.Tests.Rest;

namespace McpRuntime.Server.Tests.Catalogs;

internal sealed class FileCatalogTests
{
    private const string Two = """
        catalog_servers:
          - id: team/echo
            name: Echo
            description: says it back
            category: demo
            tags: [talk]
            source_type: docker
            source: docker.io/library/echo:1
            guardrails_profile: restricted
          - id: plain
            name: Plain
            source_type: docker
            source: docker.io/library/plain:1
        """;

    private string _file = null!;
    private TestService _service = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _file = Path.Combine(Directory.CreateTempSubdirectory("mcpruntime-catalog-").FullName, "catalog.yml");
        await File.WriteAllTextAsync(_file, Two);
        _service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_CATALOG_FILE"] = _file });
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);
    }

    [Test]
    public async Task Entries_are_listed_filtered_and_found_by_an_id_with_slashes()
    {
        (await IdsAsync("")).Should().BeEquivalentTo("team/echo", "plain");
        (await IdsAsync("?search=back says")).Should().Equal("team/echo");
        (await IdsAsync("?category=demo")).Should().Equal("team/echo");
        (await IdsAsync("?tag=talk&source_type=docker&backend=docker")).Should().Equal("team/echo");
        (await IdsAsync("?source_type=compose")).Should().BeEmpty();

        var entry = await _service.Admin.GetAsync("/runtimes/catalog/team/echo", HttpStatusCode.OK);
        entry.Text("guardrails_profile").Should().Be("restricted");
        entry.Text("source_type").Should().Be("docker");
        entry.Text("origin").Should().Be("file");
        (await _service.Admin.GetAsync("/runtimes/catalog/team%2Fecho", HttpStatusCode.OK)).Text("id").Should().Be("team/echo");
        await _service.Admin.GetAsync("/runtimes/catalog/absent", HttpStatusCode.NotFound);
    }

    [Test]
    public async Task An_entry_is_deployed_with_its_profile()
    {
        var answer = await _service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "from-catalog", "catalog_server_id": "team/echo"}""", HttpStatusCode.Created);

        answer.GetProperty("runtime").Text("guardrails_profile").Should().Be("restricted");
        answer.GetProperty("runtime").Text("catalog_server_id").Should().Be("team/echo");
    }

    [Test]
    public async Task A_changed_file_is_read_and_a_broken_or_vanished_one_keeps_the_last_good_entries_and_says_why()
    {
        await File.WriteAllTextAsync(_file, Two.Replace("id: plain", "id: renamed", StringComparison.Ordinal));
        await Eventually.HoldsAsync(async () => (await IdsAsync("")).Contains("renamed"));

        await File.WriteAllTextAsync(_file, ": : : [");
        await Eventually.HoldsAsync(async () => await ErrorAsync() is { } error && error.Contains("nothing in it can be read", StringComparison.Ordinal));
        (await IdsAsync("")).Should().Contain("renamed");

        File.Delete(_file);
        await Eventually.HoldsAsync(async () => await ErrorAsync() is { } error && error.Contains("catalog.yml", StringComparison.Ordinal));
        (await IdsAsync("")).Should().Contain("renamed");

        await File.WriteAllTextAsync(_file, Two);
        await Eventually.HoldsAsync(async () => await ErrorAsync() is null && (await IdsAsync("")).Contains("plain"));
    }

    [Test]
    public async Task Featured_entries_come_first_and_deprecated_ones_last_page_by_page()
    {
        await File.WriteAllTextAsync(_file, CatalogSite.Catalog("old") + "    deprecated: true\n" + Body("usual") + Body("star") + "    featured: true\n");
        await Eventually.HoldsAsync(async () => (await IdsAsync("")).SequenceEqual(["star", "usual", "old"]));

        (await IdsAsync("?limit=1&offset=1")).Should().Equal("usual");
        (await IdsAsync("?deprecated=false")).Should().Equal("star", "usual");
        (await IdsAsync("?featured=true")).Should().Equal("star");
        (await IdsAsync("?origin=file&deployable=true")).Should().HaveCount(3);
        (await _service.Admin.GetAsync("/runtimes/catalog?limit=1", HttpStatusCode.OK)).GetProperty("total").GetInt32().Should().Be(3);
        (await _service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "old", "catalog_server_id": "old"}""", HttpStatusCode.Created)).Text("message").Should().Contain("deprecated");
    }

    [Test]
    public async Task What_an_entry_requires_is_listed_when_it_is_missing_and_its_backends_are_kept_to()
    {
        await File.WriteAllTextAsync(_file, CatalogSite.Catalog("needy") + "    environment: [TOKEN, {name: REGION, required: true, description: where}, {name: LEVEL, default: info}]\n"
            + Body("elsewhere") + "    supported_backends: [kubernetes]\n");
        await Eventually.HoldsAsync(async () => (await IdsAsync("")).SequenceEqual(["needy", "elsewhere"]));

        var refused = await _service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "needy", "catalog_server_id": "needy"}""", HttpStatusCode.UnprocessableEntity);
        refused.GetProperty("errors").EnumerateObject().Select(error => error.Name).Should().BeEquivalentTo("environment.TOKEN", "environment.REGION");
        var deployed = await _service.Admin.PostTextAsync(
            "/runtimes/deploy", """{"name": "needy", "catalog_server_id": "needy", "environment": {"TOKEN": "t", "REGION": "r"}}""", HttpStatusCode.Created);
        deployed.GetProperty("runtime").GetProperty("environment").EnumerateObject().Select(variable => variable.Name).Should().Equal("LEVEL", "REGION", "TOKEN");

        (await _service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "there", "catalog_server_id": "elsewhere"}""", HttpStatusCode.UnprocessableEntity))
            .GetProperty("errors").GetProperty("backend").ToString().Should().Contain("supports kubernetes, not docker");
        (await IdsAsync("?backend=docker")).Should().Equal("needy");
        (await IdsAsync("?backend=kubernetes")).Should().BeEquivalentTo("needy", "elsewhere");
    }

    [Test]
    public async Task A_later_change_of_the_catalog_changes_nothing_that_was_deployed()
    {
        await _service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "kept", "catalog_server_id": "team/echo"}""", HttpStatusCode.Created);

        await File.WriteAllTextAsync(_file, Two.Replace("echo:1", "other:2", StringComparison.Ordinal).Replace("restricted", "airgapped", StringComparison.Ordinal));
        await Eventually.HoldsAsync(async () => (await _service.Admin.GetAsync("/runtimes/catalog/team/echo", HttpStatusCode.OK)).Text("guardrails_profile") == "airgapped");

        var kept = await _service.Admin.GetAsync("/runtimes/kept", HttpStatusCode.OK);
        kept.GetProperty("source").Text("image").Should().Be("docker.io/library/echo:1");
        kept.Text("guardrails_profile").Should().Be("restricted");
        kept.GetProperty("generation").GetInt64().Should().Be(1);
    }

    private static string Body(string id) => CatalogSite.Catalog(id)["catalog_servers:\n".Length..];

    private async Task<string?> ErrorAsync() =>
        (await _service.Admin.GetAsync("/runtimes/catalog/sources", HttpStatusCode.OK)).GetProperty("sources")[0].GetProperty("error").GetString();

    private async Task<List<string>> IdsAsync(string query) =>
        [.. (await _service.Admin.GetAsync("/runtimes/catalog" + query, HttpStatusCode.OK)).GetProperty("catalog_servers").EnumerateArray().Select(entry => entry.Text("id"))];
}
