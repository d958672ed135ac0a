using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;

namespace McpRuntime.Server.Tests.Records;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class AdoptionTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private const string Gone = "git:gone";

    private static readonly Caller Git = new(Gone, Roles.Operator, [], Gone) { DefinesProfiles = true };

    private Adoption Adoption => House.Get<Adoption>();

    [Test]
    public async Task What_a_source_that_is_gone_has_left_is_changed_by_REST_once_an_admin_has_adopted_it()
    {
        await DeclareAsync();
        await House.Door.PutAsync(Given.Ann, Given.Create("own"), Ct);
        (await Adoption.ListAsync(["git:there"], Ct)).Should().Equal(new LeftBehind(Gone, 2, 1));
        (await House.Door.StopAsync(Given.Admin, "a", Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);

        (await Adoption.AdoptAsync(Given.Admin, Gone, ["git:there"], Ct)).Should().Be(new LeftBehind(Gone, 2, 1));

        await House.Door.StopAsync(Given.Admin, "a", Ct);
        await House.Get<ProfileStore>().ReplaceAsync(Given.Admin, "lab", new ProfileContent("mine now", [], BuiltInProfiles.Restricted.Config), Ct);
        (await House.Queries.FindAsync(Given.Admin, "b", Ct))!.Should().BeEquivalentTo(new { Owner = "rest", Generation = 1L, Origin = (RecordOrigin?)null });
        (await Adoption.ListAsync([], Ct)).Should().BeEmpty();
        (await House.Get<IAuditLog>().ListAsync(null, 50, Ct)).Where(entry => entry is { Subject: "root", Before: Gone, After: "rest" }).Select(entry => entry.Action)
            .Should().BeEquivalentTo("runtime.adopt", "runtime.adopt", "profile.adopt");
    }

    [Test]
    public async Task What_a_source_in_the_settings_declares_and_what_is_nobodys_is_not_adopted_and_only_admins_adopt()
    {
        await DeclareAsync();

        (await Adoption.AdoptAsync(Given.Admin, Gone, [Gone], Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await Adoption.AdoptAsync(Given.Admin, "git:never", [], Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
        (await Adoption.AdoptAsync(Given.Admin, "rest", [], Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
        var byOperator = () => Adoption.AdoptAsync(Given.Ann, Gone, [], Ct);
        (await byOperator.Should().ThrowAsync<Refusal>()).Which.Kind.Should().Be(RefusalKind.Forbidden);

        (await House.Queries.FindAsync(Given.Admin, "a", Ct))!.Owner.Should().Be(Gone);
    }

    private Task<SyncResult> DeclareAsync() => House.Door.SyncAsync(
        Git,
        Gone,
        [Put("a"), Put("b")],
        new SyncTerms { Profiles = [new DeclaredProfile("lab", "declared", [], BuiltInProfiles.Standard.Config)] },
        Ct);

    private static PutRuntime Put(string name) =>
        new(Given.Request(name) with { GuardrailsProfile = "lab" }, Gone, MustCreate: false) { Origin = new RecordOrigin(new string('c', 40), "x.yaml") };
}
