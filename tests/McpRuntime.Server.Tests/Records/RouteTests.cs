using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class RouteTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private IRouteTable Routes => House.Get<IRouteTable>();

    [SetUp]
    public Task Lead() => House.LeadAsync();

    [Test]
    public async Task A_write_that_was_delayed_past_its_lease_changes_nothing()
    {
        await Routes.PutAsync(Route("one"), Ct);
        await House.Get<Database>().WriteAsync(
            (db, stop) => db.Leases.ExecuteUpdateAsync(row => row.SetProperty(lease => lease.Holder, "another").SetProperty(lease => lease.Epoch, lease => lease.Epoch + 1), stop), Ct);
        House.Lease.Current.Should().NotBeNull("it has not heard of it yet");

        var put = () => Routes.PutAsync(Route("one") with { Instance = "second" }, Ct);
        var remove = () => Routes.RemoveAsync("record", "route-one", Ct);

        (await put.Should().ThrowAsync<BackendFault>()).Which.Fault.Reason.Should().Be("NotLeading");
        (await remove.Should().ThrowAsync<BackendFault>()).Which.Fault.Kind.Should().Be(FaultKind.Transient);
        (await Routes.FindAsync("one", Ct))!.Instance.Should().Be("first");
    }

    [Test]
    public async Task A_route_is_found_by_name_and_a_write_is_seen_at_once()
    {
        (await Routes.FindAsync("one", Ct)).Should().BeNull();

        (await Routes.PutAsync(Route("one"), Ct)).Should().BeTrue();
        (await Routes.FindAsync("one", Ct)).Should().BeEquivalentTo(Route("one"));
        (await Routes.PutAsync(Route("one") with { Instance = "second" }, Ct)).Should().BeTrue();
        (await Routes.FindAsync("one", Ct))!.Instance.Should().Be("second");
        (await Routes.OfRecordAsync("record", Ct)).Should().ContainSingle();
        (await Routes.ListAsync(Ct)).Should().ContainSingle();

        await Routes.RemoveAsync("record", "route-one", Ct);
        (await Routes.FindAsync("one", Ct)).Should().BeNull();
    }

    [Test]
    public async Task Another_records_route_is_never_overwritten_or_removed()
    {
        await Routes.PutAsync(Route("one"), Ct);

        (await Routes.PutAsync(Route("one") with { RecordId = "other", Id = "route-other" }, Ct)).Should().BeFalse();
        (await Routes.PutAsync(Route("two") with { RecordId = "other", Id = "route-one" }, Ct)).Should().BeFalse();
        await Routes.RemoveAsync("other", "route-one", Ct);

        (await Routes.FindAsync("one", Ct))!.RecordId.Should().Be("record");
    }

    [Test]
    public async Task A_renamed_route_leaves_its_old_name()
    {
        await Routes.PutAsync(Route("one"), Ct);
        await Routes.PutAsync(Route("one") with { Name = "two" }, Ct);

        (await Routes.FindAsync("one", Ct)).Should().BeNull();
        (await Routes.FindAsync("two", Ct)).Should().NotBeNull();
    }

    [Test]
    public async Task Another_process_sees_a_route_within_a_second()
    {
        var other = (await AnotherAsync()).Get<IRouteTable>();
        (await other.FindAsync("one", Ct)).Should().BeNull();
        await Routes.PutAsync(Route("one"), Ct);

        await Eventually.BecomesAsync(async () => await other.FindAsync("one", Ct) is not null, TimeSpan.FromSeconds(5));
    }

    [Test]
    public async Task Two_replicas_that_start_with_the_same_first_token_on_an_empty_database_have_it_once()
    {
        var other = await AnotherAsync();
        var hash = ApiTokens.HashOf(ApiTokens.NewText());
        var first = new ApiToken(ApiTokens.NewId(), "admin", Roles.Admin, [], Clock.GetUtcNow(), null, null);

        await Task.WhenAll(
            House.Get<ITokenStore>().AddAsync(first, hash, Ct),
            other.Get<ITokenStore>().AddAsync(first with { Id = ApiTokens.NewId() }, hash, Ct));

        (await House.Get<ITokenStore>().ListAsync(Ct)).Should().ContainSingle();
        (await other.Get<ITokenStore>().FindByHashAsync(hash, Ct))!.Roles.Should().Be(Roles.Admin);
    }

    [Test]
    public async Task Tokens_are_found_by_their_hash_and_revoked_for_good()
    {
        var tokens = House.Get<ITokenStore>();
        var token = new ApiToken("t1", "ann", Roles.Operator | Roles.Approver, ["blue"], Clock.GetUtcNow(), Clock.GetUtcNow().AddDays(1), null, "runtime");
        await tokens.AddAsync(token, "hash", Ct);
        await tokens.AddAsync(token, "hash", Ct);

        (await tokens.FindByHashAsync("hash", Ct)).Should().BeEquivalentTo(token);
        (await tokens.FindByHashAsync("other", Ct)).Should().BeNull();
        (await tokens.RevokeAsync("t1", Ct)).Should().BeTrue();
        (await tokens.RevokeAsync("none", Ct)).Should().BeFalse();
        (await tokens.ListAsync(Ct)).Should().ContainSingle(one => one.RevokedAt == Clock.GetUtcNow());
    }

    private static GatewayRoute Route(string name) => new(
        $"route-{name}",
        "record",
        name,
        new UpstreamAddress("10.0.0.2", 3001, "guard:9000"),
        "first",
        "/mcp",
        "STREAMABLEHTTP",
        "public",
        null,
        "ann",
        ["tag"],
        ["echo"],
        new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero),
        "fingerprint");
}
