using McpRuntime.Gateways.Stdio;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class BridgeTableTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private IBridgeTable Bridges => House.Get<IBridgeTable>();

    [Test]
    public async Task Of_many_that_claim_the_same_server_one_has_it()
    {
        var other = (await AnotherAsync()).Get<IBridgeTable>();
        var claims = await Task.WhenAll(Enumerable.Range(0, 10).Select(i => (i % 2 == 0 ? Bridges : other).ClaimAsync("server", null, $"owner-{i}", "http://here", Ct)));

        claims.Count(claimed => claimed).Should().Be(1);
        (await Bridges.FindAsync("server", Ct))!.Owner.Should().Be($"owner-{Array.IndexOf(claims, true)}");
    }

    [Test]
    public async Task A_claim_rests_on_what_was_seen_so_a_sign_of_life_in_between_keeps_the_owner()
    {
        await Bridges.ClaimAsync("server", null, "first", "http://first", Ct);
        var seen = await Bridges.FindAsync("server", Ct);
        await Bridges.BeatAsync("first", Ct);

        (await Bridges.ClaimAsync("server", seen, "second", "http://second", Ct)).Should().BeFalse();
        (await Bridges.ClaimAsync("server", await Bridges.FindAsync("server", Ct), "second", "http://second", Ct)).Should().BeTrue();
        (await Bridges.UseAsync("server", "first", "incarnation", Ct)).Should().BeFalse("it is another's now");
    }

    [Test]
    public async Task Where_the_kernel_knows_who_lives_nobody_has_to_be_watched_being_silent()
    {
        var other = await AnotherAsync();
        await other.Get<IBridgeTable>().ClaimAsync("server", null, "other", "http://other", Ct);
        Bridges.IsSurelyGone("other").Should().BeFalse("its process lives");
        other.Get<IBridgeTable>().IsSurelyGone("other").Should().BeFalse();

        await other.DisposeAsync();

        Bridges.IsSurelyGone("other").Should().Be(IsSqlite, "on PostgreSQL its machine may be another, and only silence tells");
        Bridges.IsSurelyGone("nobody-ever").Should().Be(IsSqlite);
    }

    [Test]
    public async Task What_was_spoken_to_stays_known_whoever_takes_over()
    {
        await Bridges.ClaimAsync("server", null, "first", "http://first", Ct);
        (await Bridges.UseAsync("server", "first", "incarnation", Ct)).Should().BeTrue();
        await Bridges.ReleaseAsync("first", Ct);

        var released = await Bridges.FindAsync("server", Ct);
        released!.Owner.Should().BeEmpty();
        (await Bridges.ClaimAsync("server", released, "second", "http://second", Ct)).Should().BeTrue();
        (await Bridges.FindAsync("server", Ct)).Should().BeEquivalentTo(new { Owner = "second", Address = "http://second", Instance = "incarnation" });
    }
}
