using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>An engine that goes away and comes back; it is the test's own, since the other is shared.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class EngineOutageTests
{
    [Test]
    public async Task An_engine_stopped_and_started_again_heals_by_itself_and_nothing_is_deleted_meanwhile()
    {
        await using var engine = await PrivateEngine.StartAsync(Requests.Sample);
        await using var service = await Service.StartAsync(engine: engine.Engine);
        var id = (await service.Api.DeployAsync(Requests.FromCatalog("patient"))).Id;
        await service.Api.UntilAsync(id, "connected");
        var container = (await engine.Engine.TheContainerAsync(id))["Id"]!.GetValue<string>();

        await engine.StopAsync();
        var away = await service.Api.UntilAsync(id, shown => shown.Status != "connected" || shown.Body["error_message"] is not null, "the outage shows");
        away.Status.Should().NotBe("deleted");
        (await service.Api.GetAsync("/runtimes/backends")).Text.Should().Contain("\"reachable\":false");

        // What is asked while the engine is away is not lost.
        var other = (await service.Api.DeployAsync(Requests.FromCatalog("latecomer"))).Id;

        await engine.StartAgainAsync();
        await service.Api.UntilAsync(id, "connected");
        await service.Api.UntilAsync(other, "connected");
        (await engine.Engine.TheContainerAsync(id))["Id"]!.GetValue<string>().Should().Be(container, "it was started again, not made anew");
        (await McpClients.CallAsync(service.Api.Mcp("patient"), service.Api.Token, "echo", ("message", "back"))).Should().Be("back");
    }
}
