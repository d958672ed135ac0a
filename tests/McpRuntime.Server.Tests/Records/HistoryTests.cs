using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class HistoryTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [Test]
    public async Task What_is_past_its_retention_time_goes_however_much_it_is_and_the_rest_stays()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("old"), Ct)).Runtime.Id;
        await FillAsync(id, count: (2 * History.AtATime) + 5);
        Clock.Advance(TimeSpan.FromDays(91));
        await House.Door.StopAsync(Given.Ann, id, Ct);

        await House.Get<History>().SweepAsync(Ct);

        var events = (await House.Queries.EventsAsync(Given.Admin, id, null, 500, Ct)).Events;
        events.Should().ContainSingle("only the stop is younger than 90 days").Which.Kind.Should().Be("StopRequested");
        (await AuditAsync()).Should().Contain("runtime.stop").And.Contain("noise", "the audit is kept for a year");

        Clock.Advance(TimeSpan.FromDays(300));
        await House.Door.StartAsync(Given.Ann, id, Ct);
        await House.Get<History>().SweepAsync(Ct);

        (await AuditAsync()).Should().NotContain("noise").And.Contain("runtime.start");
        (await House.Store.FindAsync(id, Ct)).Should().NotBeNull("a record is no history");
    }

    [Test]
    public async Task Without_a_retention_time_nothing_goes()
    {
        var house = await AnotherAsync(change: options => options with { EventRetention = null, AuditRetention = null });
        var id = (await house.Door.PutAsync(Given.Ann, Given.Create("kept"), Ct)).Runtime.Id;
        Clock.Advance(TimeSpan.FromDays(3000));

        await house.Get<History>().SweepAsync(Ct);

        (await house.Queries.EventsAsync(Given.Admin, id, null, 500, Ct)).Events.Should().NotBeEmpty();
    }

    [Test]
    public async Task The_sweep_reads_an_index_and_not_the_table()
    {
        await using var db = House.Get<Func<RecordsDb>>()();
        foreach (var table in new[] { "events", "audit" })
        {
            var plan = await PlanAsync(db, $"SELECT at FROM {table} WHERE at < 5 ORDER BY at LIMIT 1000");
            plan.Should().Contain($"ix_{table}_at");
        }
    }

    private static async Task<string> PlanAsync(RecordsDb db, string query)
    {
        await db.Database.OpenConnectionAsync();
        await using var command = db.Database.GetDbConnection().CreateCommand();

        // PostgreSQL would read so small a table whole.
        command.CommandText = IsSqlite ? $"EXPLAIN QUERY PLAN {query}" : $"SET enable_seqscan = off; EXPLAIN {query}";
        await using var rows = await command.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await rows.ReadAsync())
        {
            lines.Add(rows.GetValue(rows.FieldCount - 1).ToString()!);
        }

        return string.Join('\n', lines);
    }

    private async Task FillAsync(string id, int count)
    {
        await using var db = House.Get<Func<RecordsDb>>()();
        var at = Clock.GetUtcNow().ToUnixTimeMilliseconds();
        for (var index = 0; index < count; index++)
        {
            db.Events.Add(new EventRow { RuntimeId = id, Sequence = 1000 + index, At = at, Kind = "Noise", Message = "", Actor = "" });
            db.Audit.Add(new AuditRow { At = at, Subject = "", Source = "", Action = "noise", Target = "", Outcome = "ok" });
        }

        await db.SaveChangesAsync();
    }

    private async Task<IReadOnlyList<string>> AuditAsync() => [.. (await House.Get<IAuditLog>().ListAsync(null, 100_000, Ct)).Select(entry => entry.Action).Distinct(StringComparer.Ordinal)];
}
