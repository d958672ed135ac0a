using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The real helm, as the cluster's administrator.</summary>
internal static class Helm
{
    public static string Chart => Path.Combine(Places.Checkout, "charts", "mcp-runtime");

    public static Task<Ran> RunAsync(TestCluster cluster, params string[] arguments) =>
        Run.Async(Path.Combine(TestCluster.Programs, "helm"), ["--kubeconfig", cluster.Kubeconfig, .. arguments], TimeSpan.FromMinutes(4));
}
