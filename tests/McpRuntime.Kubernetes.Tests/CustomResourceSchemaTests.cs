using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>crds/, as a real API server reads them: what is taken, and what is refused before the service ever sees it.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class CustomResourceSchemaTests
{
    private const string Docker = "source: {type: docker, image: a/b:1}";

    private readonly TestCluster _cluster = TheCluster.It;

    [OneTimeSetUp]
    public async Task ApplyAsync()
    {
        await _cluster.KubectlOrFailAsync("apply", "-f", Path.Combine(Places.Checkout, "crds"));
        await _cluster.KubectlOrFailAsync("wait", "--for=condition=Established", "--timeout=30s", "crd/mcpruntimes.mcpruntime.dev", "crd/guardrailprofiles.mcpruntime.dev");
    }

    [TestCase($"{{backend: kubernetes, {Docker}}}")]
    [TestCase("{catalogServerId: time}")]
    [TestCase("{backend: docker, source: {type: compose, composeFile: x, mainService: web}}")]
    [TestCase("{source: {type: compose, repo: a/b, path: compose.yaml, commit: abc}}")]
    [TestCase("{source: {type: github, repo: a/b, ref: main, buildArgs: {A: b}}}")]
    [TestCase($"{{{Docker}, environment: [{{name: A, value: b}}, {{name: B, secretKeyRef: {{name: s, key: k}}}}], resources: {{cpu: '0.5', memory: 512Mi}}}}")]
    [TestCase($"{{{Docker}, resources: {{cpu: 1, memory: 536870912}}, gateway: {{transport: SSE, port: 80, path: /sse}}}}")]
    [TestCase($"{{{Docker}, guardrails: {{profile: strict, overrides: {{network: {{egressAllowed: true, allowedHosts: [a.b]}}}}}}}}")]
    public async Task What_means_something_is_taken(string spec)
    {
        var ran = await TryAsync(spec);

        ran.Exit.Should().Be(0, ran.Errors);
    }

    [TestCase($"{{{Docker}, catalogServerId: x}}", "spec")]
    [TestCase("{backend: docker}", "spec")]
    [TestCase("{backend: kubernetes, source: {type: compose, composeFile: x}}", "spec")]
    [TestCase("{source: {type: compose, composeFile: x, repo: a/b}}", "spec.source")]
    [TestCase("{source: {type: compose, repo: a/b}}", "spec.source")]
    [TestCase("{source: {type: docker}}", "spec.source")]
    [TestCase("{source: {type: docker, image: a, repo: b/c}}", "spec.source")]
    [TestCase("{source: {type: github, repo: a/b, ref: x, commit: y}}", "spec.source")]
    [TestCase($"{{backend: podman, {Docker}}}", "spec.backend")]
    [TestCase($"{{{Docker}, environment: [{{name: A, value: b, secretKeyRef: {{name: s, key: k}}}}]}}", "spec.environment")]
    [TestCase($"{{{Docker}, environment: [{{name: A, value: b}}, {{name: A, value: c}}]}}", "spec.environment")]
    [TestCase($"{{{Docker}, environment: [{{name: 1A, value: b}}]}}", "spec.environment")]
    [TestCase($"{{{Docker}, guardrails: {{overrides: {{network: {{egressAllowed: false, allowedHosts: [a.b]}}}}}}}}", "spec.guardrails.overrides.network")]
    [TestCase($"{{{Docker}, gateway: {{port: 70000}}}}", "spec.gateway.port")]
    [TestCase($"{{{Docker}, state: Paused}}", "spec.state")]
    [TestCase($"{{{Docker}, resources: {{memory: lots}}}}", "spec.resources.memory")]
    [TestCase($"{{{Docker}, imagee: x}}", "imagee")]
    public async Task What_contradicts_itself_is_refused_where_it_stands(string spec, string path)
    {
        var ran = await TryAsync(spec);

        ran.Exit.Should().NotBe(0);
        ran.Errors.Should().Contain(path);
    }

    private async Task<Ran> TryAsync(string spec)
    {
        var file = Path.Combine(Path.GetTempPath(), $"mcprt-{Guid.NewGuid():N}.yaml");
        await File.WriteAllTextAsync(file, $"apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {{name: tried, namespace: default}}\nspec: {spec}\n");
        try
        {
            return await _cluster.KubectlAsync("apply", "--dry-run=server", "-f", file);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
