using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>A release in the real cluster: installed, tested, upgraded and uninstalled, and its rights held against what it really called.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ChartInstallTests
{
    private const string Space = "release";
    private const string Servers = "release-servers";
    private const string Account = $"system:serviceaccount:{Space}:mcp-runtime";

    private const string Values = $$"""
        image: {repository: mcpruntime/mcp-runtime, tag: latest, pullPolicy: Never}
        secret: {name: keys}
        persistence: {existingClaim: data}
        runtimes: {namespace: {{Servers}}, localImages: [docker.io/mcpruntime]}
        test: {arguments: {message: said by the test} }
        """;

    /// <summary>By kind: a field that we do not set, so that it is somebody else's.</summary>
    private static readonly (string Kind, string Patch)[] Plants =
    [
        ("services", """{"spec":{"externalIPs":["203.0.113.7"]}}"""),
        ("networkpolicies", """{"spec":{"podSelector":{"matchLabels":{"planted":"203.0.113.7"}}}}"""),
        ("secrets", """{"stringData":{"planted":"203.0.113.7"}}"""),
        ("serviceaccounts", """{"imagePullSecrets":[{"name":"203.0.113.7"}]}"""),
        ("deployments", """{"spec":{"template":{"spec":{"hostAliases":[{"ip":"203.0.113.7","hostnames":["planted"]}]}}}}"""),
    ];

    private readonly TestCluster _cluster = TheCluster.It;

    [Test]
    public async Task A_release_serves_passes_its_test_upgrades_and_leaves_its_data()
    {
        await PrepareAsync();
        await InstallAsync();
        (await TestAsync()).Should().Contain("echo answered:").And.Contain("said by the test").And.Contain("nothing is left");

        var (id, token) = (await DeployAsync("kept"), await File.ReadAllTextAsync(TokenFile));
        await RestrictedAsync();
        await RepairedAsync(id);
        await InstallAsync("--set-string", "settings.RUNTIME_RATE_LIMIT=5000");
        await using (var after = await ApiAsync())
        {
            await after.Api.UntilAsync(id, "connected");
            (await McpClients.CallAsync(after.Api.Mcp("kept"), token.Trim(), "echo", ("message", "upgraded"))).Should().Be("upgraded");
        }

        (await Helm.RunAsync(_cluster, "uninstall", "mcp-runtime", "-n", Space, "--wait")).Expect("helm uninstall");
        (await _cluster.KubectlOrFailAsync("get", "pvc,secret", "-n", Space, "-o", "name")).Should().Contain("persistentvolumeclaim/data").And.Contain("secret/keys");
        (await _cluster.KubectlOrFailAsync("get", "pods", "-n", Servers, "-o", "name")).Should().NotBeEmpty("what runs is not the release's");
        (await _cluster.KubectlOrFailAsync("get", "deployments,services,serviceaccounts", "-n", Space, "-o", "name")).Should().NotContain("mcp-runtime");

        await InstallAsync();
        await using var again = await ApiAsync();
        (await again.Api.UntilAsync(id, "connected")).Name.Should().Be("kept");
        await again.Api.DeleteAsync(id);
        await again.Api.UntilAsync(id, "deleted");
        await CalledAndGrantedAsync();
    }

    private string TokenFile => Path.Combine(Path.GetDirectoryName(_cluster.Kubeconfig)!, "release-token");

    private async Task PrepareAsync()
    {
        await _cluster.KubectlOrFailAsync("create", "namespace", Space);
        var folder = Path.Combine(Path.GetDirectoryName(_cluster.Kubeconfig)!, "release-data");
        Directory.CreateDirectory(folder);
        // Root's: the Pod gets in by its fsGroup, as on a real volume.
        await _cluster.ApplyAsync($$"""
            apiVersion: v1
            kind: PersistentVolume
            metadata: {name: release-data}
            spec:
              capacity: {storage: 1Gi}
              accessModes: [ReadWriteOnce]
              storageClassName: by-hand
              local: {path: {{folder}} }
              nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]}]} }
            ---
            apiVersion: v1
            kind: PersistentVolumeClaim
            metadata: {name: data, namespace: {{Space}} }
            spec: {accessModes: [ReadWriteOnce], storageClassName: by-hand, resources: {requests: {storage: 1Gi} } }
            """);
        var random = System.Security.Cryptography.RandomNumberGenerator.GetBytes(32);
        await File.WriteAllTextAsync(TokenFile, "mcprt_" + System.Buffers.Text.Base64Url.EncodeToString(random));
        await _cluster.KubectlOrFailAsync(
            "create", "secret", "generic", "keys", "-n", Space, $"--from-literal=master-key={Convert.ToHexStringLower(random)}", $"--from-file=admin-token={TokenFile}");
    }

    private async Task InstallAsync(params string[] more)
    {
        var values = Path.Combine(Path.GetDirectoryName(_cluster.Kubeconfig)!, "release-values.yaml");
        await File.WriteAllTextAsync(values, Values);
        var ran = await Helm.RunAsync(_cluster, ["upgrade", "--install", "mcp-runtime", Helm.Chart, "-n", Space, "-f", values, "--wait", "--timeout", "150s", .. more]);
        if (ran.Exit != 0)
        {
            TestContext.Out.WriteLine((await _cluster.KubectlAsync("describe", "pods", "-n", Space)).Output);
            TestContext.Out.WriteLine((await _cluster.KubectlAsync("logs", "-n", Space, "deployment/mcp-runtime")).Output);
        }

        ran.Expect("helm upgrade --install");
    }

    private async Task<string> TestAsync()
    {
        var ran = await Helm.RunAsync(_cluster, "test", "mcp-runtime", "-n", Space, "--timeout", "200s", "--logs");
        if (ran.Exit != 0)
        {
            TestContext.Out.WriteLine((await _cluster.KubectlAsync("logs", "-n", Space, "deployment/mcp-runtime", "--tail=60")).Output);
        }

        return ran.Expect("helm test");
    }

    private async Task<string> DeployAsync(string name)
    {
        await using var service = await ApiAsync();
        var id = (await service.Api.DeployAsync(Requests.With(Requests.FromImage(name, Requests.Sample), ("API_KEY", "kept in a Secret")))).Id;
        await service.Api.UntilAsync(id, "connected");
        (await service.Api.LogsAsync(id)).Should().NotBeEmpty();
        (await service.Api.GetAsync("/runtimes/backends")).Expect(HttpStatusCode.OK).Text.Should().Contain($"namespace {Servers}");
        return id;
    }

    /// <summary>By its Service's address: a Pod that is on its way out is behind it no more.</summary>
    private async Task<Reached> ApiAsync()
    {
        var address = await _cluster.KubectlOrFailAsync("get", "service", "mcp-runtime", "-n", Space, "-o", "jsonpath={.spec.clusterIP}");
        var api = new RuntimeApi(new Uri($"http://{address.Trim()}"), () => File.ReadAllText(TokenFile).Trim(), []);
        // The node's rules follow a Pod's readiness by a moment.
        await Eventually.TrueAsync(api.IsReadyAsync, TimeSpan.FromSeconds(30), "the Service answers");
        return new Reached(api);
    }

    /// <summary>Every Pod, the release's, its test's and the servers', keeps to the level that their namespaces would enforce on a newer cluster.</summary>
    private async Task RestrictedAsync()
    {
        foreach (var (space, least) in new[] { (Space, 2), (Servers, 1) })
        {
            RestrictedPods.Faults(JsonNode.Parse(await _cluster.KubectlOrFailAsync("get", "pods", "-n", space, "-o", "json"))!, out var pods).Should().BeEmpty();
            pods.Should().BeGreaterThanOrEqualTo(least);
        }
    }

    /// <summary>What others write into our objects is taken out, of every kind: the release has the rights for it.</summary>
    private async Task RepairedAsync(string id)
    {
        foreach (var (kind, patch) in Plants)
        {
            string[] ours = [kind, "-n", Servers, "-l", $"dev.mcpruntime/record={id}", "-o"];
            var name = (await _cluster.KubectlOrFailAsync(["get", .. ours, "jsonpath={.items[0].metadata.name}"])).Trim();
            await _cluster.KubectlOrFailAsync("patch", kind, name, "-n", Servers, "--type=merge", "-p", patch);
            await Eventually.TrueAsync(async () => IsClean(await _cluster.KubectlOrFailAsync(["get", .. ours, "json"])), TimeSpan.FromSeconds(90), $"{kind}: what was planted is gone");
        }
    }

    private static bool IsClean(string shown) => !shown.Contains("203.0.113.7", StringComparison.Ordinal) && !shown.Contains("planted", StringComparison.Ordinal);

    /// <summary>Every call was allowed, what was called had been granted, and nothing was granted that was not called for.</summary>
    private async Task CalledAndGrantedAsync()
    {
        var calls = await Rights.CalledAsync(_cluster, Account);
        calls.Should().HaveCountGreaterThan(20);
        calls.Where(call => call.Status is 401 or 403).Should().BeEmpty();
        // The role exists as long as the release.
        var granted = await Rights.GrantedAsync(_cluster, ["role", "mcp-runtime", "-n", Servers], ["clusterrole", $"mcp-runtime-{Space}"]);
        calls.SelectMany(call => call.Rights).Distinct(StringComparer.Ordinal).Should().BeEquivalentTo(granted);
    }

    private sealed record Reached(RuntimeApi Api) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            Api.Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
