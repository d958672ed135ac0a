using System.Globalization;
using System.Net;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>kill -9 of the real process at moments that a seed chooses.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class SurvivalTests
{
    private const string Name = "survivor";
    private const int Rounds = 5;

    /// <summary>Long enough to reach every step of each operation, so that a uniform choice falls on all of them.</summary>
    private static readonly TimeSpan LatestMoment = TimeSpan.FromSeconds(2.5);

    [Test]
    public async Task A_service_killed_at_any_of_twenty_moments_leaves_the_world_as_recorded()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("MCPRUNTIME_SEED"), CultureInfo.InvariantCulture, out var given) ? given : Environment.TickCount;
        TestContext.Out.WriteLine($"MCPRUNTIME_SEED={seed}");
        var chance = new Random(seed);
        await using var service = await Service.StartAsync();
        for (var round = 0; round < Rounds; round++)
        {
            await LiveOnceAsync(service, chance, round);
        }
    }

    private static async Task LiveOnceAsync(Service service, Random chance, int round)
    {
        var api = service.Api;
        var id = (await api.DeployAsync(Requests.FromCatalog(Name, environment: ("ROUND", "deployed")))).Id;
        await KillAndRestartAsync(service, chance, $"deploy {round}");
        await ServesAloneAsync(api, id, "ROUND");

        var generation = (await api.FindAsync(id)).Generation;
        (await api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", Requests.FromCatalog(Name, environment: ("UPDATED", "yes")))).Expect(HttpStatusCode.OK);
        await KillAndRestartAsync(service, chance, $"update {round}");
        (await api.FindAsync(id)).Generation.Should().Be(generation + 1, "an accepted write is never lost, nor done twice");
        await ServesAloneAsync(api, id, "UPDATED");

        (await api.CommandAsync(id, "stop")).Expect(HttpStatusCode.Accepted);
        await KillAndRestartAsync(service, chance, $"stop {round}");
        await api.UntilAsync(id, "stopped");
        (await Engine.Local.OfRecordAsync(id)).Should().BeEmpty();

        (await api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await KillAndRestartAsync(service, chance, $"delete {round}");
        await api.UntilAsync(id, "deleted");
        (await Leftovers.OfRecordAsync(id)).Should().BeEmpty();
    }

    private static async Task KillAndRestartAsync(Service service, Random chance, string what)
    {
        var moment = LatestMoment * chance.NextDouble();
        TestContext.Out.WriteLine($"{what}: killed after {moment.TotalMilliseconds:0} ms");
        await Task.Delay(moment, TimeProvider.System);
        await service.KillAsync();
        await service.StartAgainAsync();
    }

    private static async Task ServesAloneAsync(RuntimeApi api, string id, string variable)
    {
        await api.UntilAsync(id, shown => shown.IsCurrent, "the asked generation serves");
        await Eventually.TrueAsync(
            async () => await Engine.Local.OfRecordAsync(id) is [var only] && only["State"]!.GetValue<string>() == "running",
            TimeSpan.FromSeconds(30),
            "one container, running");
        (await Engine.Local.NetworksAsync($"{Engine.RecordLabel}={id}")).Should().ContainSingle();
        (await McpClients.CallAsync(api.Mcp(Name), api.Token, "environment_names")).Should().Contain(variable);
    }
}
