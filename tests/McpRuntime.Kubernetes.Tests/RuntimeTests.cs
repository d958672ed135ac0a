using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The built service as a process, deploying by REST into the real cluster: Pods that run, and tools that answer through the gateway.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class RuntimeTests
{
    private const string Space = "runtimes";
    private const string Canary = "c4n4ry-1a2b3c4d";

    private static readonly TimeSpan Repaired = TimeSpan.FromSeconds(60);

    private readonly TestCluster _cluster = TheCluster.It;
    private Service _service = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        await _cluster.KubectlOrFailAsync("create", "namespace", Space);
        await _cluster.HaveProbeAsync();
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DEFAULT_BACKEND"] = "kubernetes",
            ["RUNTIME_DOCKER_ENABLED"] = "false",
            ["RUNTIME_KUBERNETES_ENABLED"] = "true",
            ["RUNTIME_KUBERNETES_KUBECONFIG"] = _cluster.Kubeconfig,
            ["RUNTIME_KUBERNETES_NAMESPACE"] = Space,
            ["RUNTIME_KUBERNETES_LOCAL_IMAGES"] = """["docker.io/mcpruntime","docker.io/mcpruntime-tests"]""",
            ["RUNTIME_KUBERNETES_GATEWAY_PEERS"] = $"""["{_cluster.Node.Address}/32"]""",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_service is not null)
        {
            await _service.DisposeAsync();
        }
    }

    [Test]
    public async Task The_life_of_an_image_from_deploy_to_delete_leaves_nothing_and_tells_no_secret()
    {
        var id = await ConnectedAsync(Requests.With(Requests.FromCatalog("life"), ("API_KEY", Canary)));
        (await Api.FindAsync(id)).Report["drop_capabilities"].IsEnforced.Should().BeTrue();
        (await Api.FindAsync(id)).Report["pids"].Outcome.Should().BeEquivalentTo("weakened");
        (await Api.FindAsync(id)).Report["ingress"].Outcome.Should().BeEquivalentTo("weakened", "nothing enforces policies here");
        (await CallAsync("life", "hello")).Should().Be("hello");
        (await Api.LogsAsync(id)).Should().Contain(line => line.Contains("8080", StringComparison.Ordinal));
        (await _cluster.KubectlOrFailAsync("get", "deployments,pods", "-n", Space, "-o", "json")).Should().NotContain(Canary);

        await Api.CommandAsync(id, "stop");
        await Api.UntilAsync(id, "stopped");
        (await PodsAsync(id)).Should().BeEmpty();
        await Api.CommandAsync(id, "start");
        await Api.UntilAsync(id, "connected");
        (await CallAsync("life", "again")).Should().Be("again");

        await Api.DeleteAsync(id);
        await Api.UntilAsync(id, "deleted");
        (await AllAsync(id)).Should().BeEmpty();
        _service.Output.Should().NotContain(line => line.Contains(Canary, StringComparison.Ordinal));
    }

    [Test]
    public async Task An_update_that_crashes_leaves_the_old_one_serving_and_says_why()
    {
        var id = await ConnectedAsync(Requests.FromImage("update", "mcpruntime/sample-server:latest"));
        var broken = Requests.FromImage("update", "mcpruntime-tests/probe:1", "exit", "3");

        await Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", broken);
        var failed = await Api.UntilAsync(id, runtime => runtime.ErrorMessage is not null, "says what is wrong", TimeSpan.FromMinutes(3));

        failed.Status.Should().Be("connected");
        failed.ErrorMessage.Should().Contain("exited with 3");
        (await CallAsync("update", "still")).Should().Be("still");
    }

    [Test]
    public async Task What_hands_do_to_it_is_repaired()
    {
        var id = await ConnectedAsync(Requests.FromCatalog("drifter"));
        var deployment = (await _cluster.KubectlOrFailAsync("get", "deployments", "-n", Space, "-l", $"dev.mcpruntime/record={id}", "-o", "jsonpath={.items[0].metadata.name}")).Trim();
        var policy = await FieldAsync("networkpolicy", id, "{.items[0].metadata.name}");

        await _cluster.KubectlOrFailAsync("scale", "deployment", deployment, "-n", Space, "--replicas=3");
        await Eventually.TrueAsync(async () => await FieldAsync("deployment", id, "{.items[0].spec.replicas}") == "1", Repaired, "one replica again");
        await _cluster.KubectlOrFailAsync("patch", "networkpolicy", policy, "-n", Space, "--type=merge", "-p", """{"spec":{"ingress":[{}]}}""");
        await Eventually.TrueAsync(async () => (await FieldAsync("networkpolicy", id, "{.items[0].spec.ingress}")).Contains("podSelector", StringComparison.Ordinal), Repaired, "the policy is closed again");
        await _cluster.KubectlOrFailAsync("delete", "service", policy, "-n", Space);
        await Eventually.TrueAsync(async () => await FieldAsync("service", id, "{.items[0].metadata.name}") == policy, Repaired, "the Service is there again");
        await _cluster.KubectlOrFailAsync(
            "patch", "deployment", deployment, "-n", Space, "--type=json", "-p", """[{"op":"add","path":"/spec/template/spec/hostNetwork","value":true}]""");
        await Eventually.TrueAsync(async () => await FieldAsync("deployment", id, "{.items[0].spec.template.spec.hostNetwork}") == "", Repaired, "what somebody else's field opened is closed");
        await _cluster.KubectlOrFailAsync("delete", "deployment", deployment, "-n", Space);
        await Eventually.TrueAsync(async () => await FieldAsync("deployment", id, "{.items[0].metadata.name}") == deployment, Repaired, "the Deployment is there again");

        await Api.UntilAsync(id, "connected");
        await Eventually.TrueAsync(async () => await AnswersAsync("drifter"), Repaired, "its tool answers");
    }

    [Test]
    public async Task An_image_that_is_not_there_is_told_in_the_clusters_words()
    {
        var id = (await Api.DeployAsync(Requests.FromImage("absent", "mcpruntime/absent:1"))).Id;

        var shown = await Api.UntilAsync(id, runtime => runtime.Condition("Available")["message"]!.GetValue<string>().Contains("ErrImageNeverPull", StringComparison.Ordinal), "names the reason");

        shown.Status.Should().NotBe("connected");
    }

    private async Task<string> ConnectedAsync(JsonObject request)
    {
        var id = (await Api.DeployAsync(request)).Id;
        await Api.UntilAsync(id, "connected");
        return id;
    }

    private Task<string> CallAsync(string name, string message) => McpClients.CallAsync(Api.Mcp(name), Api.Token, "echo", ("message", message));

    private async Task<bool> AnswersAsync(string name)
    {
        try
        {
            return await CallAsync(name, "here") == "here";
        }
        catch (Exception fault) when (fault is HttpRequestException or ModelContextProtocol.McpException or IOException)
        {
            return false;
        }
    }

    private async Task<string> FieldAsync(string kind, string id, string path) =>
        (await _cluster.KubectlAsync("get", kind, "-n", Space, "-l", $"dev.mcpruntime/record={id}", "-o", $"jsonpath={path}")).Output;

    private async Task<string> PodsAsync(string id) => (await _cluster.KubectlOrFailAsync("get", "pods", "-n", Space, "-l", $"dev.mcpruntime/record={id}", "-o", "name")).Trim();

    private async Task<string> AllAsync(string id) => (await _cluster.KubectlOrFailAsync(
        "get", "deployments,replicasets,pods,services,networkpolicies,secrets,serviceaccounts", "-n", Space, "-l", $"dev.mcpruntime/record={id}", "-o", "name")).Trim();
}
