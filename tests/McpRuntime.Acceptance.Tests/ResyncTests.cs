using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>An engine that tells nothing: the look at everything finds what the events would have told, and costs what it says.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class ResyncTests
{
    private const int Runtimes = 12;
    private const int Seconds = 5;

    private readonly List<string> _ids = [];
    private QuietEngine _engine = null!;
    private Service _service = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _engine = await QuietEngine.StartAsync();
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DOCKER_SOCKET"] = _engine.Socket,
            ["RUNTIME_RESYNC_SECONDS"] = $"{Seconds}",
        });
        foreach (var number in Enumerable.Range(0, Runtimes))
        {
            _ids.Add((await _service.Api.DeployAsync(Requests.FromCatalog($"quiet-{number}"))).Id);
        }

        foreach (var id in _ids)
        {
            await _service.Api.UntilAsync(id, "connected");
        }
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _engine.DisposeAsync();
    }

    [Test]
    [Order(1)]
    public async Task Settled_records_cost_one_list_a_kind_and_one_inspect_a_container_and_no_write()
    {
        // What a deployment leaves to remember (a fresh start, a drained route) is written once more before all is still.
        var rows = await StillAsync();
        var seen = await ResyncsAsync(2);

        var between = seen.SkipWhile(line => !IsListOfAll(line)).Skip(1).TakeWhile(line => !IsListOfAll(line)).ToList();
        between.Should().OnlyContain(line => line.StartsWith("GET ", StringComparison.Ordinal), "nothing is changed");
        between.Count(line => line.StartsWith("GET /containers/", StringComparison.Ordinal) && !line.Contains("/mcp-guard-", StringComparison.Ordinal))
            .Should().Be(Runtimes, $"one inspect a container:\n{string.Join('\n', between)}");
        between.Count(line => line.StartsWith("GET /networks", StringComparison.Ordinal)).Should().BeLessThanOrEqualTo(1);
        between.Count(line => line.StartsWith("GET /volumes", StringComparison.Ordinal)).Should().BeLessThanOrEqualTo(1);
        between.Count(line => line.StartsWith("GET /images/json", StringComparison.Ordinal)).Should().BeLessThanOrEqualTo(2, "one of images, one of what builds left behind");
        (await RevisionsAsync()).Should().Be(rows, "a resync of what is settled writes no status");
    }

    [Test]
    [Order(2)]
    public async Task Without_events_a_killed_an_edited_and_a_removed_container_are_repaired_within_one_resync()
    {
        var (killed, edited, removed) = (await ContainerAsync(0), await ContainerAsync(1), await ContainerAsync(2));
        var pids = (await Engine.Local.InspectAsync(edited))["HostConfig"]!["PidsLimit"]!.GetValue<long>();
        await Engine.Local.KillContainerAsync(killed);
        await Engine.Local.PostAsync($"/containers/{edited}/update", new JsonObject { ["PidsLimit"] = pids + 7 });
        await Engine.Local.RemoveContainerAsync(removed);

        var one = TimeSpan.FromSeconds((Seconds * 1.1) + 3);
        await Eventually.TrueAsync(
            async () => await RunsAsync(0) && await RunsAsync(2) && (await Engine.Local.TheContainerAsync(_ids[1]))["HostConfig"]!["PidsLimit"]!.GetValue<long>() == pids,
            one,
            "all three are as recorded");

        foreach (var id in _ids)
        {
            await _service.Api.UntilAsync(id, "connected");
        }
    }

    private static bool IsListOfAll(string line) =>
        line.StartsWith("GET /containers/json", StringComparison.Ordinal)
        && Uri.UnescapeDataString(line) is var plain
        && plain.Contains(Engine.InstanceLabel, StringComparison.Ordinal)
        && !plain.Contains(Engine.RecordLabel, StringComparison.Ordinal);

    /// <returns>What was asked of the engine meanwhile.</returns>
    private async Task<IReadOnlyList<string>> ResyncsAsync(int count)
    {
        var before = _engine.Requests.Count;
        await Eventually.TrueAsync(
            () => Task.FromResult(_engine.Requests.Skip(before).Count(IsListOfAll) >= count), TimeSpan.FromSeconds(Seconds * (count + 1) * 2), $"{count} resyncs");
        return [.. _engine.Requests.Skip(before)];
    }

    private async Task<string> StillAsync()
    {
        var before = "";
        await Eventually.TrueAsync(
            async () =>
            {
                var last = before;
                await ResyncsAsync(1);
                before = await RevisionsAsync();
                return last == before;
            },
            TimeSpan.FromSeconds(90),
            "nothing is written any more");
        return before;
    }

    private async Task<string> RevisionsAsync()
    {
        var answer = (await _service.Api.GetAsync("/runtimes?limit=100")).Expect(System.Net.HttpStatusCode.OK);
        return string.Join(' ', answer.Body!["runtimes"]!.AsArray().Select(runtime => runtime!["last_status_check"]?.ToString()));
    }

    private async Task<string> ContainerAsync(int number) => (await Engine.Local.TheContainerAsync(_ids[number]))["Id"]!.GetValue<string>();

    private async Task<bool> RunsAsync(int number) =>
        await Engine.Local.OfRecordAsync(_ids[number]) is [var only] && only["State"]!.GetValue<string>() == "running";
}
