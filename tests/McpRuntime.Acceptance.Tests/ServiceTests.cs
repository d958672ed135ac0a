using System.Net;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>The service as its operator meets it.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class ServiceTests
{
    [Test]
    public async Task Switched_off_it_has_no_runtimes_and_touches_nothing()
    {
        await using var service = await Service.StartAsync(Settings(("MCPGATEWAY_RUNTIME_ENABLED", "false")));
        using var http = new HttpClient { BaseAddress = service.Api.Address };
        foreach (var path in new[] { "/runtimes", "/runtimes/backends", "/runtimes/deploy" })
        {
            using var answer = await http.GetAsync(new Uri(path, UriKind.Relative));
            answer.StatusCode.Should().Be(HttpStatusCode.NotFound, path);
        }
    }

    [Test]
    public async Task A_setting_that_makes_no_sense_stops_the_start_and_is_named()
    {
        var start = () => Service.StartAsync(Settings(("RUNTIME_APPROVAL_TIMEOUT_HOURS", "soon")));
        (await start.Should().ThrowAsync<InvalidOperationException>()).WithMessage("*RUNTIME_APPROVAL_TIMEOUT_HOURS*");
    }

    [Test]
    public async Task The_admin_token_is_readable_by_its_owner_alone_and_no_log_tells_it()
    {
        await using var service = await Service.StartAsync();
        var file = Path.Combine(service.Folder, "data", "admin-token");
        File.GetUnixFileMode(file).Should().Be(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        service.Output.Should().NotContain(line => line.Contains(service.Api.Token, StringComparison.Ordinal));
        using var http = new HttpClient { BaseAddress = service.Api.Address };
        using var answer = await http.GetAsync(new Uri("/runtimes", UriKind.Relative));
        answer.StatusCode.Should().Be(HttpStatusCode.Unauthorized, "access control is on by default");
    }

    [Test]
    public async Task Asked_to_go_it_goes_at_once_and_what_runs_stays()
    {
        await using var service = await Service.StartAsync();
        var id = (await service.Api.DeployAsync(Requests.FromCatalog("staying"))).Id;
        await service.Api.UntilAsync(id, "connected");
        var container = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();

        (await service.TerminateAsync(TimeSpan.FromSeconds(10))).Should().Be(0);
        var after = await Engine.Local.TheContainerAsync(id);
        after["Id"]!.GetValue<string>().Should().Be(container);
        after["State"]!["Running"]!.GetValue<bool>().Should().BeTrue();

        await service.StartAgainAsync();
        (await service.Api.FindAsync(id)).Status.Should().Be("connected", "a restart of the service is no event for what runs");
    }

    [Test]
    public async Task Health_version_metrics_and_the_API_document_are_there()
    {
        await using var service = await Service.StartAsync();
        (await service.Api.GetAsync("/readyz")).Status.Should().Be(HttpStatusCode.OK);
        (await service.Api.GetAsync("/version")).Text.Should().Contain("version");
        (await service.Api.GetAsync("/metrics")).Text.Should().Contain("mcpruntime_");
        (await service.Api.GetAsync("/openapi/v1.json")).Text.Should().Contain("/runtimes/deploy");
    }

    private static Dictionary<string, string> Settings(params (string Name, string Value)[] settings) =>
        settings.ToDictionary(setting => setting.Name, setting => setting.Value, StringComparer.Ordinal);
}
