using System.Net;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

[TestFixture]
[Category("Acceptance")]
internal sealed class DeletionTests
{
    private Service _service = null!;
    private SlowRegistry _registry = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        // 16 MB at 64 KB each 50 ms: a pull of about 13 s.
        _registry = await SlowRegistry.StartAsync(16 * 1024 * 1024, TimeSpan.FromMilliseconds(50));
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
    public async Task Deleting_while_pulling_gives_the_pull_up_and_leaves_nothing()
    {
        var image = $"{_registry.Host}/slow/pull:1";
        var id = (await Api.DeployAsync(Requests.FromImage("pulling", image))).Id;
        await Eventually.TrueAsync(() => Task.FromResult(_registry.LayersStarted > 0), TimeSpan.FromSeconds(30), "the layer is on its way");
        (await Api.FindAsync(id)).Status.Should().Be("deploying");

        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted", TimeSpan.FromSeconds(10));

        (await Leftovers.OfRecordAsync(id)).Should().BeEmpty();
        await Eventually.TrueAsync(() => Task.FromResult(_registry.LayersAborted > 0), TimeSpan.FromSeconds(10), "the pull was given up");
        (await Run.Async("docker", ["image", "inspect", image])).Exit.Should().NotBe(0, "the image is not there");
    }

    [Test]
    public async Task Deleting_what_is_already_gone_succeeds()
    {
        var id = (await Api.DeployAsync(Requests.FromCatalog("gone"))).Id;
        await Api.UntilAsync(id, "connected");
        await _service.KillAsync();
        await Leftovers.RemoveAsync(Engine.Local, [id]);
        await _service.StartAgainAsync();

        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted");
        (await Api.DeleteAsync(id)).Status.Should().Be(HttpStatusCode.Accepted, "deleting is idempotent");
        (await Leftovers.OfRecordAsync(id)).Should().BeEmpty();
    }

    [Test]
    public async Task Kept_volumes_outlive_their_runtime_and_are_deletable_on_their_own()
    {
        var request = Requests.FromCatalog("keeper");
        request["volumes"] = new System.Text.Json.Nodes.JsonArray("/data");
        var id = (await Api.DeployAsync(request)).Id;
        await Api.UntilAsync(id, "connected");

        (await Api.DeleteAsync(id + "?keep_volumes=true")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted");
        (await Engine.Local.OfRecordAsync(id)).Should().BeEmpty();
        var volume = (await Engine.Local.VolumesAsync($"{Engine.RecordLabel}={id}")).Should().ContainSingle().Subject["Name"]!.GetValue<string>();

        (await Api.GetAsync("/runtimes/volumes")).Text.Should().Contain(volume);
        var answer = await Api.SendAsync(HttpMethod.Delete, $"/runtimes/volumes/{volume}");
        ((int)answer.Status).Should().BeInRange(200, 204);
        (await Leftovers.OfRecordAsync(id)).Should().BeEmpty();
    }

    [Test]
    public async Task A_name_used_again_inherits_nothing()
    {
        var request = Requests.FromCatalog("reborn");
        request["volumes"] = new System.Text.Json.Nodes.JsonArray("/data");
        var first = (await Api.DeployAsync(request)).Id;
        await Api.UntilAsync(first, "connected");
        await Api.DeleteAsync(first);
        await Api.UntilAsync(first, "deleted");

        var second = (await Api.DeployAsync(request)).Id;
        await Api.UntilAsync(second, "connected");
        second.Should().NotBe(first);
        (await Api.FindAsync(first)).Status.Should().Be("deleted", "the tombstone is found by its id");
        (await McpClients.CallAsync(Api.Mcp("reborn"), Api.Token, "read_file", ("path", "/data/anything"))).Should().StartWith("no:");
    }
}
