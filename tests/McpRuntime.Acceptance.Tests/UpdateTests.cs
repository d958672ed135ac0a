using System.Net;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

[TestFixture]
[Category("Acceptance")]
internal sealed class UpdateTests
{
    private Service _service = null!;
    private SlowRegistry _registry = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _registry = await SlowRegistry.StartAsync(1024, TimeSpan.Zero);
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DOCKER_ALLOWED_REGISTRIES"] = $"""["docker.io","{_registry.Host}"]""",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _registry.DisposeAsync();
    }

    [Test]
    public async Task An_update_that_crashes_leaves_the_old_revision_serving_and_says_why()
    {
        var broken = Requests.FromImage("crashing", Requests.Base, "perl", "-e", "exit 3");
        await FailsBesideAsync("crashing", broken, "CrashLoop");
    }

    [Test]
    public async Task An_update_to_an_image_that_is_not_there_leaves_the_old_revision_serving_and_says_why()
    {
        var broken = Requests.FromImage("imageless", $"{_registry.Host}/absent/image:1");
        await FailsBesideAsync("imageless", broken, "ImageNotFound");
    }

    [Test]
    public async Task An_update_that_serves_takes_over_without_a_failed_call()
    {
        var id = (await Api.DeployAsync(Requests.FromCatalog("blue-green"))).Id;
        await Api.UntilAsync(id, "connected");
        using var done = new CancellationTokenSource();
        var calls = CallThroughoutAsync("blue-green", done.Token);
        (await Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", Requests.FromCatalog("blue-green", environment: ("COLOUR", "green")))).Expect(HttpStatusCode.OK);
        await Api.UntilAsync(id, shown => shown.Generation == 2 && shown.IsCurrent, "generation 2 serves");
        await Eventually.TrueAsync(async () => (await Engine.Local.OfRecordAsync(id)).Count == 1, TimeSpan.FromSeconds(30), "the old container is gone");
        await done.CancelAsync();
        (await calls).Should().BeGreaterThan(5, "each call of a fresh client was answered, by the old revision or the new");
    }

    [Test]
    public async Task The_same_request_again_changes_nothing()
    {
        var id = (await Api.DeployAsync(Requests.FromCatalog("same"))).Id;
        await Api.UntilAsync(id, "connected");
        var container = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();
        (await Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", Requests.FromCatalog("same"))).Expect(HttpStatusCode.OK);
        (await Api.FindAsync(id)).Generation.Should().Be(1);
        (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>().Should().Be(container);
    }

    private async Task FailsBesideAsync(string name, System.Text.Json.Nodes.JsonObject broken, string because)
    {
        var id = (await Api.DeployAsync(Requests.FromCatalog(name))).Id;
        await Api.UntilAsync(id, "connected");
        var old = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();

        (await Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", broken)).Expect(HttpStatusCode.OK);
        var failed = await Api.UntilAsync(id, shown => shown.ErrorMessage is not null && shown.Is("Stalled"), "generation 2 has failed");

        failed.Status.Should().Be("connected", "the old revision serves");
        failed.Condition("Stalled")["reason"]!.GetValue<string>().Should().Be(because);
        (await McpClients.CallAsync(Api.Mcp(name), Api.Token, "echo", ("message", "still here"))).Should().Be("still here");
        await Eventually.TrueAsync(
            async () => await Engine.Local.OfRecordAsync(id) is [var only] && only["Id"]!.GetValue<string>() == old,
            TimeSpan.FromSeconds(30),
            "only the old container is left");
    }

    private async Task<int> CallThroughoutAsync(string name, CancellationToken ct)
    {
        var answered = 0;
        while (!ct.IsCancellationRequested)
        {
            (await McpClients.CallAsync(Api.Mcp(name), Api.Token, "echo", ("message", "x"))).Should().Be("x");
            answered++;
        }

        return answered;
    }
}
