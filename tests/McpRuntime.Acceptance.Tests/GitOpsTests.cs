using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.Backends.Tests.Git;

namespace McpRuntime.Acceptance.Tests;

/// <summary>The sample repository on git's own server, a real engine, real clients: what is in Git runs, and nothing else does.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class GitOpsTests
{
    private const string Repository = "acme/runtimes";

    private static readonly string Sample = Path.Combine(Places.Checkout, "samples", "gitops");

    private static readonly string[] WhatItMeans = ["source", "source_type", "guardrails_profile", "guardrails", "resource_limits", "environment", "volumes", "visibility", "team_id", "tags", "metadata", "catalog_server_id", "gateway_transport"];

    private GitServer _git = null!;
    private Service _service = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _git = await GitServer.StartAsync();
        _ = await _git.CreateAsync(Repository, Files(Sample));
        _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_GITOPS_REPOS"] = $$"""[{"name": "samples", "url": "{{_git.Url(Repository)}}", "interval_seconds": 5, "allow_empty": true}]""",
            ["RUNTIME_SOURCE_POLICY"] = """{"git:samples": {"profiles": true}}""",
            ["RUNTIME_GIT_CA_FILE"] = _git.Authorities,
            ["RUNTIME_ALLOW_PRIVATE_ADDRESSES"] = "127.0.0.0/8,::1/128",
        });
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _service.DisposeAsync();
        await _git.DisposeAsync();
    }

    [Test]
    public async Task What_is_in_the_repository_is_connected_and_used_and_gone_with_it_and_means_the_same_by_REST()
    {
        var greeter = await ConnectedAsync();
        (await McpClients.CallAsync(Api.Mcp("greeter"), Api.Token, "add", ("a", 2), ("b", 3))).Should().Contain("5");
        await EnforcementOracle.HoldsAsync(greeter, Engine.Local);
        (await Api.FindAsync("everything")).Body["owner"]!.GetValue<string>().Should().Be("git:samples");
        (await Api.DeleteAsync("greeter")).Expect(HttpStatusCode.Conflict).Text.Should().Contain("in the Git repository");

        // What changes while nobody runs is applied by whoever starts.
        await _service.KillAsync();
        var second = await _git.CommitAsync(Repository, "other words", ("servers/greeter.yaml", (await File.ReadAllTextAsync(Path.Combine(Sample, "servers", "greeter.yaml"))).Replace("value: hello", "value: hi", StringComparison.Ordinal)));
        await _service.StartAgainAsync();
        greeter = await Api.UntilAsync(greeter.Id, shown => shown is { Generation: 2, IsCurrent: true }, "the second commit serves");
        greeter.Body["origin"]!["commit"]!.GetValue<string>().Should().Be(second);
        await Eventually.TrueAsync(async () => (await Engine.Local.OfRecordAsync(greeter.Id)).Count == 1, TimeSpan.FromSeconds(60), "the first commit's container is gone");

        var everything = await Api.FindAsync("everything");
        var instance = await Leftovers.InstanceOfAsync(Engine.Local, [greeter.Id]);
        _ = await _git.CommitAsync(Repository, "gone", work =>
        {
            Directory.Delete(Path.Combine(work, "servers"), recursive: true);
            return Task.CompletedTask;
        });
        await Api.UntilAsync(greeter.Id, "deleted");
        await Api.UntilAsync(everything.Id, "deleted");
        await Leftovers.NoneAsync(Engine.Local, [greeter.Id, everything.Id], instance);

        var byRest = await Api.DeployAsync(await ConvertedAsync(Path.Combine(Sample, "servers", "greeter.yaml")));
        byRest = await Api.UntilAsync(byRest.Id, shown => shown.IsCurrent, "is connected");
        foreach (var field in WhatItMeans)
        {
            byRest.Body[field]?.ToJsonString().Should().Be(greeter.Body[field]?.ToJsonString(), "{0} is the same by REST", field);
        }

        await Api.DeleteAsync(byRest.Id);
        await Api.UntilAsync(byRest.Id, "deleted");
    }

    [Test]
    public async Task Convert_tells_errors_by_file_and_line_and_prints_nothing_then()
    {
        var file = Path.Combine(_service.Folder, "bad.yaml");
        await File.WriteAllTextAsync(file, "apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {name: a}\nspec:\n  source: {type: docker, image: x}\n  sauce: hot\n");

        var ran = await ConvertAsync(file, Path.Combine(Sample, "servers", "greeter.yaml"));

        (ran.Exit, ran.Output).Should().Be((1, ""));
        ran.Errors.Should().Contain($"{file}:6: document 1: spec.sauce");
        (await ConvertAsync(Path.Combine(_service.Folder, "none.yaml"))).Exit.Should().Be(1);
        var profiles = await Run.Async("dotnet", [Places.Service, "convert", "--kind", "GuardrailProfile", "-f", Path.Combine(Sample, "profiles", "house.yaml")]);
        JsonNode.Parse(profiles.Expect("convert"))!["name"]!.GetValue<string>().Should().Be("house");
        var more = await ConvertAsync(Path.Combine(Sample, "servers", "more.yaml"));
        JsonNode.Parse(more.Expect("convert"))!["catalog_server_id"]!.GetValue<string>().Should().Be("server-everything");
        more.Errors.Should().Contain("Stopped").And.Contain("1 documents of other kinds");
    }

    private async Task<RuntimeShown> ConnectedAsync()
    {
        await Eventually.TrueAsync(async () => (await Api.GetAsync("/runtimes/greeter")).Status == HttpStatusCode.OK, TimeSpan.FromSeconds(60), "the repository is read");
        return await Api.UntilAsync("greeter", shown => shown.IsCurrent, "is connected");
    }

    private static async Task<JsonObject> ConvertedAsync(string file) => JsonNode.Parse((await ConvertAsync(file)).Expect("convert"))!.AsObject();

    private static Task<Ran> ConvertAsync(params string[] files) => Run.Async("dotnet", [Places.Service, "convert", "-f", .. files]);

    private static (string Path, string Text)[] Files(string folder) =>
        [.. Directory.GetFiles(folder, "*.yaml", SearchOption.AllDirectories).Select(file => (Path.GetRelativePath(folder, file), File.ReadAllText(file)))];
}
