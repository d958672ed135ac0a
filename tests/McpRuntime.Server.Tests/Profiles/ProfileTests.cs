using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Tests.Approvals;
using McpRuntime.Server.Tests.Records;

namespace McpRuntime.Server.Tests.Profiles;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class ProfileTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private static readonly GuardrailsConfig Tight = BuiltInProfiles.Restricted.Config;

    private static readonly GuardrailsConfig Loose = BuiltInProfiles.Standard.Config with { Filesystem = new(ReadOnlyRoot: false, AllowedMounts: ["/data"]) };

    private ProfileStore Profiles => House.Get<ProfileStore>();

    [Test]
    public async Task A_profile_keeps_every_version_and_counts_on_after_a_deletion()
    {
        (await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct)).Version.Should().Be(1);
        (await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct)).Version.Should().Be(2);
        (await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct)).Version.Should().Be(2, "the same content is no new version");
        await Profiles.DeleteAsync(Given.Admin, "lab", Ct);
        Profiles.Find("lab").Should().BeNull();

        (await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct)).Version.Should().BeGreaterThan(2);

        (await Profiles.VersionsAsync("lab", Ct)).Select(version => version.Profile.Config.Filesystem.ReadOnlyRoot).Should().Equal(true, false, true);
        (await Profiles.VersionsAsync("lab", Ct)).Should().OnlyContain(version => version.CreatedBy == "root");
    }

    [Test]
    public async Task Built_in_profiles_are_read_only_names_are_taken_once_and_only_admins_write()
    {
        (await Profiles.CreateAsync(Given.Admin, "standard", Of(Tight), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await Profiles.ReplaceAsync(Given.Admin, "unrestricted", Of(Tight), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await Profiles.DeleteAsync(Given.Admin, "airgapped", Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        (await Profiles.CreateAsync(Given.Ann, "lab", Of(Tight), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await Profiles.CreateAsync(Given.Admin, "Lab.", Of(Tight), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Invalid);
        (await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.NotFound);
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);

        // Of another content: the same one, by the same hand at the same instant, is a retry whose answer was lost.
        (await Profiles.CreateAsync(Given.Admin, "lab", Of(Loose), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
    }

    [Test]
    public async Task A_profile_in_use_is_not_deleted_and_its_users_are_named()
    {
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab")), Ct);

        var refused = await Profiles.DeleteAsync(Given.Admin, "lab", Ct).RefusedAsync();
        refused.Kind.Should().Be(RefusalKind.Conflict);
        refused.Detail.Should().Contain("one");

        // A newer generation waits under another profile, while the older one still serves under this.
        var id = (await House.Queries.FindAsync(Given.Ann, "one", Ct))!.Id;
        await House.PromoteAsync(id);
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one")), Ct);
        (await Profiles.DeleteAsync(Given.Admin, "lab", Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
        await House.PromoteAsync(id);
        await Profiles.DeleteAsync(Given.Admin, "lab", Ct);
    }

    [Test]
    public async Task An_edit_that_tightens_reaches_its_users_as_a_new_generation()
    {
        await Profiles.CreateAsync(Given.Admin, "lab", Of(BuiltInProfiles.Standard.Config), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab")), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct);
        await House.LeadAsync();

        await House.Get<ProfileRollout>().RunAsync(Ct);
        await House.Get<ProfileRollout>().RunAsync(Ct);

        var record = await House.RecordAsync(id);
        record.AskedGeneration.Should().Be(2);
        record.Asked.State.Should().Be(RevisionState.Admitted);
        record.Asked.Guardrails.ProfileVersion.Should().Be(2);
        record.Asked.Guardrails.Config.Network.EgressAllowed.Should().BeFalse();
        record.Asked.Facts!.Pin.Should().Be("docker.io/library/server@sha256:00", "a roll-out of a profile is no new look at a tag");
    }

    [Test]
    public async Task An_edit_that_loosens_waits_for_an_approval_at_every_user_while_the_old_serves()
    {
        House.Approvals = new([], ["docker.io"], [], [], TimeSpan.FromHours(48));
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab").With("TOKEN", "tops3cret")), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct);

        await House.Get<ProfileRollout>().RunAsync(Ct);

        var record = await House.RecordAsync(id);
        (record.AskedGeneration, record.ServingGeneration, record.Asked.State).Should().Be((2L, 1L, RevisionState.Pending));
        record.Serving!.Guardrails.Config.Filesystem.ReadOnlyRoot.Should().BeTrue();
        var approval = await House.PendingAsync(id);
        approval.RequestedBy.Should().Be("root", "the admin who edited it asks, and can't approve it");
        approval.RuleSnapshot.Should().ContainSingle(trigger => trigger.Rule == "loosened");
        (await House.DecideAsync(Given.Admin, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        await House.DecideAsync(Waiting.Carol, approval.Id, true);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Admitted);
        (await House.Store.EnvironmentAsync(id, 2, Ct))["TOKEN"].Reveal().Should().Be("tops3cret");
    }

    [Test]
    public async Task An_edit_that_no_person_answers_for_takes_two_approvals_at_every_user()
    {
        House.Approvals = new([], ["docker.io"], [], [], TimeSpan.FromHours(48));
        var cluster = new Caller("crd:default", Roles.Operator, [], "crd:default") { DefinesProfiles = true };
        await Profiles.PutAsync(cluster, "lab", Of(Tight), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab")), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        await Profiles.PutAsync(cluster, "lab", Of(Loose), Ct);

        await House.Get<ProfileRollout>().RunAsync(Ct);

        var approval = await House.PendingAsync(id);
        approval.RequestedBy.Should().Be("crd:default");
        await House.DecideAsync(Waiting.Carol, approval.Id, true);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Pending, "one more must");
        await House.DecideAsync(Given.Admin, approval.Id, true);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Admitted);
    }

    [Test]
    public async Task A_replica_that_admitted_under_an_older_version_is_brought_on()
    {
        await Profiles.CreateAsync(Given.Admin, "lab", Of(BuiltInProfiles.Standard.Config), Ct);
        var other = await AnotherAsync();
        await other.Door.PutAsync(Given.Ann, Given.Create(Under("lab")), Ct);
        await House.LeadAsync();

        await other.Get<ProfileStore>().ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct);
        await House.Get<ProfileRollout>().RunAsync(Ct);

        (await House.Queries.FindAsync(Given.Ann, "one", Ct))!.Guardrails.ProfileVersion.Should().Be(2);
    }

    [Test]
    public async Task What_a_new_version_can_not_hold_stays_under_the_old_one_and_is_told_once()
    {
        await Profiles.CreateAsync(Given.Admin, "lab", Of(BuiltInProfiles.Standard.Config), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab") with { Volumes = ["/data"] }), Ct)).Runtime.Id;
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct);
        await House.LeadAsync();

        await House.Get<ProfileRollout>().RunAsync(Ct);
        await House.Get<ProfileRollout>().RunAsync(Ct);

        (await House.RecordAsync(id)).AskedGeneration.Should().Be(1);
        (await House.EventsAsync(id)).Count(kind => kind == "ProfileRolloutRefused").Should().Be(1);
    }

    private static ProfileContent Of(GuardrailsConfig config) => new("for tests", ["docker"], config);

    private static DeployRequest Under(string profile) => Given.Request("one") with { GuardrailsProfile = profile };
}
