using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Approvals;
using McpRuntime.Server.Tests.Records;

namespace McpRuntime.Server.Tests.Plan;

[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class RollbackTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private Regenerations Regenerations => House.Get<Regenerations>();

    [Test]
    public async Task Going_back_is_a_new_generation_with_the_old_content_pin_and_secrets()
    {
        var id = await ServeTwoAsync();

        var head = await Regenerations.RollBackAsync(Given.Ann, "one", null, null, Ct);

        head.Generation.Should().Be(3);
        var record = await House.RecordAsync(id);
        record.ServingGeneration.Should().Be(2, "the newer one serves until this one has shown itself");
        record.Asked.State.Should().Be(RevisionState.Admitted);
        record.Asked.Spec.Source.Should().Be(new Source.Docker("docker.io/library/server:1", null));
        record.Asked.Facts!.Pin.Should().Be("docker.io/library/server@sha256:01");
        (await House.Store.EnvironmentAsync(id, 3, Ct))["TOKEN"].Reveal().Should().Be("first");
        (await House.Store.EnvironmentAsync(id, 2, Ct))["TOKEN"].Reveal().Should().Be("second");
    }

    [Test]
    public async Task Going_back_by_name_takes_that_generation_and_the_same_again_is_no_change()
    {
        var id = await ServeTwoAsync();

        (await Regenerations.RollBackAsync(Given.Ann, "one", 2, null, Ct)).Message.Should().StartWith("No change");
        (await Regenerations.RollBackAsync(Given.Ann, "one", 1, null, Ct)).Generation.Should().Be(3);
        (await House.RecordAsync(id)).Asked.ContentHash.Should().Be(await HashAsync(id, 1));
        (await Regenerations.RollBackAsync(Given.Ann, "one", 9, null, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Invalid);
        (await Regenerations.RollBackAsync(Given.Ann, "one", 1, 1, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.PreconditionFailed);
        (await Regenerations.RollBackAsync(Given.Viewer, "one", 1, null, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Forbidden);
    }

    [Test]
    public async Task While_a_newer_one_has_failed_going_back_is_to_the_one_that_serves()
    {
        var id = await ServeTwoAsync();
        House.Approvals = Waiting.Policy();
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:3")), Ct);
        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, false);
        House.Approvals = null;

        await Regenerations.RollBackAsync(Given.Ann, "one", null, null, Ct);

        (await House.RecordAsync(id)).Asked.ContentHash.Should().Be(await HashAsync(id, 2));
    }

    [Test]
    public async Task Without_an_earlier_one_there_is_nothing_to_go_back_to()
    {
        await House.Door.PutAsync(Given.Ann, Given.Create("one"), Ct);

        (await Regenerations.RollBackAsync(Given.Ann, "one", null, null, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Conflict);
    }

    [Test]
    public async Task Going_back_passes_the_gates_of_today()
    {
        var id = await ServeTwoAsync();
        House.Approvals = Waiting.Policy();

        await Regenerations.RollBackAsync(Given.Ann, "one", null, null, Ct);

        var approval = await House.PendingAsync(id);
        approval.Pin.Should().Be("docker.io/library/server@sha256:01", "it can be decided at once: the pin is known");
        (await House.StateAsync(id, 3)).Should().Be(RevisionState.Pending);
        (await House.DecideAsync(Waiting.Carol, approval.Id, true)).Status.Should().Be("approved");
    }

    [Test]
    public async Task Going_back_behind_a_tightened_profile_takes_the_profile_as_it_is_now()
    {
        var profiles = House.Get<ProfileStore>();
        await profiles.CreateAsync(Given.Admin, "lab", new("", [], BuiltInProfiles.Standard.Config), Ct);
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one") with { GuardrailsProfile = "lab" }), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        await profiles.ReplaceAsync(Given.Admin, "lab", new("", [], BuiltInProfiles.Restricted.Config), Ct);
        await House.Get<ProfileRollout>().RunAsync(Ct);
        await House.PromoteAsync(id);

        (await Regenerations.RollBackAsync(Given.Ann, "one", 1, null, Ct)).Message.Should().StartWith("No change");

        (await House.RecordAsync(id)).Asked.Guardrails.Config.Network.EgressAllowed.Should().BeFalse();
    }

    [Test]
    public async Task Going_back_behind_a_catalog_entry_that_asks_for_approval_now_asks()
    {
        House.Approvals = new([], ["docker.io"], [], [], TimeSpan.FromHours(1));
        var entry = new CatalogEntry { Id = "demo", Name = "Demo", Origin = "file", Source = new SourceRequest { Type = "docker", Image = "docker.io/library/server:1" } };
        House.Catalog["demo"] = entry;
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(new DeployRequest { Name = "one", CatalogServerId = "demo" }), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.PromoteAsync(id);
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2")), Ct);
        await House.PromoteAsync(id);
        House.Catalog["demo"] = entry with { RequiresApproval = true };

        await Regenerations.RollBackAsync(Given.Ann, "one", null, null, Ct);

        (await House.StateAsync(id, 3)).Should().Be(RevisionState.Pending);
        (await House.PendingAsync(id)).RuleSnapshot.Should().ContainSingle(trigger => trigger.Rule == "catalog");
    }

    private async Task<string> ServeTwoAsync()
    {
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(Given.Request("one").With("TOKEN", "first")), Ct)).Runtime.Id;
        await House.ResolveAsync(id, "docker.io/library/server@sha256:01");
        await House.PromoteAsync(id);
        await House.Door.PutAsync(Given.Ann, Given.Update("one", Given.Request("one", "docker.io/library/server:2").With("TOKEN", "second")), Ct);
        await House.ResolveAsync(id, "docker.io/library/server@sha256:02");
        await House.PromoteAsync(id);
        return id;
    }

    private Task<string> HashAsync(string id, long generation) => House.Get<Database>().ReadAsync(
        (db, ct) => Task.FromResult(db.Revisions.Single(row => row.RuntimeId == id && row.Generation == generation).ContentHash), Ct);
}
