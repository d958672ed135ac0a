using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The image that the chart names, as it is.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class ProductImageTests
{
    private const string Image = "mcpruntime/mcp-runtime:latest";

    [Test]
    public async Task It_reads_repositories_with_the_git_that_it_has()
    {
        var folder = Directory.CreateTempSubdirectory("repository-").FullName;
        (await Run.Async("sh", ["-c", $"cd {folder} && git init -q r && cd r && git -c user.name=a -c user.email=a@example.org commit -q --allow-empty -m first && chmod a+rx {folder} && chown -R 10001 {folder}"])).Expect("git");

        var listed = await InsideAsync(["--network", "none", "-v", $"{folder}:/repositories:ro"], "git", "ls-remote", "file:///repositories/r", "HEAD");
        listed.Expect("git ls-remote").Should().MatchRegex("^[0-9a-f]{40}\tHEAD");

        // Its helper for https, and all that this loads, get as far as the connection.
        var refused = await InsideAsync(["--network", "none"], "git", "ls-remote", "https://127.0.0.1:1/acme/runtimes");
        refused.Errors.Should().Contain("Failed to connect");
        Directory.Delete(folder, recursive: true);
    }

    [TestCase("gpg", "--version")]
    [TestCase("sh", "-c", "ssh-keygen -? 2>&1 | grep usage")]
    public async Task It_has_what_checks_signatures(params string[] command) => (await InsideAsync(["--network", "none"], command)).Expect(command[0]);

    /// <summary>As it runs in a cluster: not root, on a root that nobody writes to.</summary>
    private static Task<Ran> InsideAsync(string[] options, params string[] command) =>
        Run.Async("docker", ["run", "--rm", "--read-only", "--tmpfs", "/tmp", "--user", "10001", "--cap-drop", "ALL", .. options, "--entrypoint", command[0], Image, .. command[1..]]);
}
