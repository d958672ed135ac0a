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
    public async Task A_changed_file_is_read_and_a_broken_or_vanished_one_keeps_the_last_good_entries()
    {
        await File.WriteAllTextAsync(_file, Two.Replace("id: plain", "id: renamed", StringComparison.Ordinal));
        await Eventually.HoldsAsync(async () => (await IdsAsync("")).Contains("renamed"));

        await File.WriteAllTextAsync(_file, ": : : [");
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System);
        (await IdsAsync("")).Should().Contain("renamed");

        File.Delete(_file);
        await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System);
        (await IdsAsync("")).Should().Contain("renamed");
    }

    private async Task<List<string>> IdsAsync(string query) =>
        [.. (await _service.Admin.GetAsync("/runtimes/catalog" + query, HttpStatusCode.OK)).GetProperty("catalog_servers").EnumerateArray().Select(entry => entry.Text("id"))];
}
