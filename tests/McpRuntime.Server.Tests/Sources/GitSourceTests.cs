using System.Net;
using System.Text.Json;
using McpRuntime.Backends.Tests.Git;
using McpRuntime.Server.Tests.Rest;
using static McpRuntime.Server.Tests.Sources.GitOpsHouse;

namespace McpRuntime.Server.Tests.Sources;

/// <summary>The whole service on a repository of git's own server: what is in the repository is what is recorded.</summary>
[Category("GitOps")]
[Parallelizable(ParallelScope.All)]
internal sealed class GitSourceTests
{
    private GitServer _server = null!;

    [OneTimeSetUp]
    public async Task Open() => _server = await GitServer.StartAsync();

    [OneTimeTearDown]
    public async Task Close() => await _server.DisposeAsync();

    [Test]
    public async Task What_is_added_changed_renamed_moved_and_removed_in_the_repository_is_so_in_the_records()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("servers/a.yaml", Manifest("a")), ("servers/deep/er/b.json", Json("b")), ("README.md", "no manifest"), ("servers/other.yaml", "apiVersion: v1\nkind: ConfigMap\n"), ("elsewhere/c.yaml", Manifest("c"))], ", \"path\": \"servers\"");
        var first = await house.SyncAsync();

        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a", "b");
        first.Text("commit").Should().HaveLength(40).And.Be(first.Text("seen_commit"));
        (first.GetProperty("stale").GetBoolean(), first.GetProperty("error").ValueKind, Count(first, "runtimes"), Count(first, "ignored"), Count(first, "files")).Should().Be((false, JsonValueKind.Null, 2, 1, 3));
        var a = await house.FindAsync("a");
        (a.Text("owner"), Origin(a, "commit"), Origin(a, "file")).Should().Be(("git:infra", first.Text("commit"), "servers/a.yaml"));

        // Changed, and another moved to another file: the moved one keeps its record and its generation.
        var second = await house.CommitAsync(async work =>
        {
            await File.WriteAllTextAsync(Path.Combine(work, "servers/a.yaml"), Manifest("a", "docker.io/library/echo:2") + "---\n" + Manifest("b"));
            File.Delete(Path.Combine(work, "servers/deep/er/b.json"));
        });
        var b = await house.FindAsync("b");
        var shown = await house.SyncAsync();
        (Count(shown, "created"), Count(shown, "changed"), Count(shown, "deleted"), shown.Text("commit")).Should().Be((0, 1, 0, second));
        var moved = await house.FindAsync("b");
        (moved.Text("id"), moved.GetProperty("generation").GetInt64(), Origin(moved, "file")).Should().Be((b.Text("id"), 1L, "servers/a.yaml"));
        (await house.LiveAsync())["a"].Should().EndWith("echo:2");
        Origin(await house.FindAsync("a"), "commit").Should().Be(second);

        // Renamed: another name is another runtime.
        await house.CommitAsync(("servers/a.yaml", Manifest("a2") + "---\n" + Manifest("b")));
        shown = await house.SyncAsync();
        (Count(shown, "created"), Count(shown, "deleted")).Should().Be((1, 1));
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a2", "b");

        await house.CommitAsync(("servers/a.yaml", Manifest("b")));
        await house.SyncAsync();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("b");
        await Eventually.HoldsAsync(async () => await StatusAsync(house, "a") is HttpStatusCode.NotFound && await StatusAsync(house, "a2") is HttpStatusCode.NotFound);
    }

    [Test]
    public async Task The_profiles_of_a_commit_whose_runtimes_are_refused_stay_as_they_were()
    {
        static string Profile(string memory) => $"apiVersion: mcpruntime.dev/v1alpha1\nkind: GuardrailProfile\nmetadata: {{name: house}}\nspec: {{description: x, config: {{resources: {{memory: {memory}}}}}}}\n";
        var under = Manifest("a", more: "  guardrails: {profile: house}");
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", under), ("house.yaml", Profile("512Mi"))], more: ("RUNTIME_SOURCE_POLICY", """{"git:infra": {"profiles": true}}"""));
        (await house.SyncAsync()).GetProperty("error").ValueKind.Should().Be(JsonValueKind.Null);

        // The secret is looked for when the runtime is stored, and not before.
        await house.CommitAsync(("house.yaml", Profile("64Mi")), ("b.yaml", Manifest("b", more: "  environment: [{name: KEY, value: 'secret://env/MCPSECRET_THAT_NOBODY_SET'}]")));
        (await house.SyncAsync()).Text("reason").Should().Be("NotAdmitted");
        (await VersionAsync(house)).Should().Be(1, "nothing of the commit is applied");

        await house.RemoveAsync("b.yaml");
        var synced = await house.SyncAsync();
        synced.GetProperty("error").ValueKind.Should().Be(JsonValueKind.Null, synced.ToString());
        (await VersionAsync(house)).Should().Be(2);
        (await house.FindAsync("a")).GetProperty("generation").GetInt64().Should().Be(2, "it is under the new one with the same transaction");
    }

    [Test]
    public async Task What_a_repository_that_is_in_the_settings_no_more_has_left_is_adopted_by_an_admin()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", Manifest("a"))]);
        await house.SyncAsync();
        var admin = () => house.Service.Admin;
        await admin().PostAsync("/runtimes/sources/git:infra/adopt", HttpStatusCode.Conflict);

        await house.StartAgainAsync("[]");
        var left = (await admin().GetAsync("/runtimes/sources", HttpStatusCode.OK)).GetProperty("left_behind").EnumerateArray().Should().ContainSingle().Subject;
        (left.Text("owner"), left.GetProperty("runtimes").GetInt32()).Should().Be(("git:infra", 1));
        await admin().PostAsync("/runtimes/a/stop", HttpStatusCode.Conflict);
        using var ann = await house.Service.ClientAsync("ann", "operator");
        await ann.PostAsync("/runtimes/sources/git:infra/adopt", HttpStatusCode.Forbidden);

        await admin().PostAsync("/runtimes/sources/git:infra/adopt", HttpStatusCode.OK);

        var a = await house.FindAsync("a");
        (a.Text("owner"), a.GetProperty("generation").GetInt64(), a.GetProperty("origin").ValueKind).Should().Be(("rest", 1L, JsonValueKind.Null));
        (await admin().GetAsync("/runtimes/sources", HttpStatusCode.OK)).GetProperty("left_behind").EnumerateArray().Should().BeEmpty();
        await admin().PostAsync("/runtimes/a/stop", HttpStatusCode.Accepted);
        await admin().PostAsync("/runtimes/sources/git:infra/adopt", HttpStatusCode.NotFound);
        (await admin().DeleteAsync("/runtimes/a")).StatusCode.Should().Be(HttpStatusCode.Accepted);
    }

    private static async Task<long> VersionAsync(GitOpsHouse house) => (await house.Service.Admin.GetAsync("/runtimes/guardrails/house", HttpStatusCode.OK)).GetProperty("version").GetInt64();

    [Test]
    public async Task It_is_looked_at_by_itself_and_a_restart_keeps_what_is_known()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", Manifest("a"))], interval: "5");
        await Eventually.HoldsAsync(async () => (await house.LiveAsync()).ContainsKey("a"));
        var second = await house.CommitAsync(("b.yaml", Manifest("b", more: "  state: Stopped")));
        await Eventually.HoldsAsync(async () => (await house.LiveAsync()).ContainsKey("b"));
        await Eventually.HoldsAsync(async () => (await house.ShowAsync()).GetProperty("commit").GetString() == second);
        var before = await house.ShowAsync();
        await Eventually.HoldsAsync(async () => (await house.FindAsync("b")).Text("status") == "stopped");

        await house.StartAgainAsync();

        var after = await house.ShowAsync();
        (after.Text("commit"), after.Text("applied_at")).Should().Be((before.Text("commit"), before.Text("applied_at")));
        await Eventually.HoldsAsync(async () => (await house.ShowAsync()).Text("checked_at") != before.Text("checked_at"));
        after = await house.ShowAsync();
        (after.Text("applied_at"), after.GetProperty("stale").GetBoolean()).Should().Be((before.Text("applied_at"), false), "what is applied is not applied again");
    }

    [Test]
    public async Task A_runtime_that_is_suspended_in_the_repository_stays_as_it_is()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", Manifest("a"))]);
        await house.SyncAsync();
        await house.CommitAsync(("a.yaml", Manifest("a", "docker.io/library/echo:2", "  suspend: true")));

        var shown = await house.SyncAsync();

        (Count(shown, "suspended"), Count(shown, "changed"), Count(shown, "deleted")).Should().Be((1, 0, 0));
        (await house.LiveAsync())["a"].Should().EndWith("echo:1");
    }

    [Test]
    public async Task Its_records_are_changed_there_alone_and_a_name_of_anothers_is_not_taken_over()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", Manifest("a")), ("mine.yaml", Manifest("mine", "docker.io/library/echo:2"))], interval: "5");
        await Eventually.HoldsAsync(async () => (await house.ShowAsync()).GetProperty("commit").ValueKind == JsonValueKind.String);
        var taken = await house.Service.DeployAsync("theirs");
        await house.CommitAsync(("theirs.yaml", Manifest("theirs", "docker.io/library/echo:2")), ("z.yaml", Manifest("z")));
        var shown = await house.SyncAsync();

        foreach (var (method, path) in new[] { (HttpMethod.Delete, "/runtimes/a"), (HttpMethod.Post, "/runtimes/a/stop"), (HttpMethod.Put, "/runtimes/a") })
        {
            using var request = new HttpRequestMessage(method, path) { Content = method == HttpMethod.Put ? new StringContent("""{"name": "a", "source": {"type": "docker", "image": "docker.io/library/other:1"}}""", System.Text.Encoding.UTF8, "application/json") : null };
            using var answer = await house.Service.Admin.SendAsync(request);
            (await answer.JsonAsync(HttpStatusCode.Conflict)).Text("detail").Should().Contain("Git repository 'infra'");
        }

        (await house.LiveAsync()).Should().Contain("a", "docker.io/library/echo:1").And.Contain("theirs", "docker.io/library/echo:1").And.ContainKey("z", "the others go on");
        var conflict = shown.GetProperty("conflicts").EnumerateArray().Should().ContainSingle().Subject;
        (conflict.Text("path"), (await house.FindAsync("theirs")).Text("id")).Should().Be(("theirs", taken.Text("id")));

        // Once it is gone the name is free, and nobody needs to ask.
        using (var deleted = await house.Service.Admin.DeleteAsync("/runtimes/theirs"))
        {
            deleted.IsSuccessStatusCode.Should().BeTrue();
        }

        await Eventually.HoldsAsync(async () => (await house.ShowAsync()).GetProperty("conflicts").GetArrayLength() == 0);
        (await house.FindAsync("theirs")).Text("owner").Should().Be("git:infra");
    }

    [Test]
    public async Task Profiles_come_along_if_the_policy_lets_them_and_go_when_nobody_uses_them()
    {
        const string Profile = "apiVersion: mcpruntime.dev/v1alpha1\nkind: GuardrailProfile\nmetadata:\n  name: tight\nspec:\n  description: Nothing gets out\n  recommendedBackends: [docker]\n  config: {network: {egressAllowed: false}}\n";
        await using var house = await GitOpsHouse.BuildAsync(
            _server, [("a.yaml", Manifest("a", more: "  guardrails: {profile: tight}")), ("tight.yaml", Profile)], more: ("RUNTIME_SOURCE_POLICY", """{"git:infra": {"profiles": true}}"""));
        var shown = await house.SyncAsync();

        shown.GetProperty("error").GetString().Should().BeNull();
        Count(shown, "profiles").Should().Be(1);
        (await house.FindAsync("a")).Text("guardrails_profile").Should().Be("tight");
        using (var deleted = await house.Service.Admin.DeleteAsync("/runtimes/guardrails/tight"))
        {
            (await deleted.JsonAsync(HttpStatusCode.Conflict)).Text("detail").Should().Contain("infra");
        }

        await house.CommitAsync(work =>
        {
            File.Delete(Path.Combine(work, "tight.yaml"));
            return File.WriteAllTextAsync(Path.Combine(work, "a.yaml"), Manifest("a"));
        });
        await house.SyncAsync();
        await Eventually.HoldsAsync(async () => (await house.SyncAsync()).GetProperty("conflicts").GetArrayLength() == 0);
        await house.Service.Admin.GetAsync("/runtimes/guardrails/tight", HttpStatusCode.NotFound);
    }

    [TestCase("""{"git:infra": {"role": "operator"}}""", "NotAdmitted", "tight.yaml:1: document 1:")]
    [TestCase("""{"git:infra": {"role": "viewer", "profiles": true}}""", "NotAdmitted", "operator")]
    public async Task What_the_policy_does_not_allow_is_not_applied(string policy, string reason, string where)
    {
        await using var house = await GitOpsHouse.BuildAsync(
            _server,
            [("a.yaml", Manifest("a")), ("tight.yaml", "apiVersion: mcpruntime.dev/v1alpha1\nkind: GuardrailProfile\nmetadata: {name: tight}\nspec:\n  description: x\n  recommendedBackends: [docker]\n")],
            more: ("RUNTIME_SOURCE_POLICY", policy));

        var shown = await house.SyncAsync();

        shown.GetProperty("commit").ValueKind.Should().Be(JsonValueKind.Null);
        shown.Text("reason").Should().Be(reason);
        shown.Text("error").Should().Contain(where);
        (await house.LiveAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task Two_thousand_manifests_are_one_set()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("README.md", "none yet")]);
        await house.SyncAsync();
        var files = Enumerable.Range(0, 20).Select(file => ($"servers/{file}.yaml", string.Join("---\n", Enumerable.Range(0, 100).Select(at => Manifest($"s-{file}-{at}", more: "  state: Stopped\n")))));
        await house.CommitAsync([.. files]);
        var started = TimeProvider.System.GetTimestamp();
        var shown = await house.SyncAsync();

        TimeProvider.System.GetElapsedTime(started).Should().BeLessThan(TimeSpan.FromSeconds(60));
        TestContext.Out.WriteLine($"2,000 manifests in {TimeProvider.System.GetElapsedTime(started).TotalSeconds:0.0} s");
        shown.GetProperty("error").GetString().Should().BeNull();
        Count(shown, "created").Should().Be(2_000);
        var again = await house.SyncAsync();
        (Count(again, "created"), Count(again, "unchanged")).Should().Be((0, 2_000));
    }

    [Test]
    public async Task A_private_repository_is_read_with_credentials_that_show_nowhere()
    {
        var credentials = Path.GetTempFileName();
        await File.WriteAllTextAsync(credentials, $$"""{"credentials": [{"repository": "{{_server.Authority}}/private", "username": "{{GitServer.User}}", "password": "{{GitServer.Password}}"}]}""");
        await using var house = await GitOpsHouse.BuildInAsync("private", _server, [("a.yaml", Manifest("a"))], $", \"credentials\": \"{credentials}\"");

        var shown = await house.SyncAsync();

        shown.GetProperty("error").GetString().Should().BeNull();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a");
        shown.GetRawText().Should().NotContain(GitServer.Password).And.NotContain(GitServer.User + ":");
        File.Delete(credentials);
        var without = await house.SyncAsync();
        without.GetProperty("stale").GetBoolean().Should().BeTrue();
        (await house.LiveAsync()).Keys.Should().BeEquivalentTo("a");
    }

    [Test]
    public async Task What_needs_an_approval_waits_for_one_whoever_pushed_it()
    {
        await using var house = await GitOpsHouse.BuildAsync(
            _server, [("a.yaml", Manifest("a", more: "  requestedReason: we need it"))], more: [("RUNTIME_APPROVAL_ENABLED", "true"), ("RUNTIME_APPROVAL_REQUIRED_SOURCE_TYPES", "docker"), ("RUNTIME_APPROVERS", "petra,paul")]);
        (await house.SyncAsync()).GetProperty("error").GetString().Should().BeNull();
        (await house.FindAsync("a")).Text("status").Should().Be("pending_approval");
        using var petra = await house.Service.ClientAsync("petra", "approver");
        var approval = (await petra.GetAsync("/runtimes/approvals", HttpStatusCode.OK)).GetProperty("approvals").EnumerateArray().Should().ContainSingle().Subject;
        approval.GetRawText().Should().Contain("git:infra").And.Contain("we need it");

        // Nobody here knows who pushed: two have to agree, so that no one approves a commit of their own alone.
        var path = $"/runtimes/approvals/{approval.Text("id")}/approve";
        (await petra.PostTextAsync(path, "{}", HttpStatusCode.OK)).Text("status").Should().Be("pending");
        await petra.PostTextAsync(path, "{}", HttpStatusCode.Conflict);
        using var paul = await house.Service.ClientAsync("paul", "approver");
        (await paul.PostTextAsync(path, "{}", HttpStatusCode.OK)).Text("status").Should().Be("approved");
        await Eventually.HoldsAsync(async () => (await house.FindAsync("a")).Text("status") is not "pending_approval");
    }

    [Test]
    public async Task Only_who_may_asks_and_no_secret_is_shown()
    {
        await using var house = await GitOpsHouse.BuildAsync(_server, [("a.yaml", Manifest("a"))]);
        using var viewer = await house.Service.ClientAsync("vera", "viewer");
        using var alien = house.Service.Client(null);

        (await viewer.GetAsync("/runtimes/sources", HttpStatusCode.OK)).GetProperty("sources")[0].Text("url").Should().Be(_server.Url(house.Repository));
        using (var refused = await alien.GetAsync(new Uri("/runtimes/sources", UriKind.Relative)))
        {
            refused.StatusCode.Should().Be(HttpStatusCode.Unauthorized);
        }

        await viewer.PostTextAsync("/runtimes/sources/infra/sync", "{}", HttpStatusCode.Forbidden);
        await house.Service.Admin.PostTextAsync("/runtimes/sources/nobody/sync", "{}", HttpStatusCode.NotFound);
        await house.Service.Admin.PostTextAsync("/runtimes/sources/infra/sync", """{"commit": "--upload-pack=x"}""", HttpStatusCode.UnprocessableEntity);
    }

    private static string Json(string name) => $$$"""{"apiVersion": "mcpruntime.dev/v1alpha1", "kind": "McpRuntime", "metadata": {"name": "{{{name}}}"}, "spec": {"source": {"type": "docker", "image": "{{{Image}}}"} } }""";

    private static int Count(JsonElement source, string what) => source.GetProperty("counts").GetProperty(what).GetInt32();

    private static string? Origin(JsonElement runtime, string what) => runtime.GetProperty("origin").GetProperty(what).GetString();

    private static async Task<HttpStatusCode> StatusAsync(GitOpsHouse house, string name)
    {
        using var answer = await house.Service.Admin.GetAsync(new Uri($"/runtimes/{name}", UriKind.Relative));
        return answer.StatusCode;
    }
}
