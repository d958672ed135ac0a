using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Backends.Tests.Git;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The image that the chart names, as it is.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ProductImageTests
{
    private const string Image = "mcpruntime/mcp-runtime:latest";

    [Test]
    public async Task It_reads_repositories_over_TLS_with_the_git_that_it_has()
    {
        await using var server = await GitServer.StartAsync();
        var commit = await server.CreateAsync("acme/runtimes", ("a.yaml", "kind: Nothing\n"));
        var listed = await InsideAsync(["--network", "host", "-v", $"{server.Authorities}:/authorities.pem:ro", "-e", "GIT_SSL_CAINFO=/authorities.pem"], "git", "ls-remote", server.Url("acme/runtimes"));

        listed.Expect("git ls-remote").Should().Contain(commit);
    }

    [TestCase("gpg", "--version")]
    [TestCase("sh", "-c", "ssh-keygen -? 2>&1 | grep usage")]
    public async Task It_has_what_checks_signatures(params string[] command) => (await InsideAsync(["--network", "none"], command)).Expect(command[0]);

    /// <summary>As it runs in a cluster: not root, on a root that nobody writes to.</summary>
    private static Task<Ran> InsideAsync(string[] options, params string[] command) =>
        Run.Async("docker", ["run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", "10001", "--cap-drop", "ALL", .. options, "--entrypoint", command[0], Image, .. command[1..]]);
}
