using System.Net;
using McpRuntime.Acceptance.Tests.Harness;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Acceptance.Tests;

/// <summary>The public samples of the catalog formats, from a file and from URLs, deployed where their images are on this machine: nothing else is needed.</summary>
[TestFixture]
[Category("Acceptance")]
[Category("Docker")]
internal sealed class CatalogTests
{
    private static readonly string Samples = Path.Combine(Places.Checkout, "samples", "catalogs");

    private WebApplication _site = null!;
    private Service _service = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _site = builder.Build();
        _site.MapGet("/{file}", (string file) => Results.Text(File.ReadAllText(Path.Combine(Samples, Path.GetFileName(file)))));
        await _site.StartAsync();
        var url = _site.Urls.First();
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_CATALOG_FILE"] = Path.Combine(Samples, "server.json"),
            ["RUNTIME_CATALOG_REMOTE_URLS"] = $"{url}/registry-page.json,{url}/contextforge.yml",
            ["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = "127.0.0.1/32",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
        }

        await _site.DisposeAsync();
    }

    [Test]
    public async Task The_samples_of_three_formats_are_deployed_from_a_file_and_from_urls()
    {
        await Eventually.TrueAsync(
            async () => (await Api.GetAsync("/runtimes/catalog?deployable=true")).Expect(HttpStatusCode.OK).Body!["total"]!.GetValue<int>() == 3,
            RuntimeApi.Settled,
            "the remote catalogs were read");

        var everything = await Api.DeployAsync(Requests.FromCatalog("from-server-json", "dev.mcpruntime/everything"));
        var sample = await Api.DeployAsync(Requests.FromCatalog("from-page", "dev.mcpruntime/sample", profile: null, ("SAMPLE_API_KEY", "any")));
        var forge = await Api.DeployAsync(Requests.FromCatalog("from-forge", "sample-forge", profile: null, ("SAMPLE_API_KEY", "any")));

        foreach (var runtime in new[] { everything, sample, forge })
        {
            await Api.UntilAsync(runtime.Id, "connected");
        }

        (await Api.FindAsync(forge.Id)).Body["guardrails_profile"]!.GetValue<string>().Should().Be("restricted");
        (await McpClients.CallAsync(Api.Mcp("from-server-json"), Api.Token, "echo", ("message", "hello"))).Should().Contain("hello");
        (await Api.GetAsync("/v0.1/servers")).Expect(HttpStatusCode.OK).Body!["servers"]!.AsArray().Should().HaveCount(3);
    }
}
