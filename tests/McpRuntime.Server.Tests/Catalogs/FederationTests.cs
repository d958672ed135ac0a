using System.Diagnostics;
using System.Net;
using System.Text.Json;
using McpRuntime.Server.Tests.Rest;
using PostgreSqlCluster = McpRuntime.Server.Tests.Records.PostgreSqlCluster;

namespace McpRuntime.Server.Tests.Catalogs;

/// <summary>The service with remote catalogs: what each URL does is seen at its own state and nowhere else.</summary>
internal sealed class FederationTests
{
    private CatalogSite _site = null!;
    private string _folder = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _site = await CatalogSite.StartAsync();
        _folder = Directory.CreateTempSubdirectory("mcpruntime-federation-").FullName;
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _site.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task Of_five_urls_the_good_one_serves_each_shows_its_state_and_no_request_waits()
    {
        _site.Hangs("/hanging");
        _site.Answers("/broken", 500);
        _site.Answers("/inwards", 302, "https://127.0.0.2/catalog.yml");
        _site.Floods("/huge", 50L << 20);
        _site.Gives("/good", CatalogSite.Catalog("remote/one", "remote/two"));
        await using var service = await ServeAsync(["/hanging", "/broken", "/inwards", "/huge", "/good"], ("RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS", "2"));

        var longest = TimeSpan.Zero;
        await Eventually.HoldsAsync(async () =>
        {
            var began = Stopwatch.GetTimestamp();
            var states = await StatesAsync(service);
            longest = Stopwatch.GetElapsedTime(began) is var took && took > longest ? took : longest;
            return states.Values.Count(state => state == "failed") == 4 && states[_site.Url("/good")] == "ok" && (await IdsAsync(service)).Count == 2;
        });

        longest.Should().BeLessThan(TimeSpan.FromSeconds(2), "a request that waited for the hanging URL would take as long as its timeout");
        var errors = (await SourcesAsync(service)).ToDictionary(source => source.Text("origin"), source => source.GetProperty("error").GetString(), StringComparer.Ordinal);
        errors[_site.Url("/hanging")].Should().Contain("within 2 s");
        errors[_site.Url("/broken")].Should().Contain("500");
        errors[_site.Url("/inwards")].Should().Contain("not public");
        errors[_site.Url("/huge")].Should().Contain("5 MiB");
        errors[_site.Url("/good")].Should().BeNull();
        var deployed = await service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "from-remote", "catalog_server_id": "remote/one"}""", HttpStatusCode.Created);
        deployed.GetProperty("runtime").Text("catalog_server_id").Should().Be("remote/one");
    }

    [Test]
    public async Task A_catalog_that_goes_away_stays_as_it_was_stale_also_over_a_restart_and_comes_back()
    {
        _site.Gives("/a", CatalogSite.Catalog("a"));
        var service = await ServeAsync(["/a"]);
        await Eventually.HoldsAsync(async () => await StateAsync(service, "/a") == "ok");

        _site.Answers("/a", 503);
        await Eventually.HoldsAsync(async () => await StateAsync(service, "/a") == "stale");
        (await EntryAsync(service, "a")).GetProperty("stale").GetBoolean().Should().BeTrue();
        await service.StopAsync();

        await using var again = await ServeAsync(["/a"]);
        (await EntryAsync(again, "a")).GetProperty("stale").GetBoolean().Should().BeTrue("the copy is there with the first request");

        _site.Gives("/a", CatalogSite.Catalog("a", "b"));
        await Eventually.HoldsAsync(async () => await StateAsync(again, "/a") == "ok" && (await IdsAsync(again)).SequenceEqual(["a", "b"]), TimeSpan.FromSeconds(60));
        (await EntryAsync(again, "a")).GetProperty("stale").GetBoolean().Should().BeFalse();
    }

    [Test]
    public async Task A_broken_entry_is_skipped_by_its_id_and_the_rest_loads()
    {
        _site.Gives("/a", CatalogSite.Catalog("good") + "  - id: bad\n    source: docker.io/Library/UPPER\n");
        await using var service = await ServeAsync(["/a"]);
        await Eventually.HoldsAsync(async () => (await IdsAsync(service)).SequenceEqual(["good"]));

        var skipped = (await service.Admin.GetAsync("/runtimes/catalog", HttpStatusCode.OK)).GetProperty("skipped").EnumerateArray().Should().ContainSingle().Subject;
        skipped.Text("path").Should().Be("bad");
        skipped.Text("origin").Should().Be(_site.Url("/a"));
        skipped.GetProperty("line").GetInt32().Should().Be(7);
        skipped.Text("message").Should().Contain("lower case");
    }

    [Test]
    public async Task Local_wins_over_remote_and_an_earlier_url_over_a_later_one_and_duplicates_are_listed()
    {
        var file = Path.Combine(_folder, "catalog.yml");
        await File.WriteAllTextAsync(file, CatalogSite.Catalog("a"));
        _site.Gives("/one", CatalogSite.Catalog("a", "b"));
        _site.Gives("/two", CatalogSite.Catalog("a", "b", "c"));
        await using var service = await ServeAsync(["/one", "/two"], ("RUNTIME_CATALOG_FILE", file));
        await Eventually.HoldsAsync(async () => (await IdsAsync(service)).Count == 3);

        (await EntryAsync(service, "a")).Text("origin").Should().Be("file");
        (await EntryAsync(service, "b")).Text("origin").Should().Be(_site.Url("/one"));
        (await EntryAsync(service, "c")).Text("origin").Should().Be(_site.Url("/two"));
        var catalog = await service.Admin.GetAsync("/runtimes/catalog", HttpStatusCode.OK);
        catalog.GetProperty("duplicates").EnumerateArray().Select(d => (d.Text("id"), d.Text("origin"), d.Text("kept_from"))).Should().Equal(
            ("a", _site.Url("/one"), "file"), ("a", _site.Url("/two"), "file"), ("b", _site.Url("/two"), _site.Url("/one")));
        (await service.Admin.GetAsync($"/runtimes/catalog?origin={Uri.EscapeDataString(_site.Url("/two"))}", HttpStatusCode.OK)).GetProperty("total").GetInt32().Should().Be(1);
    }

    [Test]
    public async Task A_remote_catalog_can_tighten_and_chooses_unrestricted_only_where_its_url_is_trusted()
    {
        _site.Gives("/plain", CatalogSite.Catalog("open") + "    guardrails_profile: unrestricted\n" + CatalogSite.Catalog("closed")["catalog_servers:\n".Length..] + "    guardrails_profile: airgapped\n");
        _site.Gives("/trusted", CatalogSite.Catalog("trusted") + "    guardrails_profile: unrestricted\n");
        await using var service = await ServeAsync(["/plain", "/trusted"], ("RUNTIME_CATALOG_TRUSTED_URLS", _site.Url("/trusted")));
        await Eventually.HoldsAsync(async () => (await IdsAsync(service)).Count == 3);

        (await ProfileOfAsync(service, "open")).Should().Be("standard");
        (await ProfileOfAsync(service, "closed")).Should().Be("airgapped");
        (await ProfileOfAsync(service, "trusted")).Should().Be("unrestricted");
    }

    [Test]
    public async Task A_remote_catalogs_secret_references_point_nowhere()
    {
        _site.Gives("/a", CatalogSite.Catalog("thief") + "    environment: [{name: TOKEN, required: true, default: \"secret://env/MCPSECRET_CANARY\"}]\n");
        await using var service = await ServeAsync(["/a"]);
        await Eventually.HoldsAsync(async () => (await IdsAsync(service)).Count == 1);

        var refused = await service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "thief", "catalog_server_id": "thief"}""", HttpStatusCode.UnprocessableEntity);
        refused.GetProperty("errors").EnumerateObject().Select(error => error.Name).Should().Equal("environment.TOKEN");
    }

    [Test]
    [Category("PostgreSql")]
    public async Task Two_replicas_show_the_same_and_one_of_them_fetches()
    {
        _site.Gives("/a", CatalogSite.Catalog("a"));
        var database = TestService.On(PostgreSqlCluster.Shared.NewDatabase()).Select(setting => (setting.Key, setting.Value)).ToArray();
        var one = await ServeAsync(["/a"], [.. database, ("RUNTIME_CATALOG_REMOTE_INTERVAL_SECONDS", "86400")]);
        await using var two = await ServeAsync(["/a"], [.. database, ("RUNTIME_CATALOG_REMOTE_INTERVAL_SECONDS", "86400")]);
        await Eventually.HoldsAsync(async () => (await IdsAsync(one)).SequenceEqual(["a"]) && (await IdsAsync(two)).SequenceEqual(["a"]), TimeSpan.FromSeconds(60));

        _site.Asked.Should().ContainSingle("the copy is in the database, where the other reads it");
        await one.StopAsync();
        (await IdsAsync(two)).Should().Equal("a");
    }

    [Test]
    public async Task What_a_remote_entry_requires_an_approval_for_waits_for_one()
    {
        _site.Gives("/a", CatalogSite.Catalog("careful") + "    requires_approval: true\n");
        await using var service = await ServeAsync(["/a"], ("RUNTIME_APPROVAL_ENABLED", "true"));
        await Eventually.HoldsAsync(async () => (await IdsAsync(service)).Count == 1);

        var deployed = await service.Admin.PostTextAsync("/runtimes/deploy", """{"name": "careful", "catalog_server_id": "careful"}""", HttpStatusCode.Created);

        deployed.GetProperty("runtime").Text("status").Should().Be("pending_approval");
    }

    private async Task<TestService> ServeAsync(string[] paths, params (string Name, string Value)[] more)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_CATALOG_REMOTE_URLS"] = string.Join(',', paths.Select(_site.Url)),
            ["RUNTIME_CATALOG_REMOTE_INTERVAL_SECONDS"] = "5",
            ["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = "127.0.0.1/32",
        };
        foreach (var (name, value) in more)
        {
            settings[name] = value;
        }

        return await TestService.StartAsync(settings, Directory.CreateDirectory(Path.Combine(_folder, "data")).FullName);
    }

    private static async Task<string> ProfileOfAsync(TestService service, string id) =>
        (await service.Admin.PostTextAsync("/runtimes/deploy", $$"""{"name": "{{id}}", "catalog_server_id": "{{id}}"}""", HttpStatusCode.Created)).GetProperty("runtime").Text("guardrails_profile");

    private static Task<JsonElement> EntryAsync(TestService service, string id) => service.Admin.GetAsync($"/runtimes/catalog/{id}", HttpStatusCode.OK);

    private static async Task<List<string>> IdsAsync(TestService service) =>
        [.. (await service.Admin.GetAsync("/runtimes/catalog", HttpStatusCode.OK)).GetProperty("catalog_servers").EnumerateArray().Select(entry => entry.Text("id"))];

    private static async Task<List<JsonElement>> SourcesAsync(TestService service) =>
        [.. (await service.Admin.GetAsync("/runtimes/catalog/sources", HttpStatusCode.OK)).GetProperty("sources").EnumerateArray()];

    private static async Task<Dictionary<string, string>> StatesAsync(TestService service) =>
        (await SourcesAsync(service)).ToDictionary(source => source.Text("origin"), source => source.Text("state"), StringComparer.Ordinal);

    private async Task<string> StateAsync(TestService service, string path) => (await StatesAsync(service))[_site.Url(path)];
}
