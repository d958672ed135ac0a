using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class ReportTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [Test]
    public async Task A_report_writes_status_revision_and_events_together()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");
        var at = Clock.GetUtcNow();
        var report = Given.Seen(record, RuntimeStatus.Running, new("ContainerCreated", "made"), new("Promoted", "serves")) with
        {
            Conditions = [new(ConditionType.Available, ConditionStatus.True, "Running", "It runs.", 1, at)],
            Memory = new Memory { Failures = 2, FirstPutAt = at, Attempts = Tried("a", new() { Fingerprint = "f", Effects = 3, LastAt = at }) },
            Display = new Display { Image = "server:1", Restarts = 4 },
            Resolved = (1, Given.Facts()),
            Promoted = 1,
            NextTurnAt = at.AddSeconds(30),
            ErrorMessage = "slow",
        };

        (await House.Store.ReportAsync(report, lease, Ct)).Should().BeTrue();

        var after = await House.RecordAsync(record.Id);
        after.Should().BeEquivalentTo(new { report.Conditions, report.Memory, report.Display, report.ErrorMessage, report.NextTurnAt, report.Status, ServingGeneration = 1L, StatusRevision = 2L });
        after.Serving.Should().BeSameAs(after.Asked);
        after.Asked.State.Should().Be(RevisionState.Serving);
        after.Asked.Facts.Should().Be(Given.Facts());
        after.Asked.FirstPutAt.Should().Be(at);
        var events = (await House.Queries.EventsAsync(Given.Ann, record.Id, after: 1, 10, Ct)).Events;
        events.Select(happened => (happened.Sequence, happened.Kind)).Should().Equal((2L, "ContainerCreated"), (3L, "Promoted"));
    }

    [Test]
    public async Task A_report_based_on_an_older_status_is_not_written()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");
        (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Running), lease, Ct)).Should().BeTrue();

        (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Error, new NewEvent("Late", "late")), lease, Ct)).Should().BeFalse();

        (await House.RecordAsync(record.Id)).Status.Should().Be(RuntimeStatus.Running);
        (await House.Queries.EventsAsync(Given.Ann, record.Id, null, 10, Ct)).Events.Should().NotContain(happened => happened.Kind == "Late");
    }

    [Test]
    public async Task A_stale_leaders_report_is_not_written()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");

        foreach (var stale in new[] { lease with { Epoch = lease.Epoch - 1 }, lease with { Epoch = lease.Epoch + 1 }, lease with { Holder = "another" } })
        {
            (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Error), stale, Ct)).Should().BeFalse();
        }

        await House.Lease.ReleaseAsync(Ct);
        (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Error), lease, Ct)).Should().BeFalse("a released lease is nobody's");
        (await House.RecordAsync(record.Id)).StatusRevision.Should().Be(1);
    }

    [Test]
    public async Task A_report_that_changes_nothing_writes_nothing()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");
        await House.Store.ReportAsync(Given.Seen(record) with { Memory = new Memory { Attempts = Tried("a", new() { Effects = 1 }) } }, lease, Ct);
        var settled = await House.RecordAsync(record.Id);

        (await House.Store.ReportAsync(Given.Seen(settled), lease, Ct)).Should().BeTrue();

        (await House.RecordAsync(record.Id)).StatusRevision.Should().Be(settled.StatusRevision);
    }

    [Test]
    public async Task A_command_during_a_turn_leaves_the_record_due()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");
        await House.Door.StopAsync(Given.Ann, record.Id, Ct);

        (await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Running, new NewEvent("ContainerCreated", "made")), lease, Ct)).Should().BeTrue("what happened is not lost");

        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().Equal(record.Id);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(record.Id), RuntimeStatus.Stopped), lease, Ct);
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().BeEmpty();
    }

    [Test]
    public async Task Due_are_the_unseen_and_those_whose_time_has_come_oldest_first()
    {
        var lease = await House.LeadAsync();
        var soon = await NewAsync("soon");
        var later = await NewAsync("later");
        var settled = await NewAsync("settled");
        await House.Store.ReportAsync(Given.Seen(soon) with { NextTurnAt = Clock.GetUtcNow().AddSeconds(5) }, lease, Ct);
        await House.Store.ReportAsync(Given.Seen(later) with { NextTurnAt = Clock.GetUtcNow().AddSeconds(50) }, lease, Ct);
        await House.Store.ReportAsync(Given.Seen(settled), lease, Ct);
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().BeEmpty();

        Clock.Advance(TimeSpan.FromSeconds(6));
        var unseen = await NewAsync("unseen");
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().BeEquivalentTo(soon.Id, unseen.Id);

        Clock.Advance(TimeSpan.FromMinutes(2));
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().Equal(unseen.Id, soon.Id, later.Id);
        (await House.Store.DueAsync(Clock.GetUtcNow(), 1, Ct)).Should().ContainSingle();
    }

    [Test]
    public async Task A_failed_generation_leaves_the_serving_one_and_promotion_supersedes_it()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");
        await House.Store.ReportAsync(Given.Seen(record, RuntimeStatus.Connected) with { Promoted = 1 }, lease, Ct);
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2")), Ct);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(record.Id)) with { Failed = (2, "CrashLoop", "It ends at once.") }, lease, Ct);

        var failed = await House.RecordAsync(record.Id);
        failed.Asked.Should().BeEquivalentTo(new { Generation = 2L, State = RevisionState.Failed, FailedReason = "CrashLoop", FailedMessage = "It ends at once." });
        failed.Serving.Should().BeEquivalentTo(new { Generation = 1L, State = RevisionState.Serving });

        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:3")), Ct);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(record.Id)) with { Promoted = 3 }, lease, Ct);
        (await House.StateAsync(record.Id, 1)).Should().Be(RevisionState.Superseded);
        (await House.StateAsync(record.Id, 2)).Should().Be(RevisionState.Failed);
        (await House.RecordAsync(record.Id)).ServingGeneration.Should().Be(3);
    }

    [Test]
    public async Task A_tombstone_is_purged_after_its_retention_and_nothing_of_it_stays()
    {
        var lease = await House.LeadAsync();
        var stays = await NewAsync("stays");
        var record = await NewAsync("goes");
        await House.Door.DeleteAsync(Given.Ann, "goes", false, null, Ct);
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(record.Id), RuntimeStatus.Deleted) with { Entomb = true }, lease, Ct);
        (await House.RecordAsync(record.Id)).IsTombstone.Should().BeTrue();
        (await House.Store.LiveIdsAsync(Ct)).Should().Equal(stays.Id);
        (await House.Store.KnownIdsAsync([record.Id, stays.Id, "unknown"], Ct)).Should().BeEquivalentTo([record.Id, stays.Id]);

        (await House.Store.PurgeAsync(Clock.GetUtcNow() - TimeSpan.FromDays(7), Ct)).Should().Be(0);
        Clock.Advance(TimeSpan.FromDays(8));
        (await House.Store.PurgeAsync(Clock.GetUtcNow() - TimeSpan.FromDays(7), Ct)).Should().Be(1);

        (await House.Store.FindAsync(record.Id, Ct)).Should().BeNull();
        (await House.Store.KnownIdsAsync([record.Id, stays.Id], Ct)).Should().BeEquivalentTo([stays.Id]);
        (await House.CountRowsOfAsync(record.Id)).Should().Be(0);
    }

    [Test]
    public async Task A_record_that_nobody_asked_to_delete_is_never_entombed()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");

        await House.Store.ReportAsync(Given.Seen(record) with { Entomb = true }, lease, Ct);

        (await House.RecordAsync(record.Id)).IsTombstone.Should().BeFalse();
    }

    [Test]
    public async Task Reports_and_puts_at_once_lose_nothing()
    {
        var lease = await House.LeadAsync();
        var record = await NewAsync("one");
        var reports = Task.Run(async () =>
        {
            for (var written = 0; written < 30;)
            {
                var seen = await House.RecordAsync(record.Id);
                written += await House.Store.ReportAsync(Given.Seen(seen, RuntimeStatus.Running, new NewEvent("Turn", $"{written}")), lease, Ct) ? 1 : 0;
            }
        });
        for (var number = 2; number <= 31; number++)
        {
            await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", $"docker.io/library/server:{number}")), Ct);
        }

        await reports;
        var events = (await House.Queries.EventsAsync(Given.Ann, record.Id, null, 200, Ct)).Events;
        events.Count(happened => happened.Kind == "Turn").Should().Be(30);
        events.Count(happened => happened.Kind == "Accepted").Should().Be(31);
        events.Select(happened => happened.Sequence).Should().Equal(Enumerable.Range(1, 61).Select(number => (long)number));
    }

    [Test]
    public async Task The_installation_and_a_backends_identity_are_settled_once()
    {
        var other = await AnotherAsync();

        (await other.Store.InstanceIdAsync(Ct)).Should().Be(await House.Store.InstanceIdAsync(Ct));
        (await House.Store.PinIdentityAsync("docker", "engine-1", Ct)).Should().Be("engine-1");
        (await other.Store.PinIdentityAsync("docker", "engine-2", Ct)).Should().Be("engine-1");
    }

    private static Dictionary<string, Attempt> Tried(string id, Attempt attempt) => new(StringComparer.Ordinal) { [id] = attempt };

    private async Task<RuntimeRecord> NewAsync(string name) =>
        await House.RecordAsync((await House.Door.PutAsync(Given.Ann, Given.Create(name), Ct)).Runtime.Id);
}
