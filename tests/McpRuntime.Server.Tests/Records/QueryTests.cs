using System.Diagnostics;
using System.Globalization;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class QueryTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private static readonly RuntimeFilter All = new(null, null, false, null, null, null, 100, 0, null);

    [Test]
    public async Task A_list_is_newest_first_and_a_cursor_goes_on_where_it_ended()
    {
        for (var number = 0; number < 7; number++)
        {
            await House.Door.PutAsync(Given.Ann, Given.Create($"r{number}"), Ct);
            Clock.Advance(TimeSpan.FromSeconds(1));
        }

        var first = await House.Queries.ListAsync(Given.Ann, All with { Limit = 3 }, Ct);
        first.Runtimes.Select(view => view.Name).Should().Equal("r6", "r5", "r4");
        first.Total.Should().Be(7);
        await House.Door.PutAsync(Given.Ann, Given.Create("new"), Ct);
        var second = await House.Queries.ListAsync(Given.Ann, All with { Limit = 3, Cursor = first.NextCursor }, Ct);
        second.Runtimes.Select(view => view.Name).Should().Equal("r3", "r2", "r1");
        var last = await House.Queries.ListAsync(Given.Ann, All with { Limit = 3, Cursor = second.NextCursor }, Ct);
        last.Runtimes.Select(view => view.Name).Should().Equal("r0");
        last.NextCursor.Should().BeNull();
        (await House.Queries.ListAsync(Given.Ann, All with { Limit = 2, Offset = 6 }, Ct)).Runtimes.Select(view => view.Name).Should().Equal("r1", "r0");
        (await House.Queries.ListAsync(Given.Ann, All with { Cursor = "nonsense" }, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Invalid);
    }

    [Test]
    public async Task A_list_shows_each_caller_what_is_theirs_to_see()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("public")), Ct);
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("blue") with { TeamId = "blue", Visibility = "team" }), Ct);
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("private") with { Visibility = "private" }), Ct);

        (await NamesAsync(Given.Ann, All)).Should().BeEquivalentTo("public", "blue", "private");
        (await NamesAsync(Given.Admin, All)).Should().BeEquivalentTo("public", "blue", "private");
        (await NamesAsync(Given.Bob, All)).Should().BeEquivalentTo("public");
        (await House.Queries.ListAsync(Given.Bob, All, Ct)).Total.Should().Be(1, "a total must not tell what a list hides");
        (await House.Queries.FindAsync(Given.Bob, "blue", Ct)).Should().BeNull();
        (await House.Queries.EventsAsync(Given.Bob, (await House.Queries.FindAsync(Given.Ann, "blue", Ct))!.Id, null, 10, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
    }

    [Test]
    public async Task Filters_choose_by_status_owner_team_tag_and_backend()
    {
        var lease = await House.LeadAsync();
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("tagged") with { Tags = ["x", "y"], TeamId = "blue" }), Ct);
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("cluster") with { Backend = "kubernetes" }), Ct);
        var gone = (await House.Door.PutAsync(Given.Ann, Given.Create("gone"), Ct)).Runtime.Id;
        await House.Door.DeleteAsync(Given.Ann, gone, false, null, Ct);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(gone), RuntimeStatus.Deleted) with { Entomb = true }, lease, Ct);
        var running = (await House.Queries.FindAsync(Given.Ann, "tagged", Ct))!.Id;
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(running), RuntimeStatus.Running), lease, Ct);

        (await NamesAsync(Given.Ann, All)).Should().BeEquivalentTo("tagged", "cluster");
        (await NamesAsync(Given.Ann, All with { Tag = "x" })).Should().BeEquivalentTo("tagged");
        (await NamesAsync(Given.Ann, All with { TeamId = "blue" })).Should().BeEquivalentTo("tagged");
        (await NamesAsync(Given.Ann, All with { Backend = "kubernetes" })).Should().BeEquivalentTo("cluster");
        (await NamesAsync(Given.Ann, All with { Owner = "git:x" })).Should().BeEmpty();
        (await NamesAsync(Given.Ann, All with { Status = RuntimeStatus.Running })).Should().BeEquivalentTo("tagged");
        (await NamesAsync(Given.Ann, All with { Status = RuntimeStatus.Deleted })).Should().BeEquivalentTo("gone");
        (await NamesAsync(Given.Ann, All with { IncludeDeleted = true })).Should().BeEquivalentTo("tagged", "cluster", "gone");
    }

    [Test]
    public async Task A_tag_that_was_taken_away_is_no_longer_found()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one") with { Tags = ["old", "both"] }), Ct);
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one") with { Tags = ["both", "new"] }), Ct);

        (await NamesAsync(Given.Ann, All with { Tag = "old" })).Should().BeEmpty();
        (await NamesAsync(Given.Ann, All with { Tag = "both" })).Should().Equal("one");
    }

    [Test]
    public async Task A_wait_sees_what_another_process_wrote()
    {
        var lease = await House.LeadAsync();
        var other = await AnotherAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        var wait = other.Queries.WaitAsync(Given.Ann, id, view => view.Status == RuntimeStatus.Running, TimeSpan.FromSeconds(20), Ct);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(id), RuntimeStatus.Running), lease, Ct);

        (await wait)!.Status.Should().Be(RuntimeStatus.Running);
    }

    [Test]
    public async Task A_wait_ends_in_time_with_what_is_there()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;

        var view = await House.Queries.WaitAsync(Given.Ann, id, _ => false, TimeSpan.FromMilliseconds(250), Ct);

        view!.Status.Should().Be(RuntimeStatus.Pending);
    }

    [Test]
    public async Task A_requested_turn_is_answered_by_a_later_status_however_little_changed()
    {
        var lease = await House.LeadAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(id)), lease, Ct);

        var asked = await House.Queries.RequestTurnAsync(id, Ct);
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().Equal(id);
        (await House.Queries.FindAsync(Given.Ann, id, Ct))!.CommandsObserved.Should().BeFalse();
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(id)), lease, Ct);

        var view = await House.Queries.WaitAsync(Given.Ann, id, view => view.StatusRevision > asked, TimeSpan.FromSeconds(5), Ct);
        view!.StatusRevision.Should().BeGreaterThan(asked);
        view.CommandsObserved.Should().BeTrue();
    }

    [Test]
    public async Task A_page_of_ten_thousand_comes_quickly_and_due_rows_too()
    {
        await FillAsync(10_000);
        await House.Queries.ListAsync(Given.Ann, All, Ct);
        await House.Store.DueAsync(Clock.GetUtcNow(), 100, Ct);

        var best = new[] { TimeSpan.MaxValue, TimeSpan.MaxValue };
        for (var round = 0; round < 10; round++)
        {
            var list = Stopwatch.StartNew();
            (await House.Queries.ListAsync(Given.Ann, All, Ct)).Total.Should().Be(10_000);
            best[0] = list.Elapsed < best[0] ? list.Elapsed : best[0];
            var due = Stopwatch.StartNew();
            (await House.Store.DueAsync(Clock.GetUtcNow(), 100, Ct)).Should().BeEmpty();
            best[1] = due.Elapsed < best[1] ? due.Elapsed : best[1];
        }

        TestContext.Out.WriteLine($"100 of 10,000: {best[0].TotalMilliseconds:F1} ms; due: {best[1].TotalMilliseconds:F1} ms");

        // Generous: it must not fail on a busy machine, and a missing index costs a hundred times as much.
        best[0].Should().BeLessThan(TimeSpan.FromMilliseconds(400));
        best[1].Should().BeLessThan(TimeSpan.FromMilliseconds(50));
    }

    private async Task<IEnumerable<string>> NamesAsync(Caller caller, RuntimeFilter filter) =>
        (await House.Queries.ListAsync(caller, filter, Ct)).Runtimes.Select(view => view.Name);

    /// <summary>Copies of one real record, written past the door: what is measured is the reading.</summary>
    private async Task FillAsync(int count)
    {
        var lease = await House.LeadAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("r0"), Ct)).Runtime.Id;
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(id), RuntimeStatus.Connected), lease, Ct);
        await House.Get<Database>().WriteAsync(
            async (db, ct) =>
            {
                var many = string.Create(CultureInfo.InvariantCulture, $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1})");
                const string Id = "CAST(1000000000 + i AS text) || 'abcdefghjkmnpqrs'";
                var written = await db.Database.ExecuteSqlRawAsync(Copy<RuntimeRow>(db, many, (nameof(RuntimeRow.Id), Id), (nameof(RuntimeRow.Name), "'r' || CAST(i AS text)")), ct);
                await db.Database.ExecuteSqlRawAsync(Copy<RevisionRow>(db, many, (nameof(RevisionRow.RuntimeId), Id)), ct);
                await db.Database.ExecuteSqlRawAsync(Copy<StatusRow>(db, many, (nameof(StatusRow.RuntimeId), Id)), ct);
                await SealAsync(db, id, ct);

                // What autovacuum does within a minute.
                await db.Database.ExecuteSqlRawAsync("ANALYZE", ct);
                return written;
            },
            Ct);
    }

    /// <summary>A spec opens under its own record's id alone.</summary>
    private async Task SealAsync(RecordsDb db, string original, CancellationToken ct)
    {
        var vault = House.Get<SpecVault>();
        var rows = await db.Revisions.AsTracking().ToListAsync(ct);
        var spec = vault.Open(original, rows.Single(row => row.RuntimeId == original).Spec);
        foreach (var row in rows)
        {
            row.Spec = vault.Close(row.RuntimeId, spec);
        }

        await db.SaveChangesAsync(ct);
        db.ChangeTracker.Clear();
    }

    /// <summary>INSERT … SELECT of every column of the one row there is, but those that are given.</summary>
    private static string Copy<T>(RecordsDb db, string many, params (string Property, string Value)[] other)
        where T : class
    {
        var type = db.Model.FindEntityType(typeof(T))!;
        var properties = type.GetProperties().ToList();
        var columns = string.Join(", ", properties.Select(property => property.GetColumnName()));
        var values = string.Join(", ", properties.Select(property => Array.Find(other, one => one.Property == property.Name).Value ?? property.GetColumnName()));
        return $"{many} INSERT INTO {type.GetTableName()} ({columns}) SELECT {values} FROM {type.GetTableName()} CROSS JOIN n";
    }
}
