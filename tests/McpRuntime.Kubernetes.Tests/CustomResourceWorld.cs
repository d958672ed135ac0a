using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The definitions in the cluster, a namespace for objects, one for what is made of them, and a service that watches the first.</summary>
internal sealed class CustomResourceWorld(string tag) : IAsyncDisposable
{
    private readonly TestCluster _cluster = TheCluster.It;

    public Service Service { get; private set; } = null!;

    public RuntimeApi Api => Service.Api;

    /// <summary>Where the objects are.</summary>
    public string Space { get; } = $"{tag}-objects";

    /// <summary>Where their Pods are.</summary>
    public string Backend { get; } = $"{tag}-pods";

    public static string Samples => Path.Combine(Places.Checkout, "samples", "kubernetes");

    public async Task StartAsync(params (string Name, string Value)[] settings)
    {
        await _cluster.KubectlOrFailAsync("apply", "-f", Path.Combine(Places.Checkout, "crds"));
        await _cluster.KubectlOrFailAsync("wait", "--for=condition=Established", "--timeout=30s", "crd/mcpruntimes.mcpruntime.dev", "crd/guardrailprofiles.mcpruntime.dev");
        await _cluster.KubectlOrFailAsync("create", "namespace", Space);
        await _cluster.KubectlOrFailAsync("create", "namespace", Backend);
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DEFAULT_BACKEND"] = "kubernetes",
            ["RUNTIME_KUBERNETES_ENABLED"] = "true",
            ["RUNTIME_KUBERNETES_KUBECONFIG"] = _cluster.Kubeconfig,
            ["RUNTIME_KUBERNETES_NAMESPACE"] = Backend,
            ["RUNTIME_KUBERNETES_LOCAL_IMAGES"] = """["docker.io/mcpruntime"]""",
            ["RUNTIME_KUBERNETES_GATEWAY_PEERS"] = $"""["{_cluster.Node.Address}/32"]""",
            ["RUNTIME_CUSTOM_RESOURCES_ENABLED"] = "true",
            ["RUNTIME_CUSTOM_RESOURCES_CLUSTER"] = tag,
            ["RUNTIME_SOURCE_POLICY"] = "{\"crd:" + tag + "\": {\"profiles\": true}}",
        };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        Service = await Service.StartAsync(all);
    }

    /// <summary>kubectl in the objects' namespace; a failure is the test's.</summary>
    public Task<string> KubectlAsync(params string[] arguments) => _cluster.KubectlOrFailAsync(["-n", Space, .. arguments]);

    public Task<string> AdminAsync(params string[] arguments) => _cluster.KubectlOrFailAsync(arguments);

    public Task ApplySampleAsync(string file) => KubectlAsync("apply", "-f", Path.Combine(Samples, file));

    public Task ApplyAsync(string name, string spec) =>
        _cluster.ApplyAsync($"apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {{name: {name}, namespace: {Space}}}\nspec: {spec}\n");

    public async Task ReadyAsync(string name)
    {
        var ran = await _cluster.KubectlAsync("wait", "-n", Space, "--for=condition=Ready", $"mcprt/{name}", "--timeout=100s");
        if (ran.Exit != 0)
        {
            Assert.Fail($"{ran.Errors}\n{await KubectlAsync("get", "mcprt", name, "-o", "yaml")}\n{Service.Tail(20)}");
        }
    }

    /// <summary>Deletes, and waits until nothing is left; otherwise tells what it waits for.</summary>
    public async Task DeletedAsync(params string[] objects)
    {
        var ran = await _cluster.KubectlAsync(["delete", "-n", Space, .. objects, "--timeout=100s"]);
        if (ran.Exit != 0)
        {
            Assert.Fail($"{ran.Errors}\n{await KubectlAsync("get", "mcprt", "-o", "yaml")}\n{await AdminAsync("get", "all", "-n", Backend)}\n{Service.Tail(20)}");
        }
    }

    public async Task<string> StatusAsync(string name, string field) => (await KubectlAsync("get", "mcprt", name, "-o", $"jsonpath={{.status.{field}}}")).Trim();

    public async Task<string> ConditionAsync(string name, string type, string field) =>
        (await KubectlAsync("get", "mcprt", name, "-o", $"jsonpath={{.status.conditions[?(@.type==\"{type}\")].{field}}}")).Trim();

    /// <summary>Names of all that the backend made of a record.</summary>
    public async Task<string> MadeOfAsync(string id) => (await _cluster.KubectlOrFailAsync(
        "get", "deployments,replicasets,pods,services,networkpolicies,secrets,serviceaccounts", "-n", Backend, "-l", $"dev.mcpruntime/record={id}", "-o", "name")).Trim();

    public Task<string> CallAsync(string name, string message) => McpClients.CallAsync(Api.Mcp($"{name}.{Space}"), Api.Token, "echo", ("message", message));

    public async Task<bool> AnswersAsync(string name)
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

    public async ValueTask DisposeAsync()
    {
        if (Service is null)
        {
            return;
        }

        await KubectlAsync("delete", "mcprt", "--all", "--timeout=90s");
        await Service.DisposeAsync();
        await _cluster.KubectlAsync("delete", "namespace", Space, Backend, "--wait=false");
    }
}
