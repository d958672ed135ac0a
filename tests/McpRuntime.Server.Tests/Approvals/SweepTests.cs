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
            var statement = query[query.IndexOf("SELECT", StringComparison.Ordinal)..].Replace("@now", "1", StringComparison.Ordinal);
            var plan = await House.Get<Database>().ReadAsync((db, ct) => PlanAsync(db, statement, ct), Ct);
            plan.Should().Contain(index).And.NotContain("SCAN");
        }
    }

    private static async Task<string> PlanAsync(Server.Records.Model.RecordsDb db, string statement, CancellationToken ct)
    {
        await db.Database.OpenConnectionAsync(ct);
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = $"EXPLAIN QUERY PLAN {statement}";
        await using var reader = await command.ExecuteReaderAsync(ct);
        var plan = "";
        while (await reader.ReadAsync(ct))
        {
            plan += reader.GetString(3) + "\n";
        }

        return plan;
    }
}
