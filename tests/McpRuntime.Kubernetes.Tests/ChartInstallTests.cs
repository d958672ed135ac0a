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
    private readonly Release _release = new("release", """
        persistence: {existingClaim: data}
        test: {arguments: {message: said by the test} }
        """);

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
        await _release.PrepareAsync();
        await _release.HaveVolumeAsync();
        await _release.InstallAsync();
        (await _release.TestAsync()).Should().Contain("echo answered:").And.Contain("said by the test").And.Contain("nothing is left");

        var id = await DeployAsync("kept");
        await RestrictedAsync();
        await RepairedAsync(id);
        await _release.InstallAsync("--set-string", "settings.RUNTIME_RATE_LIMIT=5000");
        using (var after = await _release.ReachAsync())
        {
            await after.UntilAsync(id, "connected");
            (await McpClients.CallAsync(after.Mcp("kept"), after.Token, "echo", ("message", "upgraded"))).Should().Be("upgraded");
        }

        await _release.UninstallAsync();
        (await _cluster.KubectlOrFailAsync("get", "pvc,secret", "-n", _release.Space, "-o", "name")).Should().Contain("persistentvolumeclaim/data").And.Contain("secret/keys");
        (await _cluster.KubectlOrFailAsync("get", "pods", "-n", _release.Servers, "-o", "name")).Should().NotBeEmpty("what runs is not the release's");
        (await _cluster.KubectlOrFailAsync("get", "deployments,services,serviceaccounts", "-n", _release.Space, "-o", "name")).Should().NotContain("mcp-runtime");

        await _release.InstallAsync();
        using var again = await _release.ReachAsync();
        (await again.UntilAsync(id, "connected")).Name.Should().Be("kept");
        await again.DeleteAsync(id);
        await again.UntilAsync(id, "deleted");
        await CalledAndGrantedAsync();
    }

    private async Task<string> DeployAsync(string name)
    {
        using var service = await _release.ReachAsync();
        var id = (await service.DeployAsync(Requests.With(Requests.FromImage(name, Requests.Sample), ("API_KEY", "kept in a Secret")))).Id;
        await service.UntilAsync(id, "connected");
        (await service.LogsAsync(id)).Should().NotBeEmpty();
        (await service.GetAsync("/runtimes/backends")).Expect(HttpStatusCode.OK).Text.Should().Contain($"namespace {_release.Servers}");
        return id;
    }

    /// <summary>Every Pod, the release's, its test's and the servers', keeps to the level that their namespaces would enforce on a newer cluster.</summary>
    private async Task RestrictedAsync()
    {
        foreach (var (space, least) in new[] { (_release.Space, 2), (_release.Servers, 1) })
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
            string[] ours = [kind, "-n", _release.Servers, "-l", $"dev.mcpruntime/record={id}", "-o"];
            var name = (await _cluster.KubectlOrFailAsync(["get", .. ours, "jsonpath={.items[0].metadata.name}"])).Trim();
            await _cluster.KubectlOrFailAsync("patch", kind, name, "-n", _release.Servers, "--type=merge", "-p", patch);
            await Eventually.TrueAsync(async () => IsClean(await _cluster.KubectlOrFailAsync(["get", .. ours, "json"])), TimeSpan.FromSeconds(90), $"{kind}: what was planted is gone");
        }
    }

    private static bool IsClean(string shown) => !shown.Contains("203.0.113.7", StringComparison.Ordinal) && !shown.Contains("planted", StringComparison.Ordinal);

    /// <summary>Every call was allowed, what was called had been granted, and nothing was granted that was not called for.</summary>
    private async Task CalledAndGrantedAsync()
    {
        var calls = await Rights.CalledAsync(_cluster, _release.Account);
        calls.Should().HaveCountGreaterThan(20);
        calls.Where(call => call.Status is 401 or 403).Should().BeEmpty();
        // The role exists as long as the release.
        var granted = await Rights.GrantedAsync(_cluster, ["role", "mcp-runtime", "-n", _release.Servers], ["clusterrole", $"mcp-runtime-{_release.Space}"]);
        calls.SelectMany(call => call.Rights).Distinct(StringComparer.Ordinal).Should().BeEquivalentTo(granted);
    }
}
