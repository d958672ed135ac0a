using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Approvals;
using McpRuntime.Server.Tests.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Profiles;

/// <summary>Who answers for an edited profile, what it is compared with, and what it starts from.</summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class RollOutTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private const string Fine = "docker.io/mcp/server:1";

    private static readonly GuardrailsConfig Standard = BuiltInProfiles.Standard.Config;

    private static readonly GuardrailsConfig Tight = BuiltInProfiles.Restricted.Config;

    private static readonly GuardrailsConfig Loose = Standard with { Filesystem = new(ReadOnlyRoot: false, AllowedMounts: ["/data"]) };

    /// <summary>A repository that RUNTIME_SOURCE_POLICY lets define profiles, and that is no admin.</summary>
    private static readonly Caller Source = new("git:infra", Roles.Operator, [], "git:infra") { DefinesProfiles = true };

    private ProfileStore Profiles => House.Get<ProfileStore>();

    [Test]
    public async Task A_source_that_loosens_its_profile_asks_two_people_and_not_as_an_admin()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Source, "lab", Of(Tight), Ct);
        var id = await ServeAsync(Under("lab"));
        await Profiles.ReplaceAsync(Source, "lab", Of(Loose), Ct);

        await RollOutAsync();

        var approval = await House.PendingAsync(id);
        (approval.RequestedBy, approval.RequiredApprovals).Should().Be(("git:infra", 2));
        await House.DecideAsync(Waiting.Carol, approval.Id, true);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Pending, "one person does not stand for a request of nobody's");
        await House.DecideAsync(Waiting.Dave, approval.Id, true);
        (await House.StateAsync(id, 2)).Should().Be(RevisionState.Admitted);
    }

    [Test]
    public async Task With_approvals_off_a_source_that_is_no_admin_loosens_nobody()
    {
        await Profiles.CreateAsync(Source, "lab", Of(Tight), Ct);
        var id = await ServeAsync(Under("lab"));
        await Profiles.ReplaceAsync(Source, "lab", Of(Loose), Ct);

        await RollOutAsync();

        var record = await House.RecordAsync(id);
        (record.AskedGeneration, record.Serving!.Guardrails.Config.Filesystem.ReadOnlyRoot).Should().Be((1L, true));
        (await House.EventsAsync(id)).Should().Contain("ProfileRolloutRefused");
        await Profiles.ReplaceAsync(Source, "lab", Of(Standard), Ct);
        await RollOutAsync();
        (await House.RecordAsync(id)).AskedGeneration.Should().Be(1, "what was tighter than standard and is not any more is loosened too");
    }

    [Test]
    public async Task Versions_from_before_their_authors_rights_were_kept_are_trusted_by_where_they_came_from()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Source, "lab", Of(Tight), Ct);
        var id = await ServeAsync(Under("lab"));
        await Profiles.ReplaceAsync(Source, "lab", Of(Loose), Ct);
        await House.Get<Database>().WriteAsync(
            (db, ct) => db.ProfileVersions.ExecuteUpdateAsync(row => row.SetProperty(r => r.CreatedRoles, (int?)null).SetProperty(r => r.CreatedByPerson, (bool?)null), ct), Ct);

        await RollOutAsync();

        (await House.PendingAsync(id)).RequiredApprovals.Should().Be(2);
    }

    [Test]
    public async Task Everybody_who_wrote_a_version_that_is_rolled_out_has_asked_for_it()
    {
        House.Approvals = Waiting.Policy();
        var other = Given.Admin with { Subject = "other" };
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        var id = await ServeAsync(Under("lab"));
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct);
        await Profiles.ReplaceAsync(other, "lab", new ProfileContent("described anew", ["docker"], Loose), Ct);

        await RollOutAsync();

        var approval = await House.PendingAsync(id);
        approval.RequestedBy.Should().Be("other");
        (await House.DecideAsync(other, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        (await House.DecideAsync(Given.Admin, approval.Id, true).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden, "the loosening is theirs, whoever edited it last");
        (await House.DecideAsync(Waiting.Carol, approval.Id, true)).Status.Should().Be("approved");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_loosened_profile_does_not_move_the_baseline_of_those_who_run_under_it(bool byPut)
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        House.Catalog["acme/server"] = Entry("lab");
        var request = new DeployRequest { Name = "one", CatalogServerId = "acme/server" };
        var id = await ServeAsync(request);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct);

        if (byPut)
        {
            await House.Door.PutAsync(Given.Ann, Given.Update("one", request), Ct);
        }
        else
        {
            await RollOutAsync();
        }

        var record = await House.RecordAsync(id);
        (record.AskedGeneration, record.Asked.State).Should().Be((2L, RevisionState.Pending));
        record.Asked.Guardrails.Loosened.Should().BeEmpty("the baseline is the profile itself");
        (await House.PendingAsync(id)).RuleSnapshot.Should().ContainSingle(trigger => trigger.Rule == "loosened").Which.Detail.Should().Contain("version 2").And.Contain("filesystem.read_only_root");
    }

    [Test]
    public async Task With_approvals_off_an_operator_does_not_follow_a_loosened_baseline()
    {
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        House.Catalog["acme/server"] = Entry("lab");
        var request = new DeployRequest { Name = "one", CatalogServerId = "acme/server" };
        await ServeAsync(request);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct);

        (await House.Door.PutAsync(Given.Ann, Given.Update("one", request), Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
        await RollOutAsync();

        (await House.RecordAsync(await IdAsync())).Asked.Guardrails.ProfileVersion.Should().Be(2, "the admin who edited it has said yes");
    }

    [Test]
    public async Task A_tightened_profile_reaches_what_serves_while_a_newer_generation_waits()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Standard), Ct);
        var id = await ServeAsync(Under("lab"));
        var waiting = Given.Update("one", Under("lab") with { Source = new SourceRequest { Type = "docker", Image = "docker.io/library/other:1" } });
        await House.Door.PutAsync(Given.Ann, waiting, Ct);
        var approval = await House.PendingAsync(id);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct);

        await RollOutAsync();

        var record = await House.RecordAsync(id);
        (record.AskedGeneration, record.Asked.State).Should().Be((3L, RevisionState.Admitted));
        record.Asked.Spec.Source.Should().Be(new Source.Docker(Fine, null));
        record.Asked.Guardrails.Config.Network.EgressAllowed.Should().BeFalse();
        (await House.Get<IApprovalQueries>().FindAsync(Given.Admin, approval.Id, Ct))!.Status.Should().Be("superseded");

        // Asking again at once does not keep the old one running.
        await House.Door.PutAsync(Given.Ann, waiting, Ct);
        (await House.StateAsync(id, 3)).Should().Be(RevisionState.Superseded);
        await RollOutAsync();
        record = await House.RecordAsync(id);
        (record.AskedGeneration, record.Asked.State).Should().Be((5L, RevisionState.Admitted));
        await House.PromoteAsync(id);
        await House.Door.PutAsync(Given.Ann, waiting, Ct);
        await RollOutAsync();
        record = await House.RecordAsync(id);
        (record.AskedGeneration, record.ServingGeneration, record.Asked.State).Should().Be((6L, 5L, RevisionState.Pending), "what serves has it now, and the request may wait");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_was_rejected_does_not_come_back_by_an_edit_of_its_profile(bool serves)
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Standard), Ct);
        var rejected = Under("lab") with { Source = new SourceRequest { Type = "docker", Image = "docker.io/library/other:1" } };
        var id = serves ? await ServeAsync(Under("lab")) : (await House.Door.PutAsync(Given.Ann, Given.Create(rejected), Ct)).Runtime.Id;
        if (serves)
        {
            await House.Door.PutAsync(Given.Ann, Given.Update("one", rejected), Ct);
        }

        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, false);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct);

        await RollOutAsync();

        var record = await House.RecordAsync(id);
        (await House.Get<IApprovalQueries>().ListAsync(Given.Admin, "pending", 10, 0, Ct)).Total.Should().Be(0);
        (record.AskedGeneration, record.Asked.State).Should().Be(serves ? (3L, RevisionState.Admitted) : (1L, RevisionState.Failed));
        if (serves)
        {
            record.Asked.Spec.Source.Should().Be(new Source.Docker(Fine, null));
        }
    }

    [Test]
    public async Task A_roll_out_that_waits_or_was_rejected_is_asked_for_once()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        var id = await ServeAsync(Under("lab"));
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Loose), Ct);

        await RollOutAsync();
        (await House.RecordAsync(id)).AskedGeneration.Should().Be(2);
        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, false);
        await RollOutAsync();

        (await House.RecordAsync(id)).AskedGeneration.Should().Be(2);
    }

    [TestCase("rejected")]
    [TestCase("expired")]
    [TestCase("edited")]
    public async Task A_roll_out_that_nobody_approved_is_no_measure_for_what_is_asked_next(string end)
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab")), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Standard), Ct);
        await RollOutAsync();
        var rollOut = await House.PendingAsync(id);
        if (end == "rejected")
        {
            await House.DecideAsync(Waiting.Carol, rollOut.Id, false);
        }
        else if (end == "expired")
        {
            Clock.Advance(TimeSpan.FromHours(48));
            await House.LeadAsync();
            await House.Get<McpRuntime.Server.Approvals.ApprovalSweep>().RunAsync(Ct);
        }

        var request = end == "edited" ? Under("lab") with { Tags = ["other"] } : Under("lab");
        await House.Door.PutAsync(Given.Ann, Given.Update("one", request), Ct);

        (await House.StateAsync(id, 3)).Should().Be(RevisionState.Pending, "the first generation is the only one that was accepted, and it was under version 1");
        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, true);
        await House.Door.PutAsync(Given.Ann, Given.Update("one", request with { Tags = ["another"] }), Ct);
        (await House.StateAsync(id, 4)).Should().Be(RevisionState.Admitted, "version 2 is approved by now");
    }

    [Test]
    public async Task What_was_never_accepted_is_held_against_what_was_asked_for_first()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab") with { Source = new SourceRequest { Type = "docker", Image = "docker.io/library/other:1" } }), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Standard), Ct);
        await RollOutAsync();
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, false);

        await House.Door.PutAsync(Given.Ann, Given.Update("one", Under("lab")), Ct);

        (await House.StateAsync(id, 3)).Should().Be(RevisionState.Pending);
    }

    [Test]
    public async Task A_profile_that_is_left_and_taken_again_has_moved_on_as_well()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Given.Admin, "lab", Of(Tight), Ct);
        var id = await ServeAsync(Under("lab"));
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Under("restricted")), Ct);
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        await Profiles.ReplaceAsync(Given.Admin, "lab", Of(Standard), Ct);

        await House.Door.PutAsync(Given.Ann, Given.Update("one", Under("lab")), Ct);

        (await House.StateAsync(id, 3)).Should().Be(RevisionState.Pending);
        (await House.PendingAsync(id)).RuleSnapshot.Should().ContainSingle(trigger => trigger.Rule == "loosened").Which.Detail.Should().Contain("version 2");
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Under("standard")), Ct);
        (await House.StateAsync(id, 4)).Should().Be(RevisionState.Admitted, "what is no edited profile is held against the baseline alone");
    }

    [Test]
    public async Task A_source_that_tightens_reaches_what_an_admin_has_loosened()
    {
        await Profiles.CreateAsync(Source, "lab", Of(Standard), Ct);
        var request = Under("lab") with { GuardrailsOverrides = new() { Filesystem = new(ReadOnlyRoot: false, null) } };
        var id = (await House.Door.PutAsync(Given.Admin, Given.Create(request), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        await Profiles.ReplaceAsync(Source, "lab", Of(Tight), Ct);

        await RollOutAsync();

        var record = await House.RecordAsync(id);
        (record.AskedGeneration, record.Asked.State).Should().Be((2L, RevisionState.Admitted));
        (record.Asked.Guardrails.Config.Network.EgressAllowed, record.Asked.Guardrails.Config.Filesystem.ReadOnlyRoot).Should().Be((false, false));
        await House.PromoteAsync(id);
        await Profiles.ReplaceAsync(Source, "lab", Of(Standard), Ct);
        await RollOutAsync();
        (await House.RecordAsync(id)).AskedGeneration.Should().Be(2, "what it lets more is the source's own");
    }

    [Test]
    public async Task A_source_that_tightens_does_not_let_in_what_still_waited_when_approvals_were_switched_off()
    {
        House.Approvals = Waiting.Policy();
        await Profiles.CreateAsync(Source, "lab", Of(Standard), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Under("lab") with { GuardrailsOverrides = new() { Filesystem = new(ReadOnlyRoot: false, null) } }), Ct)).Runtime.Id;
        House.Approvals = null;
        await Profiles.ReplaceAsync(Source, "lab", Of(Tight), Ct);

        await RollOutAsync();

        var record = await House.RecordAsync(id);
        (record.AskedGeneration, record.Asked.State).Should().Be((1L, RevisionState.Pending));
        (await House.EventsAsync(id)).Should().Contain("ProfileRolloutRefused");
    }

    [Test]
    public async Task A_secret_that_is_away_for_a_moment_delays_its_runtime_alone()
    {
        var house = await AnotherAsync(change: options => options with { SecretsDirectory = Path.Combine(Folder, "secrets") });
        var file = Path.Combine(Directory.CreateDirectory(Path.Combine(Folder, "secrets", "blue")).FullName, "token");
        await File.WriteAllTextAsync(file, "one", Ct);
        await house.Get<ProfileStore>().CreateAsync(Given.Admin, "lab", Of(Standard), Ct);
        var waits = new List<string>();
        for (var number = 0; number < 11; number++)
        {
            var request = Given.Request($"waits-{number}", Fine).With("TOKEN", "secret://file/token") with { TeamId = "blue", GuardrailsProfile = "lab" };
            waits.Add((await house.Door.PutAsync(Given.Ann, Given.Create(request), Ct)).Runtime.Id);
        }

        var free = (await house.Door.PutAsync(Given.Ann, Given.Create(Under("lab")), Ct)).Runtime.Id;
        await house.Get<ProfileStore>().ReplaceAsync(Given.Admin, "lab", Of(Tight), Ct);
        File.Delete(file);
        await house.LeadAsync();

        await house.Get<ProfileRollout>().RunAsync(Ct);
        await house.Get<ProfileRollout>().RunAsync(Ct);

        (await house.RecordAsync(free)).AskedGeneration.Should().Be(2, "more than a round's number of others that wait do not hold it up");
        (await house.RecordAsync(waits[0])).AskedGeneration.Should().Be(1);
        (await house.EventsAsync(waits[0])).Should().NotContain("ProfileRolloutRefused").And.ContainSingle(kind => kind == "ProfileRolloutWaits");
        await File.WriteAllTextAsync(file, "one", Ct);
        await house.Get<ProfileRollout>().RunAsync(Ct);
        await house.Get<ProfileRollout>().RunAsync(Ct);
        foreach (var id in waits)
        {
            (await house.RecordAsync(id)).Asked.Guardrails.ProfileVersion.Should().Be(2);
        }
    }

    private static ProfileContent Of(GuardrailsConfig config) => new("for tests", ["docker"], config);

    private static DeployRequest Under(string profile) => Given.Request("one", Fine) with { GuardrailsProfile = profile };

    private static CatalogEntry Entry(string profile) => new()
    {
        Id = "acme/server",
        Name = "server",
        Origin = CatalogEntry.LocalOrigin,
        Source = new SourceRequest { Type = "docker", Image = Fine },
        GuardrailsProfile = profile,
    };

    private async Task<string> IdAsync() => (await House.Queries.FindAsync(Given.Ann, "one", Ct))!.Id;

    /// <summary>Deployed, resolved, and promoted.</summary>
    private async Task<string> ServeAsync(DeployRequest request)
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(request), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        return id;
    }

    /// <summary>Twice: what is brought on stays so.</summary>
    private async Task RollOutAsync()
    {
        await House.LeadAsync();
        await House.Get<ProfileRollout>().RunAsync(Ct);
        await House.Get<ProfileRollout>().RunAsync(Ct);
    }
}
