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

        await using var calling = Calling.Start(second.Api.Mcp("undisturbed"), second.Api.Token);
        await first.KillAsync();
        var watch = Stopwatch.StartNew();
        var later = (await second.Api.DeployAsync(Requests.FromCatalog("taken-over"))).Id;
        await second.Api.UntilAsync(later, shown => shown.Status != "pending", "the standby acts", TimeSpan.FromSeconds(20));
        TestContext.Out.WriteLine($"taken over after {watch.Elapsed.TotalSeconds:0.0} s");
        await second.Api.UntilAsync(later, "connected");

        (await calling.StopAsync()).Should().BePositive("a client called on throughout, and every call was answered");
        (await Engine.Local.TheContainerAsync(running))["Id"]!.GetValue<string>().Should().Be(container);
        await first.StartAgainAsync();
    }

    [Test]
    public async Task A_leader_that_was_stopped_for_longer_than_its_lease_wakes_up_as_a_standby()
    {
        await using var first = await Service.StartAsync(_settings);
        await using var second = await first.StartTwinAsync();
        var running = (await first.Api.DeployAsync(Requests.FromCatalog("slept-through"))).Id;
        await first.Api.UntilAsync(running, "connected");

        await first.FreezeAsync();
        var later = (await second.Api.DeployAsync(Requests.FromCatalog("meanwhile"))).Id;
        await second.Api.UntilAsync(later, shown => shown.Status != "pending", "the standby acts", TimeSpan.FromSeconds(30));
        var taken = await _database.QueryAsync("select holder, epoch from leases");
        await first.WakeAsync();

        await Eventually.TrueAsync(
            () => Task.FromResult(first.Output.Any(line => line.Contains("was lost to another process", StringComparison.Ordinal))), TimeSpan.FromSeconds(20), "the old leader sees that it leads no more");
        await second.Api.UntilAsync(later, "connected");
        (await _database.QueryAsync("select holder, epoch from leases")).Should().Be(taken, "the one that took over still leads");
        (await _database.QueryAsync($"select lease_epoch from runtime_status where runtime_id = '{later}'")).Should().Be(taken[(taken.IndexOf('|') + 1)..], "only the new leader has written");
        (await Engine.Local.OfRecordAsync(later)).Should().ContainSingle();
        (await McpClients.CallAsync(first.Api.Mcp("meanwhile"), first.Api.Token, "echo", ("message", "both serve"))).Should().Be("both serve");
    }

    [Test]
    public async Task A_leader_that_is_asked_to_go_hands_over_while_a_call_is_still_under_way_and_the_call_is_answered()
    {
        await using var first = await Service.StartAsync(_settings);
        await using var second = await first.StartTwinAsync();
        var id = (await first.Api.DeployAsync(Requests.FromCatalog("busy", "server-everything"))).Id;
        await first.Api.UntilAsync(id, "connected");
        await using var client = await McpClients.ConnectAsync(first.Api.Mcp("busy"), first.Api.Token);
        var call = McpClients.CallAsync(client, "trigger-long-running-operation", ("duration", 10), ("steps", 2));
        await Eventually.TrueAsync(async () => (await first.Api.GetAsync("/metrics")).Text.Contains("mcpruntime_gateway", StringComparison.Ordinal), TimeSpan.FromSeconds(5), "the gateway counts");

        var leaving = first.TerminateAsync();
        var later = (await second.Api.DeployAsync(Requests.FromCatalog("handed-early"))).Id;
        await second.Api.UntilAsync(later, shown => shown.Status != "pending", "the standby acts", TimeSpan.FromSeconds(5));
        call.IsCompleted.Should().BeFalse("the hand-over does not wait for the gateway");

        (await call.WaitAsync(TimeSpan.FromSeconds(30))).Should().Contain("completed");
        (await leaving).Should().Be(0, "SIGTERM is a clean end");
        await second.Api.UntilAsync(later, "connected");
        await first.StartAgainAsync();
    }

    [Test]
    public async Task A_leader_that_is_asked_to_go_hands_over_within_hands_over_within_three_seconds()
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

    /// <summary>A client that calls again and again, and fails with the first call that does.</summary>
    private sealed class Calling : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task<int> _calls;

        private Calling(Uri endpoint, string token) => _calls = CallAsync(endpoint, token);

        public static Calling Start(Uri endpoint, string token) => new(endpoint, token);

        /// <returns>How many calls were answered.</returns>
        public async Task<int> StopAsync()
        {
            await _stop.CancelAsync();
            return await _calls;
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await ((Task)_calls).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _stop.Dispose();
        }

        private async Task<int> CallAsync(Uri endpoint, string token)
        {
            await using var client = await McpClients.ConnectAsync(endpoint, token);
            var answered = 0;
            for (; !_stop.IsCancellationRequested; answered++)
            {
                (await McpClients.CallAsync(client, "echo", ("message", "on"))).Should().Be("on");
            }

            return answered;
        }
    }
}
