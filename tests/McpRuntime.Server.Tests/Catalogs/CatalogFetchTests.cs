using System.IO.Compression;
using McpRuntime.Core.Catalog;
using McpRuntime.Server.Catalogs;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Http;

namespace McpRuntime.Server.Tests.Catalogs;

internal sealed class CatalogFetchTests
{
    private CatalogSite _site = null!;

    [SetUp]
    public async Task StartAsync() => _site = await CatalogSite.StartAsync();

    [TearDown]
    public async Task StopAsync() => await _site.DisposeAsync();

    [Test]
    public async Task A_file_is_fetched_and_its_tag_spares_the_next_fetch()
    {
        _site.On("/a.yml", async http =>
        {
            http.Response.Headers.ETag = "\"one\"";
            if (http.Request.Headers.IfNoneMatch == "\"one\"")
            {
                http.Response.StatusCode = StatusCodes.Status304NotModified;
                return;
            }

            await http.Response.WriteAsync(CatalogSite.Catalog("a"));
        });

        var copy = (await FetchAsync("/a.yml")).Should().BeOfType<Fetched.Copy>().Subject;
        copy.Text.Should().Be(CatalogSite.Catalog("a"));
        (await FetchAsync("/a.yml", copy.ETag)).Should().BeOfType<Fetched.Unchanged>();
    }

    [TestCase("/loop", "redirects more than 5 times")]
    [TestCase("/to-private", "not public")]
    [TestCase("/to-metadata", "not public")]
    [TestCase("/to-plain", "over http")]
    [TestCase("/to-file", "no http or https URL")]
    [TestCase("/to-user", "no http or https URL")]
    [TestCase("/nowhere", "no http or https URL")]
    [TestCase("/absent", "answered 404")]
    [TestCase("/broken", "answered 500")]
    [TestCase("/flood", "larger than 5 MiB")]
    [TestCase("/said", "larger than 5 MiB")]
    [TestCase("/bomb", "larger than 5 MiB")]
    [TestCase("/hang", "within 1 s")]
    [TestCase("/slow", "within 1 s")]
    [TestCase("/nul", "NUL")]
    [TestCase("/words", "nothing in it can be read")]
    public async Task What_is_no_catalog_fails_with_the_reason(string path, string why)
    {
        _site.Answers("/loop", 302, "/loop");
        _site.Answers("/to-private", 302, "https://127.0.0.2/catalog.yml");
        _site.Answers("/to-metadata", 307, "http://169.254.169.254/latest/meta-data");
        _site.Answers("/to-plain", 302, "http://203.0.114.1/catalog.yml");
        _site.Answers("/to-file", 302, "file:///etc/passwd");
        _site.Answers("/to-user", 302, "https://a:b@catalog.example/");
        _site.Answers("/nowhere", 302);
        _site.Answers("/broken", 500);
        _site.Floods("/flood", 50L << 20);
        _site.On("/said", http =>
        {
            http.Response.ContentLength = 50L << 20;
            return http.Response.Body.FlushAsync(http.RequestAborted);
        });
        _site.On("/bomb", async http =>
        {
            http.Response.Headers.ContentEncoding = "gzip";
            await using var zip = new GZipStream(http.Response.Body, CompressionLevel.Fastest);
            await zip.WriteAsync(new byte[50 << 20], http.RequestAborted);
        });
        _site.Hangs("/hang");
        _site.On("/slow", async http =>
        {
            await http.Response.WriteAsync("catalog_servers:\n", http.RequestAborted);
            await http.Response.Body.FlushAsync(http.RequestAborted);
            await Task.Delay(Timeout.Infinite, http.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        _site.Gives("/nul", "catalog_servers: [\0]");
        _site.Gives("/words", "just words");

        (await FetchAsync(path)).Should().BeOfType<Fetched.Failed>().Which.Why.Should().Contain(why);
    }

    [Test]
    public async Task A_redirect_to_an_address_that_is_open_is_followed()
    {
        _site.Answers("/old", 301, "/new");
        _site.Gives("/new", CatalogSite.Catalog("a"));

        (await FetchAsync("/old")).Should().BeOfType<Fetched.Copy>();
    }

    [Test]
    public async Task A_private_address_is_refused_where_nothing_opens_it()
    {
        _site.Gives("/a.yml", CatalogSite.Catalog("a"));

        (await FetchAsync("/a.yml", allowed: "10.0.0.0/8")).Should().BeOfType<Fetched.Failed>();
        _site.Asked.Should().BeEmpty();
    }

    [Test]
    public async Task A_registrys_pages_are_read_to_the_end_and_joined()
    {
        const int Pages = 3;
        _site.On("/v0.1/servers", http =>
        {
            var page = int.Parse(http.Request.Query["cursor"].FirstOrDefault("0")!, System.Globalization.CultureInfo.InvariantCulture);
            return http.Response.WriteAsync(Page([$"io.acme/s{page}"], page + 1 < Pages ? $"{page + 1}" : null));
        });

        var copy = (await FetchAsync("/v0.1/servers", etag: null)).Should().BeOfType<Fetched.Copy>().Subject;

        CatalogParser.Parse(copy.Text, "https://r.example").Entries.Select(entry => entry.Id).Should().Equal("io.acme/s0", "io.acme/s1", "io.acme/s2");
        _site.Asked.Should().Equal("/v0.1/servers?limit=100&version=latest", "/v0.1/servers?limit=100&version=latest&cursor=1", "/v0.1/servers?limit=100&version=latest&cursor=2");
    }

    [Test]
    public async Task A_registry_without_an_end_is_read_up_to_the_limit_or_refused()
    {
        var pages = 0;
        _site.On("/v0.1/servers", http => http.Response.WriteAsync(Page([$"io.acme/s{++pages}"], $"{pages}")));
        var copy = (await FetchAsync("/v0.1/servers")).Should().BeOfType<Fetched.Copy>().Subject;
        copy.Note.Should().Contain("more than 100 pages");
        pages.Should().Be(100);

        _site.On("/circle/v0/servers", http => http.Response.WriteAsync(Page(["io.acme/s"], "same")));
        (await FetchAsync("/circle/v0/servers")).Should().BeOfType<Fetched.Failed>().Which.Why.Should().Contain("circle");

        _site.On("/fat/v0/servers", http => http.Response.WriteAsync(Page([.. Enumerable.Range(0, 5000).Select(n => $"io.acme/{Guid.NewGuid():n}")], $"{Guid.NewGuid()}")));
        (await FetchAsync("/fat/v0/servers")).Should().BeOfType<Fetched.Failed>().Which.Why.Should().Contain("larger than 5 MiB in all");
    }

    private static string Page(string[] names, string? next)
    {
        var servers = names.Select(name => $$"""{"server": {"name": "{{name}}", "description": "d", "version": "1.0.0", "packages": [{"registryType": "oci", "identifier": "docker.io/library/echo:1", "transport": {"type": "stdio"} }]} }""");
        var cursor = next is null ? "" : $", \"nextCursor\": \"{next}\"";
        return $$"""{"servers": [{{string.Join(',', servers)}}], "metadata": {"count": {{names.Length}}{{cursor}} } }""";
    }

    private async Task<Fetched> FetchAsync(string path, string? etag = null, string allowed = "127.0.0.1/32")
    {
        var settings = SettingsParser.Parse(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = allowed,
            ["RUNTIME_CATALOG_REMOTE_TIMEOUT_SECONDS"] = "1",
        });
        using var wire = new CatalogWire(settings, TimeProvider.System);
        return await new CatalogFetch(wire).GetAsync(new Uri(_site.Url(path)), etag, CancellationToken.None);
    }
}
