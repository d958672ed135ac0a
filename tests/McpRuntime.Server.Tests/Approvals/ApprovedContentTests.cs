using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using McpRuntime.Server.Tests.Records;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Tests.Approvals;

/// <summary>What an approval was given to, and what has come to stand in the row.</summary>
[TestFixture(typeof(Sqlite))]
[TestFixture(typeof(PostgreSql), Category = "PostgreSql")]
internal sealed class ApprovedContentTests<TKind> : OnDatabase<TKind>
    where TKind : IDatabaseKind, new()
{
    private static readonly string File = "services:\n  web:\n    image: docker.io/library/web:1\n    command: [serve, --port, '8080']\n  db:\n    image: docker.io/library/db:1\n";

    private static readonly DeployRequest[] Rich =
    [
        Given.Request("one").With("TOKEN", "tops3cret") with
        {
            Tags = ["b", "a"],
            Metadata = new Dictionary<string, string>(StringComparer.Ordinal) { ["requested_reason"] = "für später", ["z"] = "" },
            GuardrailsOverrides = new() { Network = new(true, ["a.example:443", "*.b.example"], null) },
            Resources = new("0.25", "64m", 10, null, null, null),
            EndpointPort = 8080,
            EndpointPath = "/mcp",
            GatewayTransport = "STREAMABLEHTTP",
            GatewayName = "other",
            Volumes = ["/data"],
        },
        Given.Request("one") with { Source = new SourceRequest { Type = "compose", ComposeFile = File, MainService = "web" } },
        Given.Request("one") with { Source = new SourceRequest { Type = "github", Repo = "https://github.com/acme/server", Branch = "main", BuildArgs = new Dictionary<string, string>(StringComparer.Ordinal) { ["A"] = "1" } } },
        new() { Name = "one", CatalogServerId = "acme/server" },
    ];

    [Test]
    public async Task What_was_approved_and_is_as_it_was_may_run([Range(0, 3)] int which)
    {
        var id = await ApprovedAsync(Rich[which]);

        var record = await House.RecordAsync(id);

        (record.Asked.State, record.Asked.NotApproved).Should().Be((RevisionState.Admitted, null));
        await House.PromoteAsync(id);
        (await House.RecordAsync(id)).Serving!.NotApproved.Should().BeNull();
    }

    [TestCase("guardrails")]
    [TestCase("facts")]
    [TestCase("spec")]
    [TestCase("approval")]
    public async Task What_was_changed_after_its_approval_may_not(string what)
    {
        var id = await ApprovedAsync(Rich[0]);
        var other = await ApprovedAsync(Given.Request("two", "docker.io/library/evil:1"));
        await House.Get<Database>().WriteAsync((db, ct) => ChangeAsync(db, what, id, other, ct), Ct);

        (await House.RecordAsync(id)).Asked.NotApproved.Should().Contain("approv");

        // The same for what serves already.
        await House.Get<Database>().WriteAsync((db, ct) => db.Runtimes.Where(row => row.Id == id).ExecuteUpdateAsync(row => row.SetProperty(r => r.ServingGeneration, 1L), ct), Ct);
        (await House.RecordAsync(id)).Serving!.NotApproved.Should().Contain("approv");
    }

    [TestCase("AAAA")]
    [TestCase("no envelope")]
    public async Task What_can_not_be_opened_any_more_may_not_run_and_is_still_a_record_to_stop_and_delete(string damaged)
    {
        var id = await ApprovedAsync(Rich[0]);
        var kept = RecordsJson.Write(new SortedDictionary<string, KeptValue>(StringComparer.Ordinal) { ["TOKEN"] = new(damaged, null, null) });
        await House.Get<Database>().WriteAsync((db, ct) => db.Revisions.Where(row => row.RuntimeId == id).ExecuteUpdateAsync(row => row.SetProperty(r => r.Environment, kept), ct), Ct);

        (await House.RecordAsync(id)).Asked.NotApproved.Should().Contain("can't be read");
        (await House.Store.EnvironmentAsync(id, 1, Ct).RefusedAsync()).Kind.Should().Be(RefusalKind.Unavailable, "a stop does without what is refused");
    }

    [Test]
    public async Task What_was_let_in_past_its_approval_may_not()
    {
        var id = await House.AskAsync("one");
        await House.Get<Database>().WriteAsync((db, ct) => db.Revisions.Where(row => row.RuntimeId == id).ExecuteUpdateAsync(row => row.SetProperty(r => r.State, RevisionState.Admitted), ct), Ct);

        (await House.RecordAsync(id)).Asked.NotApproved.Should().Contain("pending");
    }

    private static async Task<int> ChangeAsync(RecordsDb db, string what, string id, string other, CancellationToken ct)
    {
        var revision = await db.Revisions.SingleAsync(row => row.RuntimeId == id, ct);
        switch (what)
        {
            case "guardrails":
                var guardrails = RecordsJson.Read<EffectiveGuardrails>(revision.Guardrails);
                revision.Guardrails = RecordsJson.Write(guardrails with { Config = guardrails.Config with { Filesystem = new(ReadOnlyRoot: false, ["/"]) } });
                break;
            case "facts":
                revision.Facts = RecordsJson.Write(Given.Facts("docker.io/library/server@sha256:ff"));
                break;
            case "spec":
                // A plain one, as rows of earlier releases are: no seal says whose it is.
                revision.Spec = RecordsJson.Write(new RuntimeSpec { Source = new Source.Docker("docker.io/library/evil:1", null), GuardrailsProfile = "standard", RegisterGateway = true });
                break;
            default:
                (await db.Approvals.SingleAsync(row => row.RuntimeId == id, ct)).ContentHash = (await db.Approvals.SingleAsync(row => row.RuntimeId == other, ct)).ContentHash;
                break;
        }

        return 1;
    }

    private async Task<string> ApprovedAsync(DeployRequest request)
    {
        House.Approvals = Waiting.Policy();
        House.Catalog["acme/server"] = new CatalogEntry
        {
            Id = "acme/server",
            Name = "server",
            Origin = CatalogEntry.LocalOrigin,
            Source = new SourceRequest { Type = "docker", Image = "docker.io/library/server:1" },
            RequiresApproval = true,
        };
        var id = (await House.Door.PutAsync(Given.Ann, Given.Create(request), Ct)).Runtime.Id;
        await House.ResolveAsync(id);
        await House.DecideAsync(Waiting.Carol, (await House.PendingAsync(id)).Id, true);
        return id;
    }
}
