using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>The compose sample on a real engine: an MCP server, PostgreSQL, a worker, and the job that both wait for.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class ComposeTests
{
    private static readonly string Sample = File.ReadAllText(Path.Combine(Places.Checkout, "samples", "compose", "notes.yaml"));

    private Service _service = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await Service.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task A_life_of_the_sample_with_egress_closed()
    {
        var request = Request("notes", Sample, closed: true);
        var id = (await Api.DeployAsync(request)).Id;
        await _service.KillAsync();
        await _service.StartAgainAsync();
        var runtime = await Api.UntilAsync(id, shown => shown.Is("Ready"), "is ready", TimeSpan.FromMinutes(3));

        runtime.Status.Should().Be("connected");
        (await McpClients.CallAsync(Api.Mcp("notes"), Api.Token, "add", ("a", 2), ("b", 3))).Should().Contain("5");
        var first = await ServicesAsync(id);
        first.Keys.Should().BeEquivalentTo("web", "worker", "migrate", "db");
        first["migrate"]["State"]!["ExitCode"]!.GetValue<int>().Should().Be(0);
        await EnforcementOracle.HoldsForEachAsync(runtime, [.. first.Values], Engine.Local);
        (await Api.LogsAsync(id, "migrate")).Should().Contain("CREATE TABLE", "the job found the database by its name");
        (await Api.LogsAsync(id)).Should().Contain("migrate | CREATE TABLE");

        await RepairsTheOneAsync(id, first);
        await ReplacesTheOneAsync(id, request);
        await StopsStartsAndGoesAsync(id);
    }

    [Test]
    public async Task With_open_egress_the_services_find_one_another_too_and_a_service_that_fails_is_named()
    {
        var file = Sample.Replace("while sleep 1; do", "exit 3; while sleep 1; do", StringComparison.Ordinal);
        var id = (await Api.DeployAsync(Request("lame", file, closed: false))).Id;

        var runtime = await Api.UntilAsync(id, shown => shown.ErrorMessage?.Contains("service \"worker\"", StringComparison.Ordinal) == true, "names the worker", TimeSpan.FromMinutes(3));

        runtime.ErrorMessage.Should().Contain("exited with 3");
        runtime.Status.Should().NotBe("connected", "not all of it is there");
        (await Api.LogsAsync(id, "migrate")).Should().Contain("CREATE TABLE");
        await Api.DeleteAsync(id);
        await Api.UntilAsync(id, "deleted");
    }

    [Test]
    public async Task A_file_that_asks_for_too_much_is_refused_with_its_lines()
    {
        var file = Sample.Replace("stop_signal: SIGKILL", "privileged: true", StringComparison.Ordinal).Replace("- data:/data", "- /var/run/docker.sock:/data", StringComparison.Ordinal);
        var answer = (await Api.SendAsync(HttpMethod.Post, "/runtimes/deploy", Request("greedy", file, closed: false))).Expect(HttpStatusCode.UnprocessableEntity);

        answer.Text.Should().Contain("service \\u0022worker\\u0022: privileged is not allowed").And.Contain("socket is never mounted").And.NotContain("hunter2");
    }

    private async Task RepairsTheOneAsync(string id, Dictionary<string, JsonObject> before)
    {
        await Engine.Local.KillContainerAsync(IdOf(before["db"]));
        await Eventually.TrueAsync(async () => Started((await ServicesAsync(id))["db"]) != Started(before["db"]), TimeSpan.FromSeconds(60), "the database was started again");
        await Api.UntilAsync(id, shown => shown.Is("Ready"), "is ready again");
        var after = await ServicesAsync(id);
        foreach (var other in new[] { "web", "worker", "migrate" })
        {
            (IdOf(after[other]), Started(after[other])).Should().Be((IdOf(before[other]), Started(before[other])), "{0} had nothing to do with it", other);
        }

        var events = (await Api.GetAsync($"/runtimes/{id}/events?limit=500")).Text;
        events.Should().Contain("ContainerRestarted").And.Contain("service \\u0022db\\u0022");
    }

    private async Task ReplacesTheOneAsync(string id, JsonObject request)
    {
        var before = await ServicesAsync(id);
        var changed = request.DeepClone().AsObject();
        changed["source"]!["compose_file"] = Sample.Replace("while sleep 1; do", "while sleep 2; do", StringComparison.Ordinal);
        (await Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", changed)).Expect(HttpStatusCode.OK);
        await Api.UntilAsync(id, shown => shown.Generation == 2 && shown.IsCurrent && shown.Is("Ready"), "generation 2 serves", TimeSpan.FromMinutes(2));
        await Eventually.TrueAsync(async () => (await Engine.Local.OfRecordAsync(id)).Count == 4, TimeSpan.FromSeconds(30), "the old worker is gone");
        var after = await ServicesAsync(id);
        IdOf(after["worker"]).Should().NotBe(IdOf(before["worker"]));
        foreach (var other in new[] { "web", "migrate", "db" })
        {
            IdOf(after[other]).Should().Be(IdOf(before[other]), "{0} did not change", other);
        }
    }

    private async Task StopsStartsAndGoesAsync(string id)
    {
        (await Api.CommandAsync(id, "stop")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "stopped");
        (await Engine.Local.OfRecordAsync(id)).Should().BeEmpty();
        (await Api.CommandAsync(id, "start")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, shown => shown.Is("Ready"), "is ready after a stop", TimeSpan.FromMinutes(2));
        (await Api.LogsAsync(id, "migrate")).Should().Contain(line => line.Contains("already exists", StringComparison.Ordinal), "the database is the one from before");

        await Api.SendAsync(HttpMethod.Delete, $"/runtimes/{id}?keep_volumes=true");
        await Api.UntilAsync(id, "deleted", TimeSpan.FromMinutes(2));
        (await Engine.Local.OfRecordAsync(id)).Should().BeEmpty();
        (await Engine.Local.NetworksAsync($"{Engine.RecordLabel}={id}")).Should().BeEmpty();
        var volume = (await Engine.Local.VolumesAsync($"{Engine.RecordLabel}={id}")).Should().ContainSingle().Subject;
        await Engine.Local.RemoveVolumeAsync(volume["Name"]!.GetValue<string>());
    }

    private static async Task<Dictionary<string, JsonObject>> ServicesAsync(string id)
    {
        var services = new Dictionary<string, JsonObject>(StringComparer.Ordinal);
        foreach (var container in await Engine.Local.OfRecordAsync(id))
        {
            services[container["Labels"]!["dev.mcpruntime/service"]!.GetValue<string>()] = await Engine.Local.InspectAsync(container["Id"]!.GetValue<string>());
        }

        return services;
    }

    private static string IdOf(JsonObject container) => container["Id"]!.GetValue<string>();

    private static string Started(JsonObject container) => container["State"]!["StartedAt"]!.GetValue<string>();

    private static JsonObject Request(string name, string file, bool closed)
    {
        var request = new JsonObject
        {
            ["name"] = name,
            ["source"] = new JsonObject { ["type"] = "compose", ["compose_file"] = file },
            ["environment"] = new JsonObject { ["NOTES_PASSWORD"] = "hunter2-notes" },
        };
        if (closed)
        {
            request["guardrails_overrides"] = new JsonObject { ["network"] = new JsonObject { ["egress_allowed"] = false } };
        }

        return request;
    }
}
