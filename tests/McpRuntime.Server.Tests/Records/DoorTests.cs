using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class DoorTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    [Test]
    public async Task A_new_record_is_generation_1_and_due()
    {
        var put = await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);

        put.Should().BeEquivalentTo(new { Created = true, Changed = true, Runtime = new { Name = "one", Generation = 1L, Status = RuntimeStatus.Pending } });
        var record = await House.RecordAsync(put.Runtime.Id);
        record.Asked.State.Should().Be(RevisionState.Admitted);
        record.Asked.Spec.Source.Should().Be(new Source.Docker("docker.io/library/server:1", null));
        record.Serving.Should().BeNull();
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().Equal(put.Runtime.Id);
        House.Woken.Ids.Should().Equal(put.Runtime.Id);
    }

    [Test]
    public async Task The_same_spec_twice_is_no_change()
    {
        var first = await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);
        var again = await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request(null)), Ct);

        again.Should().BeEquivalentTo(new { Created = false, Changed = false, Runtime = new { first.Runtime.Id, Generation = 1L } });
        (await House.Queries.EventsAsync(Given.Ann, first.Runtime.Id, null, 10, Ct)).Events.Should().ContainSingle();
    }

    [Test]
    public async Task Another_spec_is_a_new_generation_and_supersedes_the_one_that_never_served()
    {
        var put = await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);
        var next = await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2"), ifGeneration: 1), Ct);

        next.Runtime.Generation.Should().Be(2);
        (await House.RecordAsync(put.Runtime.Id)).Asked.Generation.Should().Be(2);
        (await House.StateAsync(put.Runtime.Id, 1)).Should().Be(RevisionState.Superseded);
    }

    [Test]
    public async Task A_taken_name_is_a_conflict_and_an_old_generation_a_failed_precondition()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);

        (await House.Door.PutAsync(Given.Ann, Given.Create("one", "docker.io/library/other:1"), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/other:1"), ifGeneration: 7), Ct).RefusedAsync())
            .Kind.Should().Be(RefusalKind.PreconditionFailed);
        (await House.Door.PutAsync(Given.Ann, Given.Update("none", Given.Request(null)), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
    }

    [Test]
    public async Task Name_and_backend_stay_for_good()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);

        var renamed = await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("two")), Ct).RefusedAsync();
        renamed.Kind.Should().Be(RefusalKind.Invalid);
        renamed.Errors.Should().ContainSingle(error => error.Path == "name");
        var moved = await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one") with { Backend = "kubernetes" }), Ct).RefusedAsync();
        moved.Errors.Should().ContainSingle(error => error.Path == "backend");
    }

    [Test]
    public async Task Twenty_writers_of_one_record_make_twenty_generations_and_lose_none()
    {
        var put = await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);
        var other = await AnotherAsync();

        var puts = await Task.WhenAll(Enumerable.Range(2, 20).Select(number => Task.Run(() =>
            (number % 2 == 0 ? House : other).Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", $"docker.io/library/server:{number}")), Ct))));

        puts.Select(one => one.Runtime.Generation).Should().BeEquivalentTo(Enumerable.Range(2, 20).Select(number => (long)number));
        (await House.RecordAsync(put.Runtime.Id)).AskedGeneration.Should().Be(21);
        var events = (await House.Queries.EventsAsync(Given.Ann, put.Runtime.Id, null, 100, Ct)).Events;
        events.Select(happened => happened.Sequence).Should().Equal(Enumerable.Range(1, 21).Select(number => (long)number));
    }

    [Test]
    public async Task Of_twenty_creators_of_one_name_one_wins()
    {
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(number => Task.Run(async () =>
        {
            try
            {
                return (await House.Door.PutAsync(Given.Ann, Given.Create("one", $"docker.io/library/server:{number}"), Ct)).Created;
            }
            catch (Refusal refusal) when (refusal.Kind == RefusalKind.Conflict)
            {
                return false;
            }
        })));

        outcomes.Count(created => created).Should().Be(1);
        (await House.Store.LiveIdsAsync(Ct)).Should().ContainSingle();
    }

    [Test]
    public async Task An_idempotency_key_gives_the_first_answer_again()
    {
        var first = await House.Door.PutAsync(Given.Ann, Given.Create("one", key: "k"), Ct);
        var again = await House.Door.PutAsync(Given.Ann, Given.Create("one", key: "k"), Ct);
        again.Should().BeEquivalentTo(first);

        (await House.Door.PutAsync(Given.Ann, Given.Create("two", key: "k"), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await House.Door.PutAsync(Given.Bob, Given.Create("two", key: "k"), Ct)).Created.Should().BeTrue("a key is its caller's own");

        Clock.Advance(TimeSpan.FromHours(25));
        (await House.Door.PutAsync(Given.Ann, Given.Create("three", key: "k"), Ct)).Created.Should().BeTrue("a key is kept for a day");
    }

    [Test]
    public async Task Concurrent_requests_with_one_key_make_one_record()
    {
        var puts = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Task.Run(() => House.Door.PutAsync(Given.Ann, Given.Create("one", key: "k"), Ct))));

        puts.Select(put => put.Runtime.Id).Distinct().Should().ContainSingle();
        puts.Should().OnlyContain(put => put.Created && put.Runtime.Generation == 1);
    }

    [Test]
    public async Task A_deleted_name_is_free_once_nothing_is_left_and_inherits_nothing()
    {
        var lease = await House.LeadAsync();
        var old = await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);
        await House.Door.DeleteAsync(Given.Ann, "one", keepVolumes: false, null, Ct);
        (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct).RefusedAsync()).Title.Should().Be("Being deleted");

        var going = await House.RecordAsync(old.Runtime.Id);
        (await House.Store.ReportAsync(Given.Seen(going, RuntimeStatus.Deleted) with { Entomb = true }, lease, Ct)).Should().BeTrue();
        var next = await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);

        next.Runtime.Id.Should().NotBe(old.Runtime.Id);
        next.Runtime.Generation.Should().Be(1);
        (await House.Queries.FindAsync(Given.Ann, old.Runtime.Id, Ct))!.Status.Should().Be(RuntimeStatus.Deleted);
        (await House.Queries.FindAsync(Given.Ann, "one", Ct))!.Id.Should().Be(next.Runtime.Id);
        (await House.Door.DeleteAsync(Given.Ann, old.Runtime.Id, false, null, Ct)).Status.Should().Be(RuntimeStatus.Deleted, "deleting what is gone succeeds");
        (await House.Door.StartAsync(Given.Ann, old.Runtime.Id, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
    }

    [Test]
    public async Task A_second_delete_can_save_the_volumes_but_never_takes_them()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        await House.Door.DeleteAsync(Given.Ann, id, keepVolumes: false, null, Ct);
        await House.Door.DeleteAsync(Given.Ann, id, keepVolumes: true, null, Ct);
        await House.Door.DeleteAsync(Given.Ann, id, keepVolumes: false, null, Ct);

        (await House.RecordAsync(id)).KeepVolumes.Should().BeTrue();
    }

    [Test]
    public async Task Commands_are_no_generations_and_leave_the_record_due()
    {
        var lease = await House.LeadAsync();
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        await House.Store.ReportAsync(Given.Seen(await House.RecordAsync(id)), lease, Ct);
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().BeEmpty();

        await House.Door.StopAsync(Given.Ann, id, Ct);
        await House.Door.RestartAsync(Given.Ann, id, Ct);
        await House.Door.HoldAsync(Given.Ann, id, "too loud", Ct);

        (await House.RecordAsync(id)).Should().BeEquivalentTo(new
        {
            AskedGeneration = 1L,
            Desired = DesiredState.Running,
            RestartToken = 1L,
            Hold = "too loud (by ann)",
            CommandSequence = 3L,
            ObservedCommand = 0L,
        });
        (await House.Store.DueAsync(Clock.GetUtcNow(), 10, Ct)).Should().Equal(id);
        await House.Door.ReleaseAsync(Given.Ann, id, Ct);
        (await House.RecordAsync(id)).Hold.Should().BeNull();
    }

    [Test]
    public async Task A_name_has_one_owner_and_only_hold_reaches_over()
    {
        var git = Given.Ann with { Source = "git:fleet" };
        var id = (await House.Door.PutAsync(git, Given.Create("one") with { Owner = "git:fleet" }, Ct)).Runtime.Id;

        var refused = await House.Door.StopAsync(Given.Ann, id, Ct).RefusedAsync();
        refused.Kind.Should().Be(RefusalKind.Conflict);
        refused.Detail.Should().Contain("git:fleet").And.Contain("Git repository");
        (await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/x:1")), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        await House.Door.HoldAsync(Given.Ann, id, "stop", Ct);
        (await House.RecordAsync(id)).Hold.Should().StartWith("stop");
    }

    [Test]
    public async Task A_teams_runtime_is_changed_by_that_team_and_a_private_one_by_its_creator()
    {
        var team = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("team") with { TeamId = "blue", Visibility = "team" }), Ct)).Runtime.Id;
        var open = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("open") with { TeamId = "blue" }), Ct)).Runtime.Id;
        var own = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("own") with { Visibility = "private" }), Ct)).Runtime.Id;

        (await House.Door.StopAsync(Given.Bob, team, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound, "what is not to be seen is not there");
        (await House.Door.StopAsync(Given.Bob, open, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.Door.StopAsync(Given.Bob, own, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
        (await House.Door.StopAsync(Given.Viewer, open, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        foreach (var id in new[] { team, open, own })
        {
            await House.Door.StopAsync(Given.Admin, id, Ct);
        }

        (await House.Door.PutAsync(Given.Bob, Given.Create("own"), Ct).RefusedAsync()).Detail.Should().NotContain("ann", "a hidden runtime's name is taken, and no more is said");
        (await House.Door.PutAsync(Given.Bob, Given.Create(Given.Request("mine") with { TeamId = "blue" }), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
    }

    [Test]
    public async Task What_needs_an_approval_waits_for_it_and_a_newer_generation_asks_anew()
    {
        House.Approvals = new([], ["docker.io/mcp"], [], ["carol"], TimeSpan.FromHours(48));
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;

        var view = (await House.Queries.FindAsync(Given.Ann, id, Ct))!;
        view.Status.Should().Be(RuntimeStatus.PendingApproval);
        view.ApprovalStatus.Should().Be("pending");
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2")), Ct);

        (await House.StateAsync(id, 1)).Should().Be(RevisionState.Superseded);
        var (approvals, _) = await House.Get<Server.Records.IApprovalQueries>().ListAsync(Given.Ann, null, 10, 0, Ct);
        approvals.Select(approval => (approval.Generation, approval.Status)).Should().BeEquivalentTo([(1L, "superseded"), (2L, "pending")]);
        var pending = approvals.Single(approval => approval.Status == "pending");
        pending.RequestedBy.Should().Be("ann");
        pending.Approvers.Should().Equal("carol");
        pending.ExpiresAt.Should().Be(Clock.GetUtcNow() + TimeSpan.FromHours(48));

        await House.Door.DeleteAsync(Given.Ann, id, false, null, Ct);
        (await House.Get<Server.Records.IApprovalQueries>().ListAsync(Given.Ann, "cancelled", 10, 0, Ct)).Total.Should().Be(1);
    }

    [Test]
    public async Task Every_change_is_audited_with_who_and_from_where()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;
        await House.Door.StopAsync(Given.Ann, id, Ct);

        var audit = await House.Get<IAuditLog>().ListAsync(null, 10, Ct);
        audit.Select(entry => (entry.Action, entry.Subject, entry.Address, entry.Target)).Should().Equal(
            ("runtime.stop", "ann", "192.0.2.1", id),
            ("runtime.create", "ann", "192.0.2.1", id));
        audit[1].Before.Should().BeNull();
        audit[1].After.Should().NotBeNull();
    }

    [Test]
    public async Task A_character_that_cannot_be_stored_is_the_requests_fault()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct)).Runtime.Id;

        var hold = House.Door.HoldAsync(Given.Ann, id, "a\0b", Ct);

        if (IsSqlite)
        {
            await hold;
            (await House.RecordAsync(id)).Hold.Should().StartWith("a\0b", "SQLite holds any character");
        }
        else
        {
            (await hold.RefusedAsync()).Kind.Should().Be(RefusalKind.Malformed);
        }
    }
}
