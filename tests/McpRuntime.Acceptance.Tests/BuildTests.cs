using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Backends.Tests.Git;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Repositories with real MCP servers, from git's own server, built by the engine at a commit and served.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class BuildTests
{
    private static readonly TimeSpan Built = TimeSpan.FromMinutes(3);

    private GitServer _git = null!;
    private Service _service = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _git = await GitServer.StartAsync();
        var credentials = Path.Combine(_git.Folder, "credentials.json");
        await File.WriteAllTextAsync(
            credentials, $$"""{"credentials": [{"repository": "{{_git.Authority}}/private", "username": "{{GitServer.User}}", "password": "{{GitServer.Password}}"}]}""");
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_GIT_ALLOWED_HOSTS"] = _git.Authority,
            ["RUNTIME_GIT_CA_FILE"] = _git.Authorities,
            ["RUNTIME_GIT_CREDENTIALS"] = credentials,
            ["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = "127.0.0.0/8,::1/128",
            ["RUNTIME_BUILD_MEMORY"] = "512m",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _git.DisposeAsync();
    }

    [Test]
    public async Task The_csharp_sample_server_is_built_of_a_private_repository_and_reaches_connected()
    {
        var commit = await _git.CreateAsync("private/csharp", ("Dockerfile", await File.ReadAllTextAsync(Path.Combine(Places.Checkout, "samples", "servers", "csharp", "Dockerfile"))));
        commit = await _git.CommitAsync("private/csharp", "the server", CopySampleAsync);

        var runtime = await ConnectAsync("built-csharp", "private/csharp");

        runtime.Body["commit"]!.GetValue<string>().Should().Be(commit);
        runtime.Body["source_type"]!.GetValue<string>().Should().Be("github");
        (await McpClients.CallAsync(Api.Mcp("built-csharp"), Api.Token, "echo", ("message", "from the commit"))).Should().Be("from the commit");
        await EnforcementOracle.HoldsAsync(runtime, Engine.Local);
        (await BuildLogAsync(runtime.Id)).Should().Contain("Step 1/").And.Contain("The build is done.");
        await DeleteAsync(runtime.Id);
    }

    [Test]
    public async Task A_node_server_stays_at_its_commit_until_it_is_upgraded()
    {
        var first = await _git.CreateAsync("acme/node", NodeServer("one"));
        var runtime = await ConnectAsync("built-node", "acme/node");
        (await McpClients.CallAsync(Api.Mcp("built-node"), Api.Token, "version")).Should().Be("one");
        var check = (await Api.GetAsync($"/runtimes/{runtime.Id}/upgrade")).Expect(HttpStatusCode.OK).Body!;
        check["available"]!.GetValue<bool>().Should().BeFalse();

        var second = await _git.CommitAsync("acme/node", "two", ("version", "two"));
        (await Api.CommandAsync(runtime.Id, "restart")).Expect(HttpStatusCode.Accepted);
        runtime = await Api.UntilAsync(runtime.Id, shown => shown.IsCurrent, "is connected again");
        (await McpClients.CallAsync(Api.Mcp("built-node"), Api.Token, "version")).Should().Be("one", "a branch that moves changes nothing");
        (runtime.Generation, runtime.Body["commit"]!.GetValue<string>()).Should().Be((1L, first));

        check = (await Api.GetAsync($"/runtimes/{runtime.Id}/upgrade")).Expect(HttpStatusCode.OK).Body!;
        (check["available"]!.GetValue<bool>(), check["moved"]!.GetValue<string>(), check["current"]!.GetValue<string>(), check["latest"]!.GetValue<string>()).Should().Be((true, "commit", first, second));
        (await Api.CommandAsync(runtime.Id, "upgrade")).Expect(HttpStatusCode.Accepted);
        runtime = await Api.UntilAsync(runtime.Id, shown => shown is { Generation: 2, IsCurrent: true }, "generation 2 serves", Built);
        runtime.Body["commit"]!.GetValue<string>().Should().Be(second);
        (await McpClients.CallAsync(Api.Mcp("built-node"), Api.Token, "version")).Should().Be("two");
        (await Api.CommandAsync(runtime.Id, "upgrade")).Body!["message"]!.GetValue<string>().Should().StartWith("No change");
        await Eventually.TrueAsync(async () => (await ImagesAsync(runtime.Id)).Count == 1, TimeSpan.FromSeconds(60), "the superseded image is gone");
        await DeleteAsync(runtime.Id);
    }

    [Test]
    public async Task Killed_in_the_middle_of_a_build_there_is_one_image_and_one_container_at_the_end()
    {
        _ = await _git.CreateAsync("acme/slow", [.. NodeServer("slow").Select(f => f.Path == "Dockerfile" ? (f.Path, f.Text + "RUN sleep 8\n") : f)]);
        var id = (await Api.DeployAsync(Request("built-slow", "acme/slow"))).Id;
        await Eventually.TrueAsync(async () => (await StepsAsync(id)).Count == 1, TimeSpan.FromSeconds(90), "a step of the build runs");

        await _service.KillAsync();
        await _service.StartAgainAsync();

        var runtime = await Api.UntilAsync(id, shown => shown.IsCurrent, "is connected", Built);
        (await Engine.Local.OfRecordAsync(id)).Should().ContainSingle();
        await Eventually.TrueAsync(async () => (await StepsAsync(id)).Count == 0, TimeSpan.FromSeconds(30), "no container of a build is left");
        await Eventually.TrueAsync(async () => (await ImagesAsync(id)).Count == 1, TimeSpan.FromSeconds(60), "one image");
        await DeleteAsync(runtime.Id);
    }

    [Test]
    public async Task A_build_that_fails_is_an_error_that_says_why_and_its_secret_is_nowhere()
    {
        const string Secret = "build-arg-s3cret";
        _ = await _git.CreateAsync("acme/broken", ("Dockerfile", "FROM mcpruntime/base\nARG TOKEN\nRUN echo \"using $TOKEN\" && exit 3\n"));
        var request = Request("built-broken", "acme/broken");
        request["source"]!["build_args"] = new JsonObject { ["TOKEN"] = Secret };

        var id = (await Api.DeployAsync(request)).Id;
        var runtime = await Api.UntilAsync(id, "error", Built);

        runtime.ErrorMessage.Should().Contain("3");
        var log = await BuildLogAsync(id);
        log.Should().Contain("using ***");
        var everything = string.Join('\n', _service.Output) + log + runtime.Body.ToJsonString() + (await Api.GetAsync($"/runtimes/{id}/events?limit=500")).Text;
        everything.Should().NotContain(Secret);
        await _service.TerminateAsync();
        foreach (var file in Directory.GetFiles(Path.Combine(_service.Folder, "data"), "*", SearchOption.AllDirectories))
        {
            System.Text.Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file)).Should().NotContain(Secret, $"of {file}");
        }

        await _service.StartAgainAsync();
        await DeleteAsync(id);
    }

    private async Task<RuntimeShown> ConnectAsync(string name, string repository)
    {
        var id = (await Api.DeployAsync(Request(name, repository))).Id;
        return await Api.UntilAsync(id, shown => shown.IsCurrent, "is connected", Built);
    }

    private JsonObject Request(string name, string repository) => new()
    {
        ["name"] = name,
        ["source"] = new JsonObject { ["type"] = "github", ["repo"] = _git.Url(repository), ["ref"] = "main" },
        ["guardrails_profile"] = "restricted",
    };

    private async Task DeleteAsync(string id)
    {
        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted");
        (await ImagesAsync(id)).Should().BeEmpty();
        (await StepsAsync(id)).Should().BeEmpty();
    }

    private async Task<string> BuildLogAsync(string id) =>
        string.Join('\n', (await Api.GetAsync($"/runtimes/{id}/logs?stream=build&tail=5000")).Expect(HttpStatusCode.OK).Body!["logs"]!.AsArray().Select(line => line!.GetValue<string>()));

    /// <summary>Every image of the record's builds, named or not.</summary>
    private static Task<IReadOnlyList<JsonObject>> ImagesAsync(string id) => Engine.Local.ImagesAsync($"dev.mcpruntime/built-for={id}");

    /// <summary>Containers of a build's steps: they carry the mark of the build, and no record's.</summary>
    private static async Task<IReadOnlyList<JsonObject>> StepsAsync(string id) =>
        [.. (await Engine.Local.ContainersAsync($"dev.mcpruntime/built-for={id}")).Where(c => c["Labels"]![Engine.RecordLabel] is null)];

    private static async Task CopySampleAsync(string work)
    {
        var container = (await Run.Async("docker", ["create", Requests.Sample])).Expect("docker create").Trim();
        (await Run.Async("docker", ["cp", $"{container}:/app", Path.Combine(work, "app")])).Expect("docker cp");
        (await Run.Async("docker", ["rm", container])).Expect("docker rm");
    }

    private static (string Path, string Text)[] NodeServer(string version) =>
    [
        ("version", version),
        ("Dockerfile", "FROM mcpruntime/server-everything\nCOPY server.mjs version /app/\nENTRYPOINT [\"node\", \"/app/server.mjs\"]\nCMD []\n"),
        ("server.mjs", """
            import { readFileSync } from 'node:fs';
            import { createServer } from 'node:http';
            import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
            import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

            const version = readFileSync('/app/version', 'utf8').trim();
            createServer(async (request, response) => {
              const server = new McpServer({ name: 'built-node', version });
              server.tool('version', 'The version that was built', async () => ({ content: [{ type: 'text', text: version }] }));
              const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
              response.on('close', () => { transport.close(); server.close(); });
              await server.connect(transport);
              await transport.handleRequest(request, response);
            }).listen(process.env.PORT);
            """),
    ];
}
