using McpRuntime.Kubernetes.Tests.Cluster;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>One cluster for the whole run: half a minute to start, and every test keeps to a namespace of its own.</summary>
[SetUpFixture]
internal sealed class TheCluster
{
    public static TestCluster It { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task Start() => It = await TestCluster.StartAsync("mcpruntime/sample-server:latest", "mcpruntime/server-everything:latest", "mcpruntime/mcp-runtime:latest", "mcpruntime/database:latest");

    [OneTimeTearDown]
    public async Task Stop()
    {
        if (It is not null)
        {
            await It.DisposeAsync();
        }
    }
}
