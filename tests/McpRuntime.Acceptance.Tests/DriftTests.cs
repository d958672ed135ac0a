using System.Diagnostics;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Hands on the engine, behind the service's back.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class DriftTests
{
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(3);

    private Service _service = null!;
    private string _id = "";
    private string _name = "";

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await Service.StartAsync();

    // A runtime a test: harm done to the same one again and again is backed off, as a fight with an editor should be.
    [SetUp]
    public async Task DeployAsync()
    {
        _name = $"drifter-{TestContext.CurrentContext.Test.ID.Replace('-', 'x')}";
        _id = (await _service.Api.DeployAsync(Requests.FromCatalog(_name))).Id;
        await _service.Api.UntilAsync(_id, "connected");
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public Task A_container_killed_by_hand_runs_again_within_three_seconds() =>
        RepairedAsync(id => Engine.Local.KillContainerAsync(id), container => container["State"]!["Running"]!.GetValue<bool>());

    [Test]
    public Task A_container_paused_by_hand_goes_on_within_three_seconds() =>
        RepairedAsync(id => Engine.Local.PauseAsync(id), container => container["State"]!["Running"]!.GetValue<bool>() && !container["State"]!["Paused"]!.GetValue<bool>());

    [Test]
    public async Task A_limit_edited_by_hand_is_back_within_three_seconds()
    {
        var memory = (await Engine.Local.TheContainerAsync(_id))["HostConfig"]!["Memory"]!.GetValue<long>();
        await RepairedAsync(
            id => Engine.Local.PostAsync($"/containers/{id}/update", new JsonObject { ["Memory"] = memory * 2, ["MemorySwap"] = memory * 2 }),
            container => container["HostConfig"]!["Memory"]!.GetValue<long>() == memory);
    }

    [Test]
    public Task A_container_removed_by_hand_is_there_again_within_three_seconds() =>
        RepairedAsync(id => Engine.Local.RemoveContainerAsync(id), container => container["State"]!["Running"]!.GetValue<bool>());

    [Test]
    public async Task A_container_taken_off_its_network_is_repaired()
    {
        var container = await Engine.Local.TheContainerAsync(_id);
        var network = container["NetworkSettings"]!["Networks"]!.AsObject().Single().Value!["NetworkID"]!.GetValue<string>();
        await Engine.Local.PostAsync($"/networks/{network}/disconnect", new JsonObject { ["Container"] = container["Id"]!.GetValue<string>(), ["Force"] = true });
        await ServesAsync();
    }

    /// <summary>The repair is a fact on the engine; that it was noticed is an event of the record.</summary>
    private async Task RepairedAsync(Func<string, Task> harm, Func<JsonObject, bool> repaired)
    {
        var harmed = await Engine.Local.TheContainerAsync(_id);
        var watch = Stopwatch.StartNew();
        await harm(harmed["Id"]!.GetValue<string>());
        try
        {
            await Eventually.TrueAsync(
                async () => await Engine.Local.OfRecordAsync(_id) is [var only] && await IsAsync(only["Id"]!.GetValue<string>(), repaired),
                Promised,
                "the container is as recorded");
        }
        catch (TimeoutException fault)
        {
            throw new TimeoutException($"{fault.Message}\n{await _service.Api.FindAsync(_id)}", fault);
        }

        TestContext.Out.WriteLine($"repaired after {watch.ElapsedMilliseconds} ms");
        await ServesAsync();
    }

    private async Task ServesAsync()
    {
        await Eventually.TrueAsync(async () => await AnswersAsync(), TimeSpan.FromSeconds(30), "the tool answers again");
        await _service.Api.UntilAsync(_id, "connected");
    }

    private async Task<bool> AnswersAsync()
    {
        try
        {
            return await McpClients.CallAsync(_service.Api.Mcp(_name), _service.Api.Token, "echo", ("message", "here")) == "here";
        }
        catch (Exception fault) when (fault is HttpRequestException or ModelContextProtocol.McpException or IOException)
        {
            return false;
        }
    }

    // The container may go between the list and the look at it.
    private static async Task<bool> IsAsync(string container, Func<JsonObject, bool> repaired)
    {
        try
        {
            return repaired(await Engine.Local.InspectAsync(container));
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
