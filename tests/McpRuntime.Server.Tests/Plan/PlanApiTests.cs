using System.Net;
using System.Text.Json;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records;
using McpRuntime.Server.Tests.Rest;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Server.Tests.Plan;

/// <summary>Plan, approvals, profiles and rollback through HTTP, on the whole service with a backend in memory.</summary>
internal sealed class PlanApiTests
{
    private TestService _service = null!;
    private HttpClient _operator = null!;
    private HttpClient _approver = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _service = await TestService.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_APPROVAL_ENABLED"] = "true",
            ["RUNTIME_APPROVAL_REGISTRY_ALLOWLIST"] = "docker.io/mcp",
        });
        _operator = await _service.ClientAsync("olga", "operator");
        _approver = await _service.ClientAsync("anna", "approver");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        _operator.Dispose();
        _approver.Dispose();
        await _service.DisposeAsync();
    }

    [Test]
    public async Task What_is_not_what_was_approved_is_put_nowhere_and_says_so()
    {
        var id = (await _service.DeployAsync("forged", client: _operator)).Text("id");
        await _service.Services.GetRequiredService<Database>().WriteAsync(
            (db, ct) => db.Revisions.Where(row => row.RuntimeId == id).ExecuteUpdateAsync(row => row.SetProperty(r => r.State, RevisionState.Admitted), ct), CancellationToken.None);

        var runtime = await _operator.GetAsync($"/runtimes/{id}?refresh_status=true", HttpStatusCode.OK);
        for (var tries = 0; runtime.Text("status") != "error" && tries < 100; tries++)
        {
            runtime = await _operator.GetAsync($"/runtimes/{id}?refresh_status=true", HttpStatusCode.OK);
        }

        runtime.Text("status").Should().Be("error");
        runtime.Text("error_message").Should().Contain("approv");
        runtime.GetProperty("conditions").EnumerateArray().Should().Contain(condition => condition.Text("reason") == "NotWhatWasApproved");
        (await _service.Backend.ObserveAsync(new RuntimeIdentity(await _service.Services.GetRequiredService<IRecordStore>().InstanceIdAsync(CancellationToken.None), id), CancellationToken.None))
            .Match(known => known.Resources.Count, _ => -1).Should().Be(0);
    }

    [Test]
    public async Task A_plan_says_what_would_come_of_it_and_writes_nothing()
    {
        var before = (await _operator.GetAsync("/runtimes", HttpStatusCode.OK)).GetProperty("total").GetInt64();

        var plan = await PlanAsync("planned", "docker.io/library/echo:1");

        plan.Text("action").Should().Be("create");
        plan.GetProperty("runtime_id").ValueKind.Should().Be(JsonValueKind.Null);
        plan.GetProperty("source").Text("pin").Should().StartWith("sha256:");
        plan.GetProperty("guardrails").GetProperty("filesystem").GetProperty("read_only_root").GetBoolean().Should().BeTrue();
        plan.GetProperty("guardrails_report").GetArrayLength().Should().BePositive();
        plan.GetProperty("guardrails_warnings").EnumerateArray().Select(warning => warning.Text("field")).Should().Contain("resources.max_pids");
        plan.GetProperty("approval").GetProperty("required").GetBoolean().Should().BeTrue();
        plan.GetProperty("approval").GetProperty("reasons").EnumerateArray().Select(reason => reason.Text("rule")).Should().Equal("registry");
        plan.GetProperty("steps").EnumerateArray().Select(step => step.Text("action")).Should().OnlyContain(action => action == "create");
        plan.GetProperty("diff").GetArrayLength().Should().Be(0);
        (await _operator.GetAsync("/runtimes", HttpStatusCode.OK)).GetProperty("total").GetInt64().Should().Be(before);
        (await _operator.GetAsync("/runtimes/approvals", HttpStatusCode.OK)).GetProperty("approvals").EnumerateArray().Should().NotContain(approval => approval.Text("runtime_name") == "planned");
    }

    [Test]
    public async Task A_plan_of_an_update_shows_the_difference_and_no_secret()
    {
        var runtime = await _service.DeployAsync("changing", new { source = new { type = "docker", image = "docker.io/mcp/echo:1" }, environment = new { TOKEN = "hush-hush-1" } }, _operator);
        var body = JsonSerializer.Serialize(new { name = "changing", source = new { type = "docker", image = "docker.io/mcp/echo:2" }, environment = new { TOKEN = "hush-hush-2" }, guardrails_profile = "restricted" });

        var plan = await _operator.PostTextAsync("/runtimes/plan", body, HttpStatusCode.OK);

        plan.Text("runtime_id").Should().Be(runtime.Text("id"));
        plan.Text("action").Should().Be("update");
        plan.GetProperty("generation").GetInt64().Should().Be(2);
        plan.GetProperty("approval").GetProperty("required").GetBoolean().Should().BeFalse("tightening never needs one");
        var diff = plan.GetProperty("diff").EnumerateArray().ToDictionary(line => line.Text("field"), line => (line.GetProperty("from").ToString(), line.GetProperty("to").ToString()));
        diff["source.image"].Should().Be(("docker.io/mcp/echo:1", "docker.io/mcp/echo:2"));
        diff["guardrails.network.egress_allowed"].Should().Be(("true", "false"));
        diff["environment.TOKEN"].Should().Be(("***", "***"));
        plan.GetRawText().Should().NotContain("hush");

        using var refused = await _operator.PostAsync("/runtimes/deploy?dry_run=true", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        refused.StatusCode.Should().Be(HttpStatusCode.Conflict, "the deployment itself would be");
        using var dry = await _operator.PutAsync("/runtimes/changing?dry_run=true", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        (await dry.JsonAsync(HttpStatusCode.OK)).Text("action").Should().Be("update");
    }

    [Test]
    public async Task A_plan_is_refused_as_the_deployment_would_be_and_tells_of_a_backend_that_is_away()
    {
        await _operator.PostTextAsync("/runtimes/plan", """{"name":"Bad Name","source":{"type":"docker","image":"docker.io/mcp/echo:1"}}""", HttpStatusCode.UnprocessableEntity);
        using var viewer = await _service.ClientAsync("vera", "viewer");
        await viewer.PostTextAsync("/runtimes/plan", "{}", HttpStatusCode.Forbidden);

        _service.Backend.Away = new Fault(FaultKind.Transient, "Away", "the engine is asleep");
        try
        {
            var plan = await PlanAsync("dark", "docker.io/mcp/echo:1");
            plan.GetProperty("problems").EnumerateArray().Select(problem => problem.GetString()).Should().Contain(problem => problem!.Contains("asleep"));
            plan.GetProperty("source").GetProperty("pin").ValueKind.Should().Be(JsonValueKind.Null);
        }
        finally
        {
            _service.Backend.Away = null;
        }
    }

    [Test]
    public async Task Approving_goes_on_by_itself_and_rejecting_is_an_error_with_the_words()
    {
        var wanted = await _service.DeployAsync("wanted", client: _operator);
        var unwanted = await _service.DeployAsync("unwanted", client: _operator);
        wanted.Text("approval_status").Should().Be("pending");
        var shown = await _approver.GetAsync($"/runtimes/approvals/{wanted.Text("approval_id")}", HttpStatusCode.OK);
        shown.Text("status").Should().Be("pending");
        shown.GetProperty("content").GetProperty("source").Text("image").Should().Be("docker.io/library/echo:1");
        await ResolvedAsync("wanted");
        await ResolvedAsync("unwanted");

        await _operator.PostAsync($"/runtimes/approvals/{wanted.Text("approval_id")}/approve", HttpStatusCode.Forbidden);
        await _approver.PostTextAsync($"/runtimes/approvals/{wanted.Text("approval_id")}/approve", """{"reason":"fine"}""", HttpStatusCode.OK);
        await _approver.PostTextAsync($"/runtimes/approvals/{wanted.Text("approval_id")}/reject", "{}", HttpStatusCode.Conflict);
        await _approver.PostTextAsync($"/runtimes/approvals/{unwanted.Text("approval_id")}/reject", """{"reason":"not this one"}""", HttpStatusCode.OK);
        await _approver.PostTextAsync($"/runtimes/approvals/{unwanted.Text("approval_id")}/reject", $$"""{"reason":"{{new string('x', 1001)}}"}""", HttpStatusCode.UnprocessableEntity);

        await Eventually.HoldsAsync(async () => (await _operator.GetAsync("/runtimes/wanted", HttpStatusCode.OK)).Text("status") is "deploying" or "running" or "connected");
        await Eventually.HoldsAsync(async () => (await _operator.GetAsync("/runtimes/unwanted", HttpStatusCode.OK)).Text("status") == "error");
        var rejected = await _operator.GetAsync("/runtimes/unwanted", HttpStatusCode.OK);
        rejected.Text("error_message").Should().Contain("not this one");
        rejected.Text("approval_status").Should().Be("rejected");
    }

    [Test]
    public async Task Profiles_are_made_edited_listed_with_their_versions_and_deleted()
    {
        const string Body = """{"name":"lab","description":"a lab","recommended_backends":["docker"],"config":{"network":{"egress_allowed":false}}}""";
        await _operator.PostTextAsync("/runtimes/guardrails", Body, HttpStatusCode.Forbidden);
        var made = await _service.Admin.PostTextAsync("/runtimes/guardrails", Body, HttpStatusCode.Created);
        made.GetProperty("config").GetProperty("filesystem").GetProperty("read_only_root").GetBoolean().Should().BeTrue("what is left out is as in standard");
        await _service.Admin.PostTextAsync("/runtimes/guardrails", Body, HttpStatusCode.Conflict);
        await _service.Admin.PostTextAsync("/runtimes/guardrails", """{"name":"standard"}""", HttpStatusCode.Conflict);
        await _service.Admin.PostTextAsync("/runtimes/guardrails", """{"name":"x","config":{"network":{"egress_allowed":false,"allowed_hosts":["a.example"]}}}""", HttpStatusCode.UnprocessableEntity);

        using var edited = await _service.Admin.PutAsync(
            "/runtimes/guardrails/lab",
            new StringContent("""{"config":{"network":{"egress_allowed":true,"allowed_hosts":["a.example:443"]}}}""", System.Text.Encoding.UTF8, "application/json"));
        (await edited.JsonAsync(HttpStatusCode.OK)).GetProperty("version").GetInt64().Should().Be(2);
        (await _operator.GetAsync("/runtimes/guardrails", HttpStatusCode.OK)).EnumerateArray().Select(profile => profile.Text("name")).Should().Equal("unrestricted", "standard", "restricted", "airgapped", "lab");
        (await _operator.GetAsync("/runtimes/guardrails/lab/versions", HttpStatusCode.OK)).GetArrayLength().Should().Be(2);
        using var gone = await _service.Admin.DeleteAsync("/runtimes/guardrails/lab");
        gone.StatusCode.Should().Be(HttpStatusCode.NoContent);
        await _operator.GetAsync("/runtimes/guardrails/lab", HttpStatusCode.NotFound);
    }

    [Test]
    public async Task Rollback_without_anything_to_go_back_to_is_a_conflict()
    {
        await _service.DeployAsync("fresh", new { source = new { type = "docker", image = "docker.io/mcp/echo:1" } }, _operator);

        (await _operator.PostAsync("/runtimes/fresh/rollback", HttpStatusCode.Conflict)).Text("title").Should().Be("Nothing to go back to");
        await _operator.PostTextAsync("/runtimes/fresh/rollback", """{"generation":7}""", HttpStatusCode.UnprocessableEntity);
    }

    private Task<JsonElement> PlanAsync(string name, string image) =>
        _operator.PostTextAsync("/runtimes/plan", JsonSerializer.Serialize(new { name, source = new { type = "docker", image } }), HttpStatusCode.OK);

    private Task ResolvedAsync(string name) => Eventually.HoldsAsync(async () =>
        (await _operator.GetAsync("/runtimes/approvals", HttpStatusCode.OK)).GetProperty("approvals").EnumerateArray()
            .Any(approval => approval.Text("runtime_name") == name && approval.GetProperty("pin").ValueKind == JsonValueKind.String));
}
