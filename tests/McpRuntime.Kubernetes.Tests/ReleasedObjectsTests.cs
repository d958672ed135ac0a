using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>A release whose runtimes are objects of the cluster: with the definitions and exactly the rights that the chart gives it.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ReleasedObjectsTests
{
    private const string Team = "objects-team";
    private const string Elsewhere = "objects-elsewhere";
    private const string Watching = "customResources.watchNamespaces={" + Team + "}";

    private string Everywhere => $"mcp-runtime-custom-resources-{_release.Space}";

    private readonly TestCluster _cluster = TheCluster.It;

    private readonly Release _release = new("objects", """
        persistence: {existingClaim: data}
        customResources: {enabled: true}
        settings: {RUNTIME_SOURCE_POLICY: '{"crd:default": {"profiles": true}}'}
        """);

    [Test]
    public async Task Objects_are_declared_and_ended_under_the_chart_s_rights_alone_and_the_definitions_outlive_the_release()
    {
        // Whatever an earlier fixture applied by hand: here they come with the release.
        await _cluster.KubectlOrFailAsync("delete", "-f", Path.Combine(Places.Checkout, "crds"), "--ignore-not-found", "--timeout=60s");
        await _release.PrepareAsync();
        await _release.HaveVolumeAsync();
        await _cluster.KubectlOrFailAsync("create", "namespace", Team);
        await _cluster.KubectlOrFailAsync("create", "namespace", Elsewhere);
        await _release.InstallAsync();

        await _cluster.KubectlOrFailAsync("apply", "-n", Team, "-f", Path.Combine(CustomResourceWorld.Samples, "secret.yaml"), "-f", Path.Combine(CustomResourceWorld.Samples, "profile.yaml"));
        await _cluster.KubectlOrFailAsync("wait", "-n", Team, "--for=condition=Ready", "mcprt/weather", "mcprt/tight", "--timeout=100s");
        using (var service = await _release.ReachAsync())
        {
            (await McpClients.CallAsync(service.Mcp($"weather.{Team}"), service.Token, "echo", ("message", "declared"))).Should().Be("declared");
        }

        await _cluster.KubectlOrFailAsync("delete", "-n", Team, "mcprt/weather", "mcprt/tight", "guardrailprofile/tight", "--timeout=100s");
        var (granted, begun) = (await Rights.GrantedAsync(_cluster, ["clusterrole", Everywhere]), (await CallsAsync()).Count);
        // A watch is in the audit log when it is over: with the process that had it.
        await _release.InstallAsync("--set", Watching);
        await AccordAsync(granted, 0, call => call.About is not null && call.Resource != "namespaces" && call.Space != _release.Servers);

        var narrow = await NamespacedAsync();
        await _release.UninstallAsync();
        await AccordAsync(narrow, begun, call => call.Space == Team || call.Status is 401 or 403);
        (await _cluster.KubectlOrFailAsync("get", "mcprt", "-A", "-o", "name")).Should().Contain("kept", "objects go with their definition, and so that stays");
        await _cluster.KubectlOrFailAsync("delete", "namespace", Elsewhere, Team);
    }

    /// <summary>The same release, now in one namespace, and without any right over the cluster for it.</summary>
    /// <returns>Its rights there.</returns>
    private async Task<IReadOnlySet<string>> NamespacedAsync()
    {
        (await _cluster.KubectlAsync("get", "clusterrole", Everywhere)).Exit.Should().NotBe(0);
        await _cluster.ApplyAsync(Declared("seen", Team) + Declared("unseen", Elsewhere) + Declared("kept", Elsewhere));
        await _cluster.KubectlOrFailAsync("apply", "-n", Team, "-f", Path.Combine(CustomResourceWorld.Samples, "secret.yaml"));

        await _cluster.KubectlOrFailAsync("wait", "-n", Team, "--for=condition=Accepted", "mcprt/seen", "--timeout=60s");
        await _cluster.KubectlOrFailAsync("wait", "-n", Team, "--for=condition=Ready", "mcprt/weather", "--timeout=100s");
        (await _cluster.KubectlOrFailAsync("get", "-n", Elsewhere, "mcprt/unseen", "-o", "jsonpath={.status}{.metadata.finalizers}")).Should().BeEmpty("it is nobody's");
        await _cluster.KubectlOrFailAsync("delete", "-n", Team, "mcprt", "--all", "--timeout=100s");
        return await Rights.GrantedAsync(_cluster, ["role", "mcp-runtime-custom-resources", "-n", Team]);
    }

    /// <summary>The last entries come a moment after the process has ended.</summary>
    private Task<string> AccordAsync(IReadOnlySet<string> granted, int begun, Func<Called, bool> isMeant) => Eventually.IsAsync(
        async () => Rights.Differences([.. (await CallsAsync()).Skip(begun).Where(isMeant)], granted), difference => difference.Length == 0, TimeSpan.FromSeconds(20), difference => difference ?? "");

    private Task<IReadOnlyList<Called>> CallsAsync() => Rights.CalledAsync(_cluster, _release.Account);

    private static string Declared(string name, string space) =>
        $"---\napiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {{name: {name}, namespace: {space}}}\nspec: {{source: {{type: docker, image: 'mcpruntime/sample-server:latest'}}, state: Stopped}}\n";
}
