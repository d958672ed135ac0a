using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;
using McpRuntime.CodeEngineDouble.Driver;

namespace McpRuntime.Acceptance.Tests;

/// <summary>
/// The service as a process against the double of Code Engine and IAM, whose apps forward to a real MCP server: the platform is
/// imitated, the protocol is not.
/// </summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class CodeEngineTests
{
    private const string Canary = "c4n4ry-9f8e7d6c5b4a";
    private const string Repository = "acme/server";

    private static readonly string Image = "docker.io/acme/server@sha256:" + new string('a', 64);
    private static readonly string NewerImage = "docker.io/acme/server@sha256:" + new string('b', 64);

    private CodeEnginePlace _place = null!;

    private RuntimeApi Api => _place.Service.Api;

    private DoubleProcess Double => _place.Double;

    [OneTimeSetUp]
    public async Task StartAsync() => _place = await CodeEnginePlace.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        if (_place is not null)
        {
            await _place.DisposeAsync();
        }
    }

    [Test]
    public async Task The_life_of_an_image_from_deploy_to_delete_leaves_nothing_and_tells_no_secret()
    {
        var request = Requests.With(Requests.FromImage("life", Image), ("API_KEY", Canary));
        var id = (await Api.DeployAsync(request)).Id;
        var runtime = await Api.UntilAsync(id, "connected");
        runtime.Report["egress"].IsEnforced.Should().BeFalse();
        runtime.Report["drop_capabilities"].Outcome.Should().BeEquivalentTo("weakened");
        runtime.Report["cpu"].IsEnforced.Should().BeTrue();
        (await CallAsync("life", "hello")).Should().Be("hello");
        (await Api.LogsAsync(id)).Should().Contain(line => line.StartsWith("[code engine] revision", StringComparison.Ordinal)).And.Contain("listening on 8080");

        (await Api.CommandAsync(id, "stop")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "stopped");
        var parked = (await AppsAsync()).Should().ContainSingle().Subject;
        parked["managed_domain_mappings"]!.GetValue<string>().Should().Be("local");
        parked["scale_min_instances"]!.GetValue<int>().Should().Be(0);
        parked["scale_max_instances"]!.GetValue<int>().Should().BePositive("to the platform 0 means no limit");
        (await Api.CommandAsync(id, "start")).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "connected");
        (await CallAsync("life", "again")).Should().Be("again");

        var before = (await AppsAsync()).Single()["name"]!.GetValue<string>();
        (await Api.CommandAsync(id, "restart")).Expect(HttpStatusCode.Accepted);
        await Eventually.TrueAsync(async () => await AppsAsync() is [var only] && only["name"]!.GetValue<string>() != before, RuntimeApi.Settled, "another app, alone");
        await Api.UntilAsync(id, "connected");

        await UpdatesAsync(id, "second");
        await RollsBackAsync(id);
        await TellsNoSecretAsync(id);

        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted");
        await NothingIsLeftAsync();
    }

    [Test]
    public async Task A_repository_is_built_at_its_commit_and_runs_at_the_digest_that_was_pushed()
    {
        var commit = await _place.Git.CreateAsync(Repository, ("Dockerfile", "FROM node:22\nCOPY . /app\n"));
        var source = new JsonObject { ["type"] = "github", ["repo"] = _place.Git.Url(Repository), ["ref"] = commit };
        var id = (await Api.DeployAsync(new JsonObject { ["name"] = "built", ["source"] = source, ["endpoint_port"] = 8080 })).Id;
        await Api.UntilAsync(id, "connected");

        var app = (await AppsAsync()).Single(a => a["image_reference"]!.GetValue<string>().StartsWith("us.icr.io/acme/", StringComparison.Ordinal));
        app["image_reference"]!.GetValue<string>().Should().Contain("@sha256:");
        (await CallAsync("built", "built")).Should().Be("built");
        await Eventually.TrueAsync(async () => (await Double.StateAsync())["builds"]!.AsArray().Count == 0, RuntimeApi.Settled, "the build is pruned");

        (await Api.DeleteAsync(id)).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, "deleted");
        await NothingIsLeftAsync();
    }

    private async Task UpdatesAsync(string id, string stage)
    {
        var before = await Api.FindAsync(id);
        var answer = await Api.SendAsync(
            HttpMethod.Put, $"/runtimes/{id}", Requests.With(Requests.FromImage("life", NewerImage), ("API_KEY", Canary), ("STAGE", stage)), ("If-Match", $"\"{before.Generation}\""));
        answer.Expect(HttpStatusCode.OK);
        await Api.UntilAsync(id, shown => shown.Generation == before.Generation + 1 && shown.ObservedGeneration == shown.Generation && shown.Status == "connected", "the new generation serves");
        // The old revision may still be the only one there when its successor is observed: what counts is whose secret is left.
        await Eventually.TrueAsync(
            async () => await AppsAsync() is [var app] && app["image_reference"]!.GetValue<string>() == NewerImage && await SecretsAsync() is [var only] && only["data"]?["STAGE"]?.GetValue<string>() == stage,
            RuntimeApi.Settled,
            "the new app and its secret are the only ones");
    }

    /// <summary>To the generation before the last: its image's digest, its environment.</summary>
    private async Task RollsBackAsync(string id)
    {
        var before = await Api.FindAsync(id);
        (await Api.SendAsync(HttpMethod.Post, $"/runtimes/{id}/rollback", new JsonObject { ["generation"] = before.Generation - 1 })).Expect(HttpStatusCode.Accepted);
        await Api.UntilAsync(id, shown => shown.Generation == before.Generation + 1 && shown.ObservedGeneration == shown.Generation && shown.Status == "connected", "the generation rolled back to serves");
        await Eventually.TrueAsync(
            async () => await AppsAsync() is [var only] && only["image_reference"]!.GetValue<string>() == Image && await SecretsAsync() is [var secret] && secret["data"]?["STAGE"] is null,
            RuntimeApi.Settled,
            "the first app's digest and environment are back, alone");
        (await CallAsync("life", "rolled back")).Should().Be("rolled back");
    }

    private async Task TellsNoSecretAsync(string id)
    {
        (await AppsAsync()).Should().OnlyContain(app => !app.ToJsonString(null).Contains(Canary));
        foreach (var path in new[] { $"/runtimes/{id}", $"/runtimes/{id}/events", $"/runtimes/{id}/logs", "/runtimes/backends" })
        {
            (await Api.GetAsync(path)).Text.Should().NotContain(Canary).And.NotContain(DoubleProcess.ApiKey);
        }

        // As the platform got it: the path, the query and every header but the one that carries the token.
        var requests = await Double.RequestsAsync();
        requests.Should().HaveCountGreaterThan(50).And.OnlyContain(request => request["query"]!.GetValue<string>().Contains("version=") || request["path"]!.GetValue<string>() == "/identity/token" || request["path"]!.GetValue<string>().StartsWith("/api/v1/"));
        requests.Select(request => request.ToJsonString(null)).Should().NotContain(text => text.Contains(Canary) || text.Contains(DoubleProcess.ApiKey) || text.Contains("token-"));
        _place.Service.Output.Should().NotContain(line => line.Contains(Canary) || line.Contains(DoubleProcess.ApiKey));
    }

    private async Task NothingIsLeftAsync()
    {
        var state = await Double.StateAsync();
        state["apps"]!.AsArray().Should().BeEmpty();
        state["builds"]!.AsArray().Should().BeEmpty();
        state["build_runs"]!.AsArray().Should().BeEmpty();
        state["secrets"]!.AsArray().Select(s => s!["name"]!.GetValue<string>()).Should().Equal("pull");
    }

    private async Task<IReadOnlyList<JsonNode>> AppsAsync() => [.. (await Double.StateAsync())["apps"]!.AsArray().Select(a => a!)];

    private async Task<IReadOnlyList<JsonNode>> SecretsAsync() => [.. (await Double.StateAsync())["secrets"]!.AsArray().Select(s => s!).Where(s => s["format"]!.GetValue<string>() == "generic")];

    private Task<string> CallAsync(string name, string message) => McpClients.CallAsync(Api.Mcp(name), Api.Token, "echo", ("message", message));
}
