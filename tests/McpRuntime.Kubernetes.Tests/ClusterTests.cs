using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The cluster itself: what the other tests stand on.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ClusterTests
{
    [Test]
    public async Task A_deployment_runs_a_pod_that_answers()
    {
        var cluster = TheCluster.It;
        await cluster.KubectlOrFailAsync("create", "namespace", "harness");
        await cluster.ApplyAsync("""
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: sample, namespace: harness}
            spec:
              selector: {matchLabels: {app: sample}}
              template:
                metadata: {labels: {app: sample}}
                spec: {containers: [{name: server, image: "mcpruntime/sample-server:latest", imagePullPolicy: Never, readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}]}
            """);

        await cluster.KubectlOrFailAsync("wait", "-n", "harness", "--for=condition=Available", "deployment/sample", "--timeout=90s");

        var address = await cluster.KubectlOrFailAsync("get", "pods", "-n", "harness", "-l", "app=sample", "-o", "jsonpath={.items[0].status.podIP}");
        using var http = new HttpClient();
        using var reply = await http.GetAsync(new Uri($"http://{address}:8080/mcp"));
        ((int)reply.StatusCode).Should().BeLessThan(500);
        (await File.ReadAllTextAsync(cluster.AuditLog)).Should().Contain("\"namespace\":\"harness\"");
        await cluster.KubectlOrFailAsync("delete", "namespace", "harness", "--wait=false");
    }
}
