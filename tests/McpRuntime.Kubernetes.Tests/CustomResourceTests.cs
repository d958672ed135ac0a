using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>What kubectl is used for, from apply to delete: objects of a real cluster, and the built service as a process.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class CustomResourceTests
{
    private const string Canary = "c4n4ry-9z8y7x6w";

    private readonly CustomResourceWorld _world = new("crd");

    [OneTimeSetUp]
    public Task StartAsync() => _world.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _world.DisposeAsync();

    [Test]
    public async Task The_sample_is_applied_waited_for_called_repaired_and_deleted_without_a_trace()
    {
        await _world.ApplySampleAsync("runtime.yaml");
        await _world.ReadyAsync("echo");
        var id = await _world.StatusAsync("echo", "runtimeId");
        (await _world.CallAsync("echo", "hello")).Should().Be("hello");
        (await _world.StatusAsync("echo", "status")).Should().Be("connected");
        (await _world.StatusAsync("echo", "endpointUrl")).Should().Contain("/mcp/");
        (await _world.KubectlAsync("get", "mcprt", "echo")).Should().Contain("restricted").And.Contain("connected").And.Contain("True");
        (await _world.KubectlAsync("describe", "mcprt", "echo")).Should().Contain("Accepted").And.Contain("It is the runtime");

        var refused = await _world.Api.SendAsync(HttpMethod.Delete, $"/runtimes/{id}");
        refused.Status.Should().Be(HttpStatusCode.Conflict);
        refused.Text.Should().Contain("custom resource in the cluster");

        await _world.AdminAsync("delete", "deployment", "-n", _world.Backend, "-l", $"dev.mcpruntime/record={id}");
        await Eventually.TrueAsync(async () => (await _world.MadeOfAsync(id)).Contains("deployment", StringComparison.Ordinal), TimeSpan.FromSeconds(60), "the Deployment is there again");
        await Eventually.TrueAsync(async () => await _world.AnswersAsync("echo"), TimeSpan.FromSeconds(60), "its tool answers again");

        await _world.KubectlAsync("delete", "mcprt", "echo", "--timeout=60s");
        (await _world.MadeOfAsync(id)).Should().BeEmpty("kubectl delete returns when nothing is left");
        (await _world.Api.GetAsync($"/runtimes/{id}")).Body!["status"]!.GetValue<string>().Should().Be("deleted");
    }

    [Test]
    public async Task A_runtime_on_docker_comes_and_goes_the_same_way()
    {
        await _world.ApplyAsync("on-docker", "{backend: docker, source: {type: docker, image: 'mcpruntime/sample-server:latest'}, gateway: {port: 8080}}");
        await _world.ReadyAsync("on-docker");
        var id = await _world.StatusAsync("on-docker", "runtimeId");
        (await _world.CallAsync("on-docker", "hello")).Should().Be("hello");
        (await ContainersAsync(id)).Should().NotBeEmpty();

        await _world.KubectlAsync("delete", "mcprt", "on-docker", "--timeout=60s");

        (await ContainersAsync(id)).Should().BeEmpty();
        (await _world.Api.GetAsync($"/runtimes/{id}")).Body!["status"]!.GetValue<string>().Should().Be("deleted");
    }

    [Test]
    public async Task An_object_that_cannot_be_accepted_says_why_and_where_and_stops_no_other()
    {
        await _world.ApplyAsync("wrong", "{source: {type: docker, image: 'mcpruntime/sample-server:latest'}, guardrails: {profile: nowhere}, state: Stopped}");
        await _world.ApplyAsync("right", "{source: {type: docker, image: 'mcpruntime/sample-server:latest'}, state: Stopped}");

        await _world.KubectlAsync("wait", "mcprt/wrong", "--for=condition=Accepted=false", "--timeout=30s");
        await _world.KubectlAsync("wait", "mcprt/right", "--for=condition=Accepted", "--timeout=30s");
        (await _world.ConditionAsync("wrong", "Accepted", "message")).Should().Contain("spec.guardrails.profile").And.Contain("nowhere");
        (await _world.ConditionAsync("wrong", "Ready", "status")).Should().Be("False");

        await _world.ApplyAsync("wrong", "{source: {type: docker, image: 'mcpruntime/sample-server:latest'}, state: Stopped}");
        await _world.KubectlAsync("wait", "mcprt/wrong", "--for=condition=Accepted", "--timeout=30s");

        await _world.ApplyAsync("wrong", "{source: {type: docker, image: 'mcpruntime/sample-server:latest'}, teamId: blue, visibility: team, state: Stopped}");
        await Eventually.TrueAsync(async () => (await _world.ConditionAsync("wrong", "Accepted", "message")).Contains("spec.teamId", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "a team of one's own choice is refused");
        await _world.KubectlAsync("delete", "mcprt", "wrong", "right", "--timeout=60s");
    }

    [Test]
    public async Task A_secret_reaches_the_server_alone_and_a_changed_one_is_noticed()
    {
        await _world.ApplySampleAsync("secret.yaml");
        await _world.ReadyAsync("weather");
        var id = await _world.StatusAsync("weather", "runtimeId");
        (await ValuesAsync(id)).Should().Contain("change-me");

        await _world.KubectlAsync("patch", "secret", "weather", "-p", "{\"stringData\": {\"api-key\": \"" + Canary + "\"}}");
        await Eventually.TrueAsync(async () => (await ValuesAsync(id)).Contains(Canary), TimeSpan.FromSeconds(60), "the new value is at the server");
        await _world.ReadyAsync("weather");
        (await _world.KubectlAsync("get", "mcprt,events", "-o", "yaml")).Should().NotContain(Canary);
        (await _world.Api.GetAsync($"/runtimes/{id}")).Text.Should().NotContain(Canary);
        _world.Service.Output.Should().NotContain(line => line.Contains(Canary, StringComparison.Ordinal));

        await _world.ApplyAsync("weather", "{source: {type: docker, image: 'mcpruntime/sample-server:latest'}, environment: [{name: API_KEY, secretKeyRef: {name: weather, key: other}}]}");
        await Eventually.TrueAsync(async () => (await _world.ConditionAsync("weather", "Accepted", "message")).Contains("has no key other", StringComparison.Ordinal), TimeSpan.FromSeconds(20), "the missing key is named");
        await _world.KubectlAsync("delete", "mcprt/weather", "secret/weather", "--timeout=60s");
    }

    [Test]
    public async Task A_profile_is_defined_used_and_held_while_it_is_in_use()
    {
        await _world.ApplySampleAsync("profile.yaml");
        await _world.ReadyAsync("tight");
        (await _world.Api.GetAsync("/runtimes/guardrails/tight")).Expect(HttpStatusCode.OK);

        await _world.KubectlAsync("delete", "guardrailprofile", "tight", "--wait=false");
        await _world.KubectlAsync("wait", "guardrailprofile/tight", "--for=condition=Deleting", "--timeout=20s");
        (await _world.KubectlAsync("get", "guardrailprofile", "tight", "-o", "yaml")).Should().Contain("InUse").And.Contain($"tight.{_world.Space}");

        await _world.KubectlAsync("delete", "mcprt", "tight", "--timeout=60s");
        await _world.KubectlAsync("wait", "guardrailprofile/tight", "--for=delete", "--timeout=30s");
        (await _world.Api.GetAsync("/runtimes/guardrails/tight")).Status.Should().Be(HttpStatusCode.NotFound);
    }

    [Test]
    public async Task Stopped_stops_and_suspend_leaves_it_as_it_is()
    {
        const string Source = "source: {type: docker, image: 'mcpruntime/sample-server:latest'}, gateway: {port: 8080}";
        await _world.ApplyAsync("resting", $"{{{Source}}}");
        await _world.ReadyAsync("resting");

        await _world.ApplyAsync("resting", $"{{{Source}, suspend: true, state: Stopped}}");
        await Eventually.TrueAsync(async () => await _world.ConditionAsync("resting", "Accepted", "reason") == "Suspended", TimeSpan.FromSeconds(20), "it is suspended");
        (await _world.CallAsync("resting", "still")).Should().Be("still");

        await _world.ApplyAsync("resting", $"{{{Source}, state: Stopped}}");
        await Eventually.TrueAsync(async () => await _world.StatusAsync("resting", "status") == "stopped", TimeSpan.FromSeconds(60), "it is stopped");
        await _world.KubectlAsync("delete", "mcprt", "resting", "--timeout=60s");
    }

    [Test]
    public async Task An_object_that_is_abandoned_goes_at_once_and_the_service_takes_the_rest_down_when_it_can()
    {
        await _world.ApplyAsync("stuck", "{source: {type: docker, image: 'mcpruntime/sample-server:latest'}, gateway: {port: 8080}}");
        await _world.ReadyAsync("stuck");
        var id = await _world.StatusAsync("stuck", "runtimeId");
        // Somebody else's finalizer: the backend can't take this one away.
        string[] held = ["service", "-n", _world.Backend, "-l", $"dev.mcpruntime/record={id}"];
        var service = (await _world.AdminAsync(["get", .. held, "-o", "name"])).Trim();
        await _world.AdminAsync("patch", service, "-n", _world.Backend, "--type=merge", "-p", """{"metadata": {"finalizers": ["example.org/held"]}}""");

        await _world.KubectlAsync("delete", "mcprt", "stuck", "--wait=false");
        await _world.KubectlAsync("wait", "mcprt/stuck", "--for=condition=Deleting", "--timeout=30s");
        (await TheCluster.It.KubectlAsync("wait", "-n", _world.Space, "mcprt/stuck", "--for=delete", "--timeout=3s")).Exit.Should().NotBe(0, "something is left of it");
        (await _world.ConditionAsync("stuck", "Deleting", "message")).Should().Contain("mcpruntime.dev/abandon");

        await _world.KubectlAsync("annotate", "mcprt", "stuck", "mcpruntime.dev/abandon=true");
        await _world.KubectlAsync("wait", "mcprt/stuck", "--for=delete", "--timeout=30s");
        (await _world.KubectlAsync("get", "events", "--field-selector", "involvedObject.name=stuck,reason=Abandoned", "-o", "name")).Should().NotBeEmpty();
        (await _world.Api.GetAsync($"/runtimes/{id}")).Body!["status"]!.GetValue<string>().Should().NotBe("deleted", "the record tells the truth: it is not gone");

        await _world.AdminAsync("patch", service, "-n", _world.Backend, "--type=merge", "-p", """{"metadata": {"finalizers": null}}""");
        await _world.Api.UntilAsync(id, "deleted");
        (await _world.MadeOfAsync(id)).Should().BeEmpty();
    }

    private static async Task<string> ContainersAsync(string id) =>
        (await Run.Async("docker", ["ps", "-aq", "--filter", $"label=dev.mcpruntime/record={id}"])).Expect("docker ps").Trim();

    private async Task<IReadOnlyList<string>> ValuesAsync(string id)
    {
        var secrets = JsonNode.Parse(await _world.AdminAsync("get", "secrets", "-n", _world.Backend, "-l", $"dev.mcpruntime/record={id}", "-o", "json"))!;
        return [.. secrets["items"]!.AsArray()
            .SelectMany(secret => secret!["data"]?.AsObject().Select(pair => pair.Value!.GetValue<string>()) ?? [])
            .Select(encoded => Encoding.UTF8.GetString(Convert.FromBase64String(encoded)))];
    }
}
