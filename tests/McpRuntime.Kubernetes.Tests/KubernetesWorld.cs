using System.Text.Json.Nodes;
using McpRuntime.Backends;
using McpRuntime.Backends.Kubernetes;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Backends.Tests.Docker;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using McpRuntime.Kubernetes.Tests.Cluster;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The backend in a namespace of its own on the real cluster; looked at and tampered with by kubectl and the node's engine.</summary>
internal sealed class KubernetesWorld : IContractWorld
{
    private static readonly string[] Kinds = ["deployments", "replicasets", "pods", "services", "networkpolicies", "secrets", "serviceaccounts"];

    private readonly TestCluster _cluster = TheCluster.It;
    private readonly string _tag = "contract-" + Guid.NewGuid().ToString("N")[..8];
    private readonly List<ServiceProvider> _services = [];
    private string? _pinned;

    public string Namespace => _tag;

    public IBackend Backend { get; private set; } = null!;

    public IBackend Unreachable { get; private set; } = null!;

    public KeyedHash Hash { get; } = new([.. Enumerable.Range(0, 32).Select(i => (byte)i)]);

    public string InstanceId => _tag;

    public string Image => "docker.io/mcpruntime-tests/probe:1";

    public WorldTraits Traits { get; } = new(Volumes: false, EditsInPlace: false, SeparatesStreams: false, Port: 8080);

    public KubernetesOptions Options => new()
    {
        Kubeconfig = _cluster.Kubeconfig, Namespace = _tag, LocalImages = ["docker.io/mcpruntime-tests", "docker.io/mcpruntime"], GatewayPeers = [$"{_cluster.Node.Address}/32"],
        // The probe hears no SIGTERM, as the first process of its container: each removal takes this long.
        StopGrace = TimeSpan.FromSeconds(1),
    };

    public static async Task<KubernetesWorld> OpenAsync()
    {
        var world = new KubernetesWorld();
        await world._cluster.KubectlOrFailAsync("create", "namespace", world._tag);
        await world._cluster.HaveProbeAsync();
        world.Backend = world.Make(world.Options);
        var nowhere = Path.Combine(Path.GetTempPath(), $"{world._tag}.kubeconfig");
        await File.WriteAllTextAsync(nowhere, "{current-context: a, contexts: [{name: a, context: {cluster: a}}], clusters: [{name: a, cluster: {server: 'https://127.0.0.1:1'}}]}");
        world.Unreachable = world.Make(world.Options with { Kubeconfig = nowhere });
        File.Delete(nowhere);
        return world;
    }

    /// <param name="clusterUid">What is pinned; null = whatever answers first.</param>
    public IBackend Make(KubernetesOptions options, string? clusterUid = null)
    {
        var services = new ServiceCollection()
            .AddLogging()
            .AddSingleton(TimeProvider.System)
            .AddSingleton(new Random(1))
            .AddKubernetesBackend(options, _ => new KubernetesInstallation(_ => Task.FromResult(_tag), (uid, _) => Task.FromResult(clusterUid ?? (_pinned ??= uid)), Hash))
            .BuildServiceProvider();
        _services.Add(services);
        return services.GetRequiredService<IBackend>();
    }

    /// <summary>What carries the record's label; specs and not statuses, which change by themselves.</summary>
    public async Task<IReadOnlyList<string>> TrueStateAsync(RuntimeIdentity id)
    {
        var text = await _cluster.KubectlOrFailAsync("get", string.Join(',', Kinds), "-n", _tag, "-l", $"dev.mcpruntime/record={id.RecordId}", "-o", "json");
        return [.. JsonNode.Parse(text)!["items"]!.AsArray().Select(item => $"{item!["kind"]} {item["metadata"]!["name"]} {item["metadata"]!["uid"]} {item["metadata"]!["generation"]} {item["spec"]?.ToJsonString()} {item["data"]?.ToJsonString()}")];
    }

    /// <summary>A Deployment under a name like ours, with another installation's label.</summary>
    public async Task<string> MakeForeignAsync(RuntimeIdentity id)
    {
        var name = $"mcp-{id.Short}-foreign";
        await _cluster.ApplyAsync($$"""
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: {{name}}, namespace: {{_tag}}, labels: {dev.mcpruntime/instance: somebody-else, dev.mcpruntime/record: "{{id.RecordId}}"} }
            spec:
              replicas: 0
              selector: {matchLabels: {app: {{name}} } }
              template: {metadata: {labels: {app: {{name}} } }, spec: {containers: [{name: server, image: "{{Image}}"}]} }
            """);
        return $"{name}/{await FieldAsync("deployment", name, "{.metadata.uid}/{.metadata.generation}")}";
    }

    public async Task<bool> ForeignIsUntouchedAsync(string handle)
    {
        var name = handle.Split('/')[0];
        return handle == $"{name}/{await FieldAsync("deployment", name, "{.metadata.uid}/{.metadata.generation}")}";
    }

    /// <summary>Killed as often as the kubelet starts it again, until it says that this is a loop.</summary>
    public async Task KillAsync(string containerId)
    {
        await Eventually.HoldsAsync(async () =>
        {
            var containers = (await _cluster.Node.DockerAsync("ps", "-q", "--filter", $"name=k8s_server_{containerId}")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
            if (containers.Length > 0)
            {
                await _cluster.Node.DockerAsync(["kill", .. containers]);
            }

            return await FieldAsync("pods", null, "{.items[*].status.containerStatuses[*].state.waiting.reason}", $"dev.mcpruntime/revision={containerId}") == "CrashLoopBackOff";
        });
    }

    public Task RemoveByHandAsync(string containerId) => _cluster.KubectlOrFailAsync("delete", "deployment", containerId, "-n", _tag, "--cascade=foreground");

    public Task EditByHandAsync(string containerId) => _cluster.KubectlOrFailAsync("set", "resources", "deployment", containerId, "-n", _tag, "--limits=memory=256Mi");

    public async Task<string> PauseByHandAsync(string containerId)
    {
        await _cluster.KubectlOrFailAsync("scale", "deployment", containerId, "-n", _tag, "--replicas=0");
        return "spec.replicas";
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var services in _services)
        {
            await services.DisposeAsync();
        }

        await _cluster.KubectlAsync("delete", "namespace", _tag, "--wait=false");
    }

    public async Task<string> FieldAsync(string kind, string? name, string path, string? selector = null)
    {
        string[] which = name is null ? ["-l", selector!] : [name];
        return (await _cluster.KubectlAsync(["get", kind, .. which, "-n", _tag, "-o", $"jsonpath={path}"])).Output;
    }
}

[TestFixture]
[Category("Kubernetes")]
internal sealed class KubernetesContract : BackendContract
{
    protected override async Task<IContractWorld> OpenAsync() => await KubernetesWorld.OpenAsync();
}
