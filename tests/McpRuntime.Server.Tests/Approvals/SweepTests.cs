using System.Runtime.CompilerServices;
using McpRuntime.Core.Records;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Approvals;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class SweepTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private ApprovalSweep Sweep => House.Get<ApprovalSweep>();

    [Test]
    public async Task What_nobody_decides_on_expires_and_says_so()
    {
        var id = await House.AskAsync("one");
        var approval = await House.PendingAsync(id);
        Clock.Advance(TimeSpan.FromHours(47));
        await Sweep.RunAsync(Ct);
        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Pending);

        Clock.Advance(TimeSpan.FromHours(1));
        (await House.DecideAsync(Waiting.Carol, approval.Id, true).RefusedAsync()).Title.Should().Be("Expired", "not swept yet, and over all the same");
        await Sweep.RunAsync(Ct);

        var asked = (await House.RecordAsync(id)).Asked;
        (asked.State, asked.FailedReason).Should().Be((RevisionState.Failed, "Expired"));
        (await House.Queries.FindAsync(Given.Ann, id, Ct))!.ApprovalStatus.Should().Be("expired");
        (await House.EventsAsync(id)).Should().EndWith("ApprovalExpired");
        (await House.Get<IAuditLog>().ListAsync(null, 1, Ct)).Should().ContainSingle(entry => entry.Action == "approval.expire" && entry.Subject == "system");
        House.Woken.Ids.Should().EndWith(id);
    }

    [Test]
    public async Task At_half_time_somebody_is_told_once()
    {
        House.Approvals = Waiting.Policy() with { Notifies = true };
        var id = await House.AskAsync("one");
        Clock.Advance(TimeSpan.FromHours(24));

        await Sweep.RunAsync(Ct);
        await Sweep.RunAsync(Ct);

        (await House.EventsAsync(id)).Count(kind => kind == "ApprovalEscalated").Should().Be(1);
        var told = await House.Get<Database>().ReadAsync((db, ct) => db.Webhooks.Select(row => row.Body).ToListAsync(ct), Ct);
        told.Should().HaveCount(2);
        told.Should().ContainSingle(body => body.Contains("approval.requested")).And.ContainSingle(body => body.Contains("approval.escalated"));
    }

    [Test]
    public async Task What_is_decided_is_neither_escalated_nor_expired()
    {
        var id = await House.AskAsync("one");
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, true);
        Clock.Advance(TimeSpan.FromHours(100));

        (await Sweep.RunAsync(Ct)).Should().Be(TimeSpan.Zero);

        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Admitted);
        (await House.EventsAsync(id)).Should().NotContain(["ApprovalEscalated", "ApprovalExpired"]);
    }

    [Test]
    public async Task Only_the_leader_sweeps()
    {
        var id = await House.AskAsync("one");
        Clock.Advance(TimeSpan.FromHours(48));
        var other = await AnotherAsync();
        other.Approvals = House.Approvals;

        await other.Get<ApprovalSweep>().RunAsync(Ct);

        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Pending);
    }

    [Test]
    public async Task The_age_is_that_of_the_oldest_that_waits()
    {
        await House.AskAsync("one");
        Clock.Advance(TimeSpan.FromHours(2));
        await House.AskAsync("two");
        Clock.Advance(TimeSpan.FromHours(1));

        (await Sweep.RunAsync(Ct)).Should().Be(TimeSpan.FromHours(3));
    }

    [Test]
    public async Task What_is_due_is_found_by_index_and_not_by_looking_through_records()
    {
        var queries = await House.Get<Database>().ReadAsync(
            (db, _) => Task.FromResult(new[] { ApprovalSweep.Overdue(db, 1).ToQueryString(), ApprovalSweep.Unheard(db, 1).ToQueryString() }), Ct);
        if (!IsSqlite)
        {
            // PostgreSQL scans a small table whatever its indexes are.
            return;
        }

        foreach (var (query, index) in queries.Zip(["ix_approvals_status", "ix_approvals_escalate"]))
        {
            var plan = await House.Get<Database>().ReadAsync((db, ct) => PlanAsync(db, query, ct), Ct);
            plan.Should().Contain(index).And.NotContain("SCAN");
        }
    }

    [Test]
    public async Task Ten_thousand_that_wait_are_swept_by_index_and_only_what_is_due_is_read()
    {
        const int Waits = 10_000;
        const int Due = 120;
        var id = await House.AskAsync("one");
        var pending = await House.PendingAsync(id);
        var database = House.Get<Database>();
        await database.WriteAsync((db, ct) => MultiplyAsync(db, pending.Id, Waits, ct), Ct);
        await database.WriteAsync((db, ct) => db.Database.ExecuteSqlRawAsync("ANALYZE", ct), Ct);
        await House.LeadAsync();

        var watch = System.Diagnostics.Stopwatch.StartNew();
        await Sweep.RunAsync(Ct);
        var idle = watch.Elapsed;
        Clock.Advance(TimeSpan.FromHours(48) + TimeSpan.FromSeconds(Due));
        watch.Restart();
        await Sweep.RunAsync(Ct);
        TestContext.Out.WriteLine($"{typeof(TKind).Name}: {Waits} wait: a sweep with nothing due {idle.TotalMilliseconds:0.0} ms, with {Due + 1} due {watch.Elapsed.TotalMilliseconds:0.0} ms");

        var left = await database.ReadAsync((db, ct) => db.Approvals.CountAsync(a => a.Status == ApprovalStatus.Pending, ct), Ct);
        left.Should().Be(Waits - Due, "the first of them and the one they were copied from are over");
        var now = Clock.GetUtcNow().ToUnixTimeMilliseconds();
        var plan = await database.ReadAsync((db, ct) => PlanAsync(db, ApprovalSweep.Overdue(db, now).Take(50).ToQueryString(), ct), Ct);
        plan.Should().Contain("ix_approvals_status").And.NotContain("SCAN approvals").And.NotContain("Seq Scan");
    }

    /// <summary>Copies of one request, each over a second after the one before it; their halves are told of already.</summary>
    private static Task<int> MultiplyAsync(Server.Records.Model.RecordsDb db, string id, int times, CancellationToken ct)
    {
        var columns = db.Model.FindEntityType(typeof(Server.Records.Model.ApprovalRow))!.GetProperties().Select(p => p.GetColumnName()).ToArray();
        var values = columns.Select(c => c switch { "id" => "id || '-' || n", "expires_at" => "expires_at + 1000 * n", "escalate_at" => "NULL", _ => c });
        var statement = FormattableStringFactory.Create(
            $"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {{0}}) "
            + $"INSERT INTO approvals ({string.Join(", ", columns)}) SELECT {string.Join(", ", values)} FROM approvals, numbers WHERE id = {{1}}",
            times,
            id);
        return db.Database.ExecuteSqlAsync(statement, ct);
    }

    /// <param name="query">As it is printed: its parameters' values are put in as numbers.</param>
    private static async Task<string> PlanAsync(Server.Records.Model.RecordsDb db, string query, CancellationToken ct)
    {
        var statement = System.Text.RegularExpressions.Regex.Replace(query[query.IndexOf("SELECT", StringComparison.Ordinal)..], "@\\w+", "50", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
        await db.Database.OpenConnectionAsync(ct);
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = $"EXPLAIN {(IsSqlite ? "QUERY PLAN " : "")}{statement}";
        await using var reader = await command.ExecuteReaderAsync(ct);
        var plan = "";
        while (await reader.ReadAsync(ct))
        {
            plan += reader.GetString(IsSqlite ? 3 : 0) + "\n";
        }

        return plan;
    }
}
