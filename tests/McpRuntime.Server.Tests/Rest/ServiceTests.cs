using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Server.Tests.Rest;

/// <summary>What holds for every route: problem details, the OpenAPI document, health, metrics.</summary>
internal sealed class ServiceTests
{
    private TestService _service = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await TestService.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [TestCase("GET", "/nowhere", 404)]
    [TestCase("GET", "/runtimes/absent", 404)]
    [TestCase("GET", "/runtimes/No%20Such%20Name", 404)]
    [TestCase("PATCH", "/runtimes", 405)]
    [TestCase("DELETE", "/healthz", 405)]
    [TestCase("GET", "/runtimes/catalog/a/b/c", 404)]
    public async Task Every_no_is_problem_details_with_what_and_where(string method, string path, int status)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await _service.Admin.SendAsync(request);
        var problem = await response.JsonAsync((HttpStatusCode)status);

        response.Content.Headers.ContentType!.MediaType.Should().Be("application/problem+json");
        problem.GetProperty("status").GetInt32().Should().Be(status);
        problem.Text("title").Should().NotBeEmpty();
        problem.Text("detail").Should().NotBeEmpty();
        problem.Text("trace_id").Should().NotBeEmpty();
    }

    [Test]
    public async Task A_wrong_method_says_which_are_allowed()
    {
        using var response = await _service.Admin.PostAsync("/healthz", null);

        (await response.JsonAsync(HttpStatusCode.MethodNotAllowed)).Text("detail").Should().Contain("GET");
        response.Content.Headers.Allow.Should().Contain("GET");
    }

    [Test]
    public async Task Another_media_type_is_415_and_too_large_a_body_413()
    {
        using var plain = new StringContent("{}", Encoding.UTF8, "text/plain");
        using var large = new ByteArrayContent(new byte[3 << 20]) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };

        using var unsupported = await _service.Admin.PostAsync("/runtimes/deploy", plain);
        using var tooLarge = await _service.Admin.PostAsync("/runtimes/deploy", large);

        await unsupported.JsonAsync(HttpStatusCode.UnsupportedMediaType);
        (await tooLarge.JsonAsync(HttpStatusCode.RequestEntityTooLarge)).Text("detail").Should().Contain("KiB");
    }

    [Test]
    public async Task The_openapi_document_names_every_route_and_no_other()
    {
        using var client = _service.Client(null);
        var document = await client.GetAsync("/openapi/v1.json", HttpStatusCode.OK);
        document.Text("openapi").Should().StartWith("3.1");
        var documented = document.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method => $"{method.Name.ToUpperInvariant()} {path.Name}"));

        // MCP is not ours to describe, and what replicas say among themselves is nobody else's.
        string[] undocumented = ["/openapi", "/mcp", "/internal"];
        var routes = _service.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Where(route => !undocumented.Any(path => route.RoutePattern.RawText!.StartsWith(path, StringComparison.Ordinal)))
            .SelectMany(route => route.Metadata.GetMetadata<HttpMethodMetadata>()!.HttpMethods.Select(method => $"{method} {Template(route)}"));

        documented.Should().BeEquivalentTo(routes);
    }

    [Test]
    public async Task The_openapi_document_describes_parameters_bodies_and_errors()
    {
        using var client = _service.Client(null);
        var document = await client.GetAsync("/openapi/v1.json", HttpStatusCode.OK);
        var list = document.GetProperty("paths").GetProperty("/runtimes").GetProperty("get");
        var deploy = document.GetProperty("paths").GetProperty("/runtimes/deploy").GetProperty("post");

        var limit = list.GetProperty("parameters").EnumerateArray().Single(parameter => parameter.Text("name") == "limit");
        limit.GetProperty("schema").GetProperty("maximum").GetInt32().Should().Be(500);
        list.GetProperty("responses").TryGetProperty("default", out _).Should().BeTrue();
        list.GetProperty("security").GetArrayLength().Should().Be(1);
        deploy.GetProperty("requestBody").GetProperty("content").TryGetProperty("application/json", out _).Should().BeTrue();
        var request = document.GetProperty("components").GetProperty("schemas").GetProperty("DeployRequest").GetProperty("properties");
        request.TryGetProperty("guardrails_overrides", out _).Should().BeTrue();
        request.GetProperty("environment").GetProperty("additionalProperties").GetRawText().Should().Contain("string");
    }

    [Test]
    public async Task Health_readiness_version_and_metrics_need_no_token()
    {
        using var client = _service.Client(null);

        (await client.GetAsync("/healthz", HttpStatusCode.OK)).Text("status").Should().Be("ok");
        (await client.GetAsync("/readyz", HttpStatusCode.OK)).Text("database").Should().Be("ok");
        (await client.GetAsync("/version", HttpStatusCode.OK)).Text("version").Should().NotBeEmpty();
    }

    [Test]
    public async Task Metrics_are_prometheus_text_that_counts_requests_in_seconds()
    {
        using var client = _service.Client(null);
        await client.GetAsync("/healthz", HttpStatusCode.OK);

        var lines = (await client.GetStringAsync("/metrics")).Split('\n', StringSplitOptions.RemoveEmptyEntries);

        lines.Should().Contain("# TYPE http_server_request_duration_seconds histogram");
        lines.Should().Contain(line => line.StartsWith("http_server_request_duration_seconds_bucket{") && line.Contains("http_route=\"/healthz\"") && line.Contains("le=\"0.005\""));
        lines.Where(line => line[0] != '#').Should().OnlyContain(line => PrometheusLine(line));
        lines.Where(line => line.StartsWith("# TYPE", StringComparison.Ordinal)).Should().OnlyHaveUniqueItems();
    }

    [Test]
    public async Task Switched_off_there_is_no_runtimes_path_and_no_data_is_touched()
    {
        var folder = Directory.CreateTempSubdirectory("mcpruntime-off-").FullName;
        var settings = McpRuntime.Server.Settings.SettingsParser.Parse(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DATA_DIR"] = Path.Combine(folder, "data"),
            ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
        });
        await using var app = RuntimeService.Build(settings);
        await RuntimeService.PrepareAsync(app, settings, CancellationToken.None);
        await app.StartAsync();
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };

        await client.GetAsync("/runtimes", HttpStatusCode.NotFound);
        await client.GetAsync("/runtimes/backends", HttpStatusCode.NotFound);
        await client.GetAsync("/healthz", HttpStatusCode.OK);

        Directory.Exists(Path.Combine(folder, "data")).Should().BeFalse();
        await app.StopAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static string Template(RouteEndpoint route) => "/" + route.RoutePattern.RawText!.Trim('/').Replace("{**", "{", StringComparison.Ordinal);

    private static bool PrometheusLine(string line)
    {
        var space = line.LastIndexOf(' ');
        return space > 0
            && (line[(space + 1)..] is "NaN" or "+Inf" or "-Inf" || double.TryParse(line.AsSpan(space + 1), System.Globalization.CultureInfo.InvariantCulture, out _))
            && line[..space].TakeWhile(c => c != '{').All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or ':');
    }
}
