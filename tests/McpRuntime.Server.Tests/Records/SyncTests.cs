using McpRuntime.Core.Records;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class SyncTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private static readonly Caller Git = Given.Ann with { Source = "git:fleet" };

    [Test]
    public async Task A_complete_list_creates_changes_and_deletes()
    {
        (await SyncAsync(Put("a"), Put("b"), Put("c"))).Should().BeEquivalentTo(new { Created = 3, Changed = 0, Unchanged = 0, Deleted = 0 });

        (await SyncAsync(Put("a"), Put("b", "docker.io/library/server:2"), Put("d"))).Should().BeEquivalentTo(new { Created = 1, Changed = 1, Unchanged = 1, Deleted = 1 });

        var c = await House.Queries.FindAsync(Given.Admin, "c", Ct);
        c!.DeleteRequested.Should().BeTrue();
        (await SyncAsync(Put("a"), Put("b", "docker.io/library/server:2"), Put("d"))).Should().BeEquivalentTo(new { Created = 0, Changed = 0, Unchanged = 3, Deleted = 0 });
    }

    [Test]
    public async Task On_any_error_the_last_good_set_stays()
    {
        await SyncAsync(Put("a"), Put("b"));

        var refused = await SyncAsync(Put("a", "docker.io/library/server:2"), Put("c"), Put("Not A Name")).RefusedAsync();

        refused.Kind.Should().Be(RefusalKind.Invalid);
        refused.Errors.Should().Contain(error => error.Path.StartsWith("Not A Name.", StringComparison.Ordinal));
        (await House.Store.LiveIdsAsync(Ct)).Should().HaveCount(2);
        (await House.Queries.FindAsync(Given.Admin, "a", Ct))!.Generation.Should().Be(1);
        (await House.Queries.FindAsync(Given.Admin, "b", Ct))!.DeleteRequested.Should().BeFalse();
        (await SyncAsync(Put("a"), Put("a")).RefusedAsync()).Kind.Should().Be(RefusalKind.Invalid);
    }

    [Test]
    public async Task A_name_that_is_owned_elsewhere_is_a_conflict_of_that_entry_alone()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create("theirs"), Ct);

        var result = await SyncAsync(Put("theirs"), Put("ours"));

        result.Created.Should().Be(1);
        result.Conflicts.Should().ContainSingle(conflict => conflict.Path == "theirs");
        (await House.Queries.FindAsync(Given.Admin, "theirs", Ct))!.Owner.Should().Be("rest");
    }

    [Test]
    public async Task A_large_prune_needs_an_explicit_word()
    {
        var all = Enumerable.Range(0, 12).Select(number => Put($"r{number}")).ToArray();
        await SyncAsync(all);

        (await SyncAsync(all[..1]).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await House.Door.SyncAsync(Git, "git:fleet", all[..1], new SyncTerms(AllowLargePrune: true), Ct)).Deleted.Should().Be(11);
    }

    [Test]
    public async Task An_old_leaders_list_changes_nothing()
    {
        var epoch = await House.LeadAsync();
        (await House.Door.SyncAsync(Git, "git:fleet", [Put("a"), Put("b")], new SyncTerms(Epoch: epoch), Ct)).Created.Should().Be(2);

        var refused = await House.Door.SyncAsync(Git, "git:fleet", [Put("a", "docker.io/library/server:2")], new SyncTerms(Epoch: epoch with { Epoch = epoch.Epoch - 1 }), Ct).RefusedAsync();

        refused.Kind.Should().Be(RefusalKind.Unavailable);
        (await House.Queries.FindAsync(Given.Admin, "a", Ct))!.Generation.Should().Be(1);
        (await House.Queries.FindAsync(Given.Admin, "b", Ct))!.DeleteRequested.Should().BeFalse();
    }

    [Test]
    public async Task What_is_kept_is_neither_put_nor_deleted_and_a_declared_state_is_no_generation()
    {
        await SyncAsync(Put("a") with { Origin = new RecordOrigin(new string('a', 40), "a.yaml") }, Put("b"));

        var result = await SyncAsync(Put("a", "docker.io/library/server:2") with { Keep = true }, Put("b") with { Desired = DesiredState.Stopped });

        result.Should().BeEquivalentTo(new { Created = 0, Changed = 1, Unchanged = 0, Deleted = 0 });
        var (a, b) = ((await House.Queries.FindAsync(Given.Admin, "a", Ct))!, (await House.Queries.FindAsync(Given.Admin, "b", Ct))!);
        (a.Generation, a.DeleteRequested, a.Origin).Should().Be((1, false, new RecordOrigin(new string('a', 40), "a.yaml")));
        b.Generation.Should().Be(1);
    }

    private static PutRuntime Put(string name, string image = "docker.io/library/server:1") => new(Given.Request(name, image), "git:fleet", MustCreate: false);

    private Task<SyncResult> SyncAsync(params PutRuntime[] complete) => House.Door.SyncAsync(Git, "git:fleet", complete, new SyncTerms(), Ct);
}
