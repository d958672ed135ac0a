using System.Buffers.Text;
using System.Security.Cryptography;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The chart, installed by helm into a namespace of its own, and reached by its Service.</summary>
/// <param name="values">The test's own, over the chart's.</param>
internal sealed class Release(string space, string values)
{
    private readonly TestCluster _cluster = TheCluster.It;

    public string Space { get; } = space;

    public string Servers { get; } = $"{space}-servers";

    /// <summary>As the API server's audit log names it.</summary>
    public string Account => $"system:serviceaccount:{Space}:mcp-runtime";

    public string Token => File.ReadAllText(TokenFile).Trim();

    private string Folder => Path.GetDirectoryName(_cluster.Kubeconfig)!;

    private string TokenFile => Path.Combine(Folder, $"{Space}-token");

    /// <summary>The namespace, and in it the Secret that a release starts with.</summary>
    /// <param name="more">Further keys of the Secret.</param>
    public async Task PrepareAsync(params (string Key, string Value)[] more)
    {
        await _cluster.KubectlAsync("create", "namespace", Space);
        await File.WriteAllTextAsync(TokenFile, "mcprt_" + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
        await _cluster.KubectlOrFailAsync(
        [
            "create", "secret", "generic", "keys", "-n", Space,
            $"--from-literal=master-key={Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32))}", $"--from-file=admin-token={TokenFile}",
            .. more.Select(entry => $"--from-literal={entry.Key}={entry.Value}"),
        ]);
    }

    /// <summary>A volume of this machine for SQLite, root's: the Pod gets in by its fsGroup, as on a real volume.</summary>
    public async Task HaveVolumeAsync()
    {
        var folder = Path.Combine(Folder, $"{Space}-data");
        Directory.CreateDirectory(folder);
        await _cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: PersistentVolume
            metadata: {name: {{Space}}-data}
            spec:
              capacity: {storage: 1Gi}
              accessModes: [ReadWriteOnce]
              storageClassName: {{Space}}
              local: {path: {{folder}} }
              nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]}]} }
            ---
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: data, namespace: {{Space}} }
            spec: {accessModes: [ReadWriteOnce], storageClassName: {{Space}}, resources: {requests: {storage: 1Gi} } }
            """);
    }

    public async Task InstallAsync(params string[] more)
    {
        var file = Path.Combine(Folder, $"{Space}-values.yaml");
        await File.WriteAllTextAsync(file, $$"""
            image: {repository: mcpruntime/mcp-runtime, tag: latest, pullPolicy: Never}
            secret: {name: keys}
            runtimes: {namespace: {{Servers}}, localImages: [docker.io/mcpruntime]}
            {{values}}
            """);
        var ran = await Helm.RunAsync(_cluster, ["upgrade", "--install", "mcp-runtime", Helm.Chart, "-n", Space, "-f", file, "--wait", "--timeout", "150s", .. more]);
        if (ran.Exit != 0)
        {
            TestContext.Out.WriteLine((await _cluster.KubectlAsync("describe", "pods", "-n", Space)).Output);
            TestContext.Out.WriteLine((await _cluster.KubectlAsync("logs", "-n", Space, "deployment/mcp-runtime")).Output);
        }

        ran.Expect("helm upgrade --install");
    }

    public async Task<string> TestAsync()
    {
        var ran = await Helm.RunAsync(_cluster, "test", "mcp-runtime", "-n", Space, "--timeout", "200s", "--logs");
        if (ran.Exit != 0)
        {
            TestContext.Out.WriteLine((await _cluster.KubectlAsync("logs", "-n", Space, "deployment/mcp-runtime", "--tail=60")).Output);
        }

        return ran.Expect("helm test");
    }

    public async Task UninstallAsync() => (await Helm.RunAsync(_cluster, "uninstall", "mcp-runtime", "-n", Space, "--wait")).Expect("helm uninstall");

    /// <summary>By its Service's address: a Pod that is on its way out is behind it no more.</summary>
    public async Task<RuntimeApi> ReachAsync() =>
        await ReachAsync($"http://{(await _cluster.KubectlOrFailAsync("get", "service", "mcp-runtime", "-n", Space, "-o", "jsonpath={.spec.clusterIP}")).Trim()}");

    public async Task<RuntimeApi> ReachAsync(string address)
    {
        var api = new RuntimeApi(new Uri(address), () => Token, []);
        // The node's rules follow a Pod's readiness by a moment.
        await Eventually.TrueAsync(api.IsReadyAsync, TimeSpan.FromSeconds(30), $"{address} answers");
        return api;
    }
}
