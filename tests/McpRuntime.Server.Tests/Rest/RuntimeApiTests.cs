using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace McpRuntime.Server.Tests.Rest;

internal sealed class RuntimeApiTests
{
    private static readonly string[] ATag = ["a"];
    private static readonly string[] Paged = ["paged"];

    private TestService _service = null!;

    private HttpClient Admin => _service.Admin;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await TestService.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task A_runtime_whose_backend_is_switched_off_says_why_its_deletion_waits_and_how_it_is_given_up()
    {
        var before = await TestService.StartAsync();
        var id = (await before.DeployAsync("stranded")).Text("id");
        await before.StopAsync();
        await using var service = await TestService.StartAsync(folder: before.Folder, withBackend: false);

        using (var accepted = await service.Admin.DeleteAsync("/runtimes/stranded"))
        {
            await accepted.JsonAsync(HttpStatusCode.Accepted);
        }

        var told = "";
        await Eventually.HoldsAsync(async () => (told = (await service.Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK)).GetProperty("error_message").ToString()).Length > 0);
        told.Should().Contain("RUNTIME_DOCKER_ENABLED").And.Contain("/abandon");
        (await service.Admin.PostTextAsync($"/runtimes/{id}/abandon", "{}", HttpStatusCode.UnprocessableEntity)).GetProperty("errors").GetProperty("reason").GetArrayLength().Should().Be(1);
        (await service.Admin.PostTextAsync($"/runtimes/{id}/abandon", """{"reason": "the host is gone"}""", HttpStatusCode.Accepted)).Text("status").Should().Be("deleted");
        (await service.Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK)).Text("status").Should().Be("deleted");
    }

    [Test]
    public async Task A_deploy_answers_201_with_the_place_and_the_whole_representation()
    {
        using var response = await Admin.PostAsJsonAsync("/runtimes/deploy", new
        {
            name = "whole",
            source = new { type = "docker", image = "echo:1" },
            environment = new Dictionary<string, string>(StringComparer.Ordinal) { ["API_KEY"] = "hunter2-hunter2" },
            tags = ATag,
            metadata = new { requested_reason = "because" },
        });
        var body = await response.JsonAsync(HttpStatusCode.Created);
        var runtime = body.GetProperty("runtime");

        response.Headers.Location!.ToString().Should().Be("/runtimes/" + runtime.Text("id"));
        response.Headers.ETag!.Tag.Should().Be("\"1\"");
        body.Text("message").Should().NotBeEmpty();
        runtime.EnumerateObject().Select(property => property.Name).Should().Contain(
        [
            "id", "name", "owner", "backend", "source_type", "source", "status", "approval_status", "approval_id", "desired_state", "generation",
            "observed_generation", "revision", "runtime_ref", "endpoint_url", "image", "image_digest", "commit", "gateway_id", "catalog_server_id",
            "guardrails_profile", "guardrails", "guardrails_warnings", "guardrails_report", "resource_limits", "environment", "conditions", "server_info",
            "restarts", "error_message", "visibility", "team_id", "tags", "metadata", "created_by", "approved_by", "created_at", "updated_at", "last_status_check",
        ]);
        runtime.Text("owner").Should().Be("rest");
        runtime.Text("backend").Should().Be("docker");
        runtime.Text("source_type").Should().Be("docker");
        runtime.Text("guardrails_profile").Should().Be("standard");
        runtime.GetProperty("source").Text("image").Should().Be("docker.io/library/echo:1");
        runtime.GetProperty("environment").Text("API_KEY").Should().Be("***");
        runtime.GetProperty("guardrails").GetProperty("network").GetProperty("ingress_ports")[0].GetInt32().Should().Be(8080);
        runtime.GetProperty("resource_limits").Text("memory").Should().Be("512m");
        runtime.GetRawText().Should().NotContain("hunter2");
    }

    [Test]
    public async Task A_name_in_use_is_a_conflict_that_names_it()
    {
        await _service.DeployAsync("taken");

        var problem = await Admin.PostTextAsync("/runtimes/deploy", """{"name": "taken", "source": {"type": "docker", "image": "echo"}}""", HttpStatusCode.Conflict);

        problem.Text("detail").Should().Contain("taken");
    }

    [Test]
    public async Task The_same_idempotency_key_gives_the_same_runtime()
    {
        async Task<JsonElement> SendAsync()
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/runtimes/deploy") { Content = JsonContent.Create(new { name = "once", source = new { type = "docker", image = "echo:1" } }) };
            request.Headers.Add("Idempotency-Key", "key-1");
            using var response = await Admin.SendAsync(request);
            return await response.JsonAsync(HttpStatusCode.Created);
        }

        (await SendAsync()).GetProperty("runtime").Text("id").Should().Be((await SendAsync()).GetProperty("runtime").Text("id"));
    }

    [Test]
    public async Task Dry_run_answers_with_the_plan_and_writes_nothing()
    {
        var plan = await Admin.PostTextAsync("/runtimes/deploy?dry_run=true", """{"name": "dry", "source": {"type": "docker", "image": "echo"}}""", HttpStatusCode.OK);

        plan.Text("action").Should().Be("create");
        await Admin.GetAsync("/runtimes/dry", HttpStatusCode.NotFound);
    }

    [Test]
    public async Task A_runtime_is_found_by_id_and_by_name()
    {
        var id = (await _service.DeployAsync("findme")).Text("id");

        (await Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK)).Text("name").Should().Be("findme");
        (await Admin.GetAsync("/runtimes/findme", HttpStatusCode.OK)).Text("id").Should().Be(id);
    }

    [Test]
    public async Task A_put_makes_a_new_generation_only_when_the_spec_differs_and_the_etag_matches()
    {
        await _service.DeployAsync("putme");

        (await PutAsync("putme", "echo:1", "\"1\"", HttpStatusCode.OK)).GetProperty("runtime").GetProperty("generation").GetInt64().Should().Be(1);
        (await PutAsync("putme", "echo:2", "\"1\"", HttpStatusCode.OK)).GetProperty("runtime").GetProperty("generation").GetInt64().Should().Be(2);
        await PutAsync("putme", "echo:3", "\"1\"", HttpStatusCode.PreconditionFailed);
        await PutAsync("putme", "echo:3", "W/\"x\"", HttpStatusCode.BadRequest);
        await PutAsync("absent", "echo:3", null, HttpStatusCode.NotFound);
        (await PutAsync("putme", "echo:3", null, HttpStatusCode.OK)).GetProperty("runtime").GetProperty("generation").GetInt64().Should().Be(3);
    }

    [Test]
    public async Task Pages_follow_each_other_newest_first_without_gap_or_repetition()
    {
        for (var i = 0; i < 5; i++)
        {
            await _service.DeployAsync($"page-{i}", new { tags = Paged });
        }

        var names = new List<string>();
        string? cursor = null;
        do
        {
            var page = await Admin.GetAsync($"/runtimes?tag=paged&limit=2{(cursor is null ? "" : "&cursor=" + Uri.EscapeDataString(cursor))}", HttpStatusCode.OK);
            page.GetProperty("total").GetInt64().Should().Be(5);
            names.AddRange(page.GetProperty("runtimes").EnumerateArray().Select(runtime => runtime.Text("name")));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);

        names.Should().Equal("page-4", "page-3", "page-2", "page-1", "page-0");
        (await Admin.GetAsync("/runtimes?tag=paged&limit=2&offset=4", HttpStatusCode.OK)).GetProperty("runtimes").GetArrayLength().Should().Be(1);
    }

    [TestCase("/runtimes?limit=0", "limit")]
    [TestCase("/runtimes?limit=501", "limit")]
    [TestCase("/runtimes?limit=x", "limit")]
    [TestCase("/runtimes?limit=1&limit=2", "limit")]
    [TestCase("/runtimes?offset=-1", "offset")]
    [TestCase("/runtimes?status=happy", "status")]
    [TestCase("/runtimes?backend=podman", "backend")]
    [TestCase("/runtimes?colour=red", "colour")]
    [TestCase("/runtimes?tag=", "tag")]
    [TestCase("/runtimes?cursor=abc&offset=5", "cursor")]
    [TestCase("/runtimes/x/logs?tail=0", "tail")]
    [TestCase("/runtimes/x/logs?tail=5001", "tail")]
    [TestCase("/runtimes/x/logs?stream=all", "stream")]
    [TestCase("/runtimes/x/logs?since=yesterday", "since")]
    [TestCase("/runtimes/x/events?cursor=one", "cursor")]
    [TestCase("/runtimes?cursor=one", "cursor")]
    [TestCase("/runtimes/x?refresh_status=perhaps", "refresh_status")]
    [TestCase("/runtimes/backends?x=1", "x")]
    public async Task A_query_parameter_out_of_bounds_is_named(string path, string parameter)
    {
        var problem = await Admin.GetAsync(path, HttpStatusCode.UnprocessableEntity);

        problem.GetProperty("errors").EnumerateObject().Select(error => error.Name).Should().Contain(parameter);
    }

    [Test]
    public async Task Wait_seconds_has_its_bounds()
    {
        await Admin.PostTextAsync("/runtimes/deploy?wait_seconds=601", """{"name": "w"}""", HttpStatusCode.UnprocessableEntity);
    }

    [TestCase("start")]
    [TestCase("stop")]
    [TestCase("restart")]
    [TestCase("hold")]
    [TestCase("release")]
    public async Task A_command_answers_202_with_id_status_and_words(string command)
    {
        var id = (await _service.DeployAsync("command-" + command)).Text("id");

        var answer = await Admin.PostAsync($"/runtimes/{id}/{command}", HttpStatusCode.Accepted);

        answer.Text("runtime_id").Should().Be(id);
        answer.Text("status").Should().NotBeEmpty();
        answer.Text("message").Should().NotBeEmpty();
        await Admin.PostAsync($"/runtimes/nobody/{command}", HttpStatusCode.NotFound);
        await Admin.PostTextAsync($"/runtimes/{id}/{command}", """{"force": true}""", HttpStatusCode.UnprocessableEntity);
    }

    [Test]
    public async Task A_hold_shows_its_reason()
    {
        await _service.DeployAsync("heldone");

        await Admin.PostTextAsync("/runtimes/heldone/hold", """{"reason": "incident 7"}""", HttpStatusCode.Accepted);

        (await Admin.GetAsync("/runtimes/heldone", HttpStatusCode.OK)).Text("hold").Should().Contain("incident 7");
        await Admin.PostTextAsync("/runtimes/heldone/hold", $$"""{"reason": "{{new string('x', 1001)}}"}""", HttpStatusCode.UnprocessableEntity);
    }

    [Test]
    public async Task A_delete_is_accepted_and_may_be_repeated()
    {
        var id = (await _service.DeployAsync("goner")).Text("id");
        for (var i = 0; i < 2; i++)
        {
            using var response = await Admin.DeleteAsync("/runtimes/" + id);
            (await response.JsonAsync(HttpStatusCode.Accepted)).Text("runtime_id").Should().Be(id);
        }
    }

    [Test]
    public async Task Events_tell_what_happened_in_order()
    {
        await _service.DeployAsync("eventful");
        await Admin.PostAsync("/runtimes/eventful/stop", HttpStatusCode.Accepted);

        var events = (await Admin.GetAsync("/runtimes/eventful/events?limit=50", HttpStatusCode.OK)).GetProperty("events").EnumerateArray().ToList();

        events.Should().HaveCountGreaterThanOrEqualTo(2);
        events.Select(e => e.GetProperty("sequence").GetInt64()).Should().BeInAscendingOrder();
        events.Should().OnlyContain(e => e.Text("kind").Length > 0 && e.Text("message").Length > 0 && e.Text("actor").Length > 0);
    }

    [Test]
    public async Task A_deploy_that_waits_answers_as_soon_as_the_server_runs()
    {
        using var response = await Admin.PostAsJsonAsync("/runtimes/deploy?wait_seconds=30", new { name = "waited", source = new { type = "docker", image = "echo:1" }, register_gateway = false });

        var runtime = (await response.JsonAsync(HttpStatusCode.Created)).GetProperty("runtime");

        runtime.Text("status").Should().Be("running");
        runtime.GetProperty("observed_generation").GetInt64().Should().Be(1);
    }

    [Test]
    public async Task A_refresh_looks_at_the_backend_before_it_answers()
    {
        var id = (await _service.DeployAsync("refreshed", new { register_gateway = false })).Text("id");
        await Eventually.HoldsAsync(async () => (await Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK)).Text("status") == "running");
        var before = await Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK);

        var after = await Admin.GetAsync($"/runtimes/{id}?refresh_status=true", HttpStatusCode.OK);

        after.GetProperty("last_status_check").GetDateTimeOffset().Should().BeAfter(before.GetProperty("last_status_check").GetDateTimeOffset());
    }

    [Test]
    public async Task A_deleted_runtime_is_found_by_id_and_not_by_name_and_listed_on_demand()
    {
        var id = (await _service.DeployAsync("tombed", new { register_gateway = false })).Text("id");
        using var deleted = await Admin.DeleteAsync("/runtimes/tombed");
        await Eventually.HoldsAsync(async () => (await Admin.GetAsync("/runtimes/" + id, HttpStatusCode.OK)).Text("status") == "deleted");

        await Admin.GetAsync("/runtimes/tombed", HttpStatusCode.NotFound);
        (await ListedAsync("")).Should().NotContain(id);
        (await ListedAsync("&status=deleted")).Should().Contain(id);
        (await ListedAsync("&status=all")).Should().Contain(id);
        await Admin.GetAsync($"/runtimes/{id}/logs", HttpStatusCode.Conflict);
        await Admin.PostAsync($"/runtimes/{id}/start", HttpStatusCode.Conflict);
    }

    private async Task<List<string>> ListedAsync(string more) =>
        [.. (await Admin.GetAsync("/runtimes?limit=500" + more, HttpStatusCode.OK)).GetProperty("runtimes").EnumerateArray().Select(runtime => runtime.Text("id"))];

    private async Task<JsonElement> PutAsync(string name, string image, string? ifMatch, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(HttpMethod.Put, "/runtimes/" + name) { Content = JsonContent.Create(new { source = new { type = "docker", image } }) };
        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        using var response = await Admin.SendAsync(request);
        return await response.JsonAsync(expected);
    }
}
