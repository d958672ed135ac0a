using System.Diagnostics;
using System.Security.Cryptography;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Two processes on one PostgreSQL: one acts, the other stands by and takes over.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class StandbyTests
{
    private PostgresCluster _database = null!;
    private Dictionary<string, string> _settings = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _database = await PostgresCluster.StartAsync();
        _settings = new(StringComparer.Ordinal)
        {
            ["RUNTIME_DATABASE_URL"] = _database.Url,
            ["RUNTIME_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        };
    }

    [TearDown]
    public async Task StopAsync() => await _database.DisposeAsync();

    [Test]
    public async Task A_standby_takes_over_from_a_killed_leader_and_nothing_that_runs_is_disturbed()
    {
        await using var first = await Service.StartAsync(_settings);
        await using var second = await first.StartTwinAsync();
        var running = (await first.Api.DeployAsync(Requests.FromCatalog("undisturbed"))).Id;
        await first.Api.UntilAsync(running, "connected");
        var container = (await Engine.Local.TheContainerAsync(running))["Id"]!.GetValue<string>();
        (await McpClients.CallAsync(second.Api.Mcp("undisturbed"), second.Api.Token, "echo", ("message", "both serve"))).Should().Be("both serve");

        await first.KillAsync();
        var watch = Stopwatch.StartNew();
        var later = (await second.Api.DeployAsync(Requests.FromCatalog("taken-over"))).Id;
        await second.Api.UntilAsync(later, shown => shown.Status != "pending", "the standby acts", TimeSpan.FromSeconds(20));
        TestContext.Out.WriteLine($"taken over after {watch.Elapsed.TotalSeconds:0.0} s");
        await second.Api.UntilAsync(later, "connected");

        (await McpClients.CallAsync(second.Api.Mcp("undisturbed"), second.Api.Token, "echo", ("message", "through the other"))).Should().Be("through the other");
        (await Engine.Local.TheContainerAsync(running))["Id"]!.GetValue<string>().Should().Be(container);
        await first.StartAgainAsync();
    }

    [Test]
    public async Task A_leader_that_is_asked_to_go_hands_over_within_three_seconds()
    {
        await using var first = await Service.StartAsync(_settings);
        await using var second = await first.StartTwinAsync();
        var id = (await first.Api.DeployAsync(Requests.FromCatalog("handed-over"))).Id;
        await first.Api.UntilAsync(id, "connected");

        var leaving = first.TerminateAsync();
        var watch = Stopwatch.StartNew();
        var later = (await second.Api.DeployAsync(Requests.FromCatalog("handed-on"))).Id;
        await second.Api.UntilAsync(later, shown => shown.Status != "pending", "the standby acts", TimeSpan.FromSeconds(5));
        TestContext.Out.WriteLine($"handed over after {watch.Elapsed.TotalSeconds:0.0} s");
        (await leaving).Should().Be(0, "SIGTERM is a clean end");
        await second.Api.UntilAsync(later, "connected");
        await first.StartAgainAsync();
    }
}
