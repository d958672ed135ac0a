using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.CodeEngineDouble.Driver;

namespace McpRuntime.Acceptance.Tests;

/// <summary>What a user reads when the platform says no: each documented reason through the API, against the double.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class CodeEngineTroubleTests
{
    private static readonly string Digest = "@sha256:" + new string('c', 64);

    /// <summary>The platform's documented reasons of builds and of their runs, and what must be said of each: what happened, and what to do.</summary>
    private static readonly (string Reason, string Happened, string Remedy)[] OfBuilds =
    [
        ("failed", "a step of the Dockerfile", "mend the Dockerfile"),
        ("failed_to_execute_build_run", "could not execute the build", "restart"),
        ("exceeded_ephemeral_storage", "needs more disk", "smaller"),
        ("missing_registry_access", "could not be pushed", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("missing_code_repo_access", "repository could not be read", "public"),
        ("missing_secrets", "secret that the build needs", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("missing_task_run", "lost the build's task", "restart"),
        ("task_run_generation_failed", "could not make a task", "restart"),
        ("build_not_found", "configuration was gone", "restart"),
        ("unknown_strategy", "does not know the build's strategy", "report it"),
        ("invalid_build_configuration", "configuration is not valid", "Check the repository"),
        ("timeout", "took longer than it may", "RUNTIME_BUILD_TIMEOUT_SECONDS"),
        ("pod_evicted", "moved off its machine", "restart"),
        ("pod_evicted_because_of_storage_quota_exceeds", "filled its disk", "smaller"),
        ("strategy_not_found", "The project does not have the build's strategy", "report it"),
        ("cluster_build_strategy_not_found", "The platform does not have the build's strategy", "another region"),
        ("set_owner_reference_failed", "could not register the build", "made again"),
        ("spec_source_secret_not_found", "secret for the repository", "restart the runtime"),
        ("spec_output_secret_ref_not_found", "registry secret for the push", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("spec_runtime_secret_ref_not_found", "A secret that the build refers to", "Restart the runtime"),
        ("multiple_secret_ref_not_found", "Several secrets", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("runtime_paths_can_not_be_empty", "runtime paths are empty", "report it"),
        ("remote_repository_unreachable", "can't be reached from Code Engine", "Check its address"),
    ];

    private static readonly (string Reason, string Happened, string Remedy)[] OfApps =
    [
        ("deploying_waiting_for_resources", "quota of CPU, memory or instances", "Stop something"),
        ("initial_scale_never_achieved", "port did not open", "endpoint_port"),
        ("fetch_image_failed_unknown_manifest", "no such tag or digest", "Check the image's name"),
        ("fetch_image_failed_unknown_repository", "no such repository", "Check the image's name"),
        ("fetch_image_failed_registry_not_found", "registry does not exist", "Check the image's name"),
        ("fetch_image_failed_missing_pull_secret", "registry secret named in the settings", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("fetch_image_failed_missing_pull_credentials", "wants credentials", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("fetch_image_failed_wrong_pull_credentials", "turned the credentials away", "RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET"),
        ("image_pull_back_off", "could not be pulled several times", "Check that the registry is up"),
        ("invalid_tar_header_image_pull_err", "layers is broken", "push the image again"),
        ("container_failed_exit_code_0", "exit code 0", "check its command"),
        ("container_failed_exit_code_1", "exit code 1, an error of its own", "See its logs"),
        ("container_failed_exit_code_24", "too many open files", "See its logs"),
        ("container_failed_exit_code_139", "memory access error", "x86-64"),
    ];

    private CodeEnginePlace _place = null!;

    private RuntimeApi Api => _place.Service.Api;

    [OneTimeSetUp]
    public async Task StartAsync() => _place = await CodeEnginePlace.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_place is not null)
        {
            await _place.DisposeAsync();
        }
    }

    [Test]
    public async Task Each_documented_reason_of_a_failed_build_is_a_condition_that_says_what_happened_and_what_to_do()
    {
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (reason, _, _) in OfBuilds)
        {
            var name = reason.Replace('_', '-');
            var repository = $"reasons/{name}-x";
            await _place.Double.ScriptAsync(new { contains = repository, reason });
            var commit = await _place.Git.CreateAsync(repository, ("Dockerfile", "FROM node:22\n"));
            var source = new JsonObject { ["type"] = "github", ["repo"] = _place.Git.Url(repository), ["ref"] = commit };
            ids[reason] = (await Api.DeployAsync(new JsonObject { ["name"] = $"b-{name}", ["source"] = source })).Id;
        }

        await EachSaysAsync(ids, OfBuilds);
    }

    [Test]
    public async Task Each_documented_reason_of_an_app_that_is_not_ready_is_a_condition_that_says_what_happened_and_what_to_do()
    {
        var ids = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (reason, _, _) in OfApps)
        {
            var name = reason.Replace('_', '-');
            await _place.Double.ScriptAsync(new { contains = $"reasons/{name}@", reason });
            ids[reason] = (await Api.DeployAsync(Requests.FromImage($"a-{name}", $"docker.io/reasons/{name}{Digest}"))).Id;
        }

        await EachSaysAsync(ids, OfApps);
    }

    [Test]
    public async Task A_project_that_is_not_active_is_told_at_start_and_work_begins_when_it_is_and_a_stop_by_recreation_deletes_the_app()
    {
        await using var place = await CodeEnginePlace.StartAsync(platform => platform.SwitchAsync(new { ProjectStatus = "inactive" }), ("RUNTIME_IBM_CODE_ENGINE_STOP", "recreate"));
        var api = place.Service.Api;
        await Eventually.TrueAsync(
            () => Task.FromResult(place.Service.Output.Any(line => line.Contains("The project double is inactive") && line.Contains("RUNTIME_IBM_CODE_ENGINE_PROJECT_ID"))), RuntimeApi.Settled, "the log of the start says so");
        (await api.GetAsync("/runtimes/backends")).Text.Should().Contain("The project double is inactive").And.Contain("\"reachable\":false");
        var id = (await api.DeployAsync(Requests.With(Requests.FromImage("waits", "docker.io/acme/server" + Digest), ("KEY", "value")))).Id;
        await api.UntilAsync(id, shown => shown.ErrorMessage?.Contains("is inactive") == true, "waits for the project and says so");
        await place.Double.SwitchAsync(new { });
        await api.UntilAsync(id, "connected");
        var before = (await place.Double.StateAsync())["apps"]!.AsArray().Single()!["name"]!.GetValue<string>();

        (await api.CommandAsync(id, "stop")).Expect(HttpStatusCode.Accepted);
        await api.UntilAsync(id, "stopped");
        (await place.Double.StateAsync())["apps"]!.AsArray().Should().BeEmpty("that is what recreate means");
        (await place.Double.StateAsync())["secrets"]!.AsArray().Should().HaveCount(2, "the environment waits for the start");

        (await api.CommandAsync(id, "start")).Expect(HttpStatusCode.Accepted);
        await api.UntilAsync(id, "connected");
        (await place.Double.StateAsync())["apps"]!.AsArray().Single()!["name"]!.GetValue<string>().Should().Be(before);
        (await api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await api.UntilAsync(id, "deleted");
    }

    [Test]
    public async Task An_update_for_whose_app_there_is_no_place_says_so_and_the_old_one_serves()
    {
        await using var place = await CodeEnginePlace.StartAsync(platform => platform.SwitchAsync(new { Apps = 1 }));
        var api = place.Service.Api;
        var id = (await api.DeployAsync(Requests.FromImage("full", "docker.io/acme/server" + Digest))).Id;
        var runtime = await api.UntilAsync(id, "connected");

        (await api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", Requests.With(Requests.FromImage("full", "docker.io/acme/server" + Digest), ("KEY", "new")), ("If-Match", $"\"{runtime.Generation}\""))).Expect(HttpStatusCode.OK);

        var told = await api.UntilAsync(id, shown => Says(shown, "40 apps", "an update, which makes the new app beside the old one", "Delete a runtime or an app"), "says that its app needs a free place");
        told.Serving.Should().Be(runtime.Generation);
        (await McpClients.CallAsync(api.Mcp("full"), api.Token, "echo", ("message", "still here"))).Should().Be("still here");
    }

    private async Task EachSaysAsync(Dictionary<string, string> ids, (string Reason, string Happened, string Remedy)[] expected)
    {
        var told = new List<string>();
        foreach (var (reason, happened, remedy) in expected)
        {
            var shown = await Api.UntilAsync(ids[reason], shown => Says(shown, happened, remedy), $"{reason}: says \"{happened}\" and \"{remedy}\" in a condition");
            told.Add(shown.Body["conditions"]!.AsArray().Select(c => c!["message"]!.GetValue<string>()).First(m => m.Contains(happened, StringComparison.Ordinal)).Replace(ids[reason], ""));
        }

        told.Should().OnlyHaveUniqueItems();
    }

    /// <summary>One condition says all of it.</summary>
    private static bool Says(RuntimeShown shown, params string[] words) =>
        shown.Body["conditions"]!.AsArray().Any(condition => words.All(word => condition!["message"]!.GetValue<string>().Contains(word, StringComparison.Ordinal)));
}
