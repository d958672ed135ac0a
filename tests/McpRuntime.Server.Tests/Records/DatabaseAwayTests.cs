using System.Diagnostics;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;

namespace McpRuntime.Server.Tests.Records;

[Category("PostgreSql")]
internal sealed class DatabaseAwayTests
{
    private static readonly CancellationToken Ct = CancellationToken.None;

    [Test]
    public async Task While_PostgreSQL_is_away_every_door_says_so_and_afterwards_everything_goes_on()
    {
        using var cluster = PostgreSqlCluster.OfItsOwn();
        var folder = Directory.CreateTempSubdirectory("mcprt-away-").FullName;
        await using var house = await RecordsHouse.OpenAsync(cluster.NewDatabase(), folder, new SettableClock());
        var id = (await house.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        var routes = house.Get<IRouteTable>();
        var lease = await house.LeadAsync();
        await routes.PutAsync(
            new("r", id, "one", new UpstreamAddress("10.0.0.2", 80), "i", "/mcp", "SSE", "public", null, "ann", [], [], DateTimeOffset.UnixEpoch, "f"),
            Ct);
        await routes.FindAsync("one", Ct);
        var record = await house.RecordAsync(id);

        cluster.Stop("immediate");
        var began = Stopwatch.StartNew();
        Task[] refused =
        [
            house.Door.PutAsync(Given.Ann, Given.Create("two"), Ct),
            house.Door.StopAsync(Given.Ann, id, Ct),
            house.Queries.FindAsync(Given.Ann, id, Ct),
            house.Queries.ListAsync(Given.Ann, new(null, null, false, null, null, null, 10, 0, null), Ct),
            house.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Running), lease, Ct),
            house.Get<ITokenStore>().FindByHashAsync("x", Ct),
        ];
        foreach (var task in refused)
        {
            var refusal = await task.RefusedAsync();
            refusal.Kind.Should().Be(RefusalKind.Unavailable);
            refusal.RetryAfter.Should().Be(TimeSpan.FromSeconds(5));
            refusal.Detail.Should().NotContainAny("127.0.0.1", "postgres");
        }

        began.Elapsed.Should().BeLessThan(TimeSpan.FromSeconds(10));
        (await routes.FindAsync("one", Ct)).Should().NotBeNull("what runs stays reachable");
        (await house.Lease.LookAsync(Ct)).Should().BePositive("a failed renewal is tried again");
        house.Lease.Current.Should().Be(lease, "ten seconds are not over");

        cluster.Start();
        (await house.RecordAsync(id)).Name.Should().Be("one", "dead pooled connections are not met twice");
        (await house.Door.PutAsync(Given.Ann, Given.Create("two"), Ct)).Created.Should().BeTrue();
        (await house.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Running), lease, Ct)).Should().BeTrue();
        Directory.Delete(folder, recursive: true);
    }
}
