using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Planted values, looked for everywhere a secret has been known to end up.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class SecretTests
{
    private const string Literal = "canary-literal-7f3a9c1e5b";
    private const string Referenced = "canary-referenced-2d8e6b4f0a";
    private const string Later = "canary-later-5c0b8e2f7d";
    private const string Misplaced = "canary-misplaced-91c7d3a5e2";

    [TestCase("sqlite")]
    [TestCase("postgres")]
    public async Task Planted_secrets_are_found_nowhere_but_in_the_container(string kind)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal) { ["MCPSECRET_CANARY"] = Referenced, ["RUNTIME_GATEWAY_AUDIT_ARGUMENTS"] = "true" };
        await using var database = kind == "postgres" ? await PostgresCluster.StartAsync() : null;
        if (database is not null)
        {
            settings["RUNTIME_DATABASE_URL"] = database.Url;
            settings["RUNTIME_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        }

        await using var service = await Service.StartAsync(settings);
        var api = service.Api;
        var id = (await api.DeployAsync(Secretive(Literal))).Id;
        await api.UntilAsync(id, "connected");
        await using var first = await Followed.StartAsync(api, id);

        // A server that logs its own key, and callers who put one where it does not belong.
        await McpClients.CallAsync(api.Mcp("secretive"), api.Token, "echo", ("message", Literal));
        await McpClients.CallAsync(api.Mcp("secretive"), api.Token, "echo", ("message", Referenced));
        await first.UntilAsync("echo: ***");
        List<string> said = [first.Text, .. await MistakesAsync(api)];
        var before = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();
        await api.CommandAsync(id, "restart");
        await ReplacedAsync(id, before);
        await api.UntilAsync(id, "connected");

        before = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();

        // The server gets another key; a log that is followed ends with its container.
        (await api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", Secretive(Later))).Expect(HttpStatusCode.OK);
        await api.UntilAsync(id, shown => shown.IsCurrent && shown.Generation == 2, "runs with the later key");
        await ReplacedAsync(id, before);
        await using var second = await Followed.StartAsync(api, id);
        await McpClients.CallAsync(api.Mcp("secretive"), api.Token, "echo", ("message", Later));
        await McpClients.CallAsync(api.Mcp("secretive"), api.Token, "echo", ("message", "the last word"));
        await second.UntilAsync("the last word");
        said.Add(second.Text);
        said.AddRange(await EverythingTheApiSaysAsync(api, id));
        said[^1].Should().Contain("***", "the calls are there, and their arguments");

        var container = await Engine.Local.TheContainerAsync(id);
        var environment = container["Config"]!["Env"]!.ToJsonString();
        environment.Should().Contain(Later).And.Contain(Referenced, "the server got its secrets");

        foreach (var secret in new[] { Literal, Later, Referenced })
        {
            said.Should().NotContain(text => text.Contains(secret, StringComparison.Ordinal), "no answer of the API tells it");
            container["Config"]!["Labels"]!.ToJsonString().Should().NotContain(secret);
            container["Config"]!["Cmd"]?.ToJsonString().Should().NotContain(secret);
        }

        string[] secrets = [Literal, Later, Referenced, Misplaced];
        service.Output.Should().NotContain(line => secrets.Any(secret => line.Contains(secret, StringComparison.Ordinal)), "no log line tells it");
        (await FilesWithAsync(service.Folder, secrets)).Should().BeEmpty("the database and every file beside it hold it encrypted or not at all");
        if (database is not null)
        {
            (await FilesWithAsync(database.Folder, secrets)).Should().BeEmpty("no table, no log and no journal of PostgreSQL's tells it");
        }

        ProcessesWith(secrets).Should().BeEmpty("secrets never travel on a command line");
    }

    private static Task<TimeSpan> ReplacedAsync(string id, string before) => Eventually.TrueAsync(
        async () => await Engine.Local.OfRecordAsync(id) is [var only] && only["Id"]!.GetValue<string>() != before,
        RuntimeApi.Settled,
        "another container, alone");

    private static JsonObject Secretive(string key) =>
        Requests.FromCatalog("secretive", "sample-with-key", null, ("SAMPLE_API_KEY", key), ("FROM_SERVICE", "secret://env/MCPSECRET_CANARY"));

    private static async Task<IReadOnlyList<string>> MistakesAsync(RuntimeApi api)
    {
        var badName = Requests.With(Requests.FromCatalog("mistake"), ("NOT A NAME", Misplaced));
        var badType = Requests.FromCatalog("mistake");
        badType["environment"] = new JsonArray(Misplaced);
        var answers = new[]
        {
            await api.SendAsync(HttpMethod.Post, "/runtimes/deploy", badName),
            await api.SendAsync(HttpMethod.Post, "/runtimes/deploy", badType),
        };
        answers.Should().OnlyContain(answer => answer.Status == HttpStatusCode.BadRequest || answer.Status == HttpStatusCode.UnprocessableEntity);
        answers.Should().NotContain(answer => answer.Text.Contains(Misplaced, StringComparison.Ordinal), "an error names the field, never the value");
        return [.. answers.Select(answer => answer.Text)];
    }

    private static async Task<IReadOnlyList<string>> EverythingTheApiSaysAsync(RuntimeApi api, string id)
    {
        string[] paths =
        [
            "/runtimes", $"/runtimes/{id}", $"/runtimes/{id}/events?limit=500", $"/runtimes/{id}/logs?tail=5000", "/runtimes/backends",
            "/runtimes/catalog", "/gateways", "/metrics", "/readyz", "/version",
            $"/runtimes/{id}/tools", $"/runtimes/{id}/calls",
        ];
        List<string> said = [];
        foreach (var path in paths)
        {
            var answer = await api.GetAsync(path);
            answer.Status.Should().Be(HttpStatusCode.OK, path);
            said.Add(answer.Text);
        }

        return said;
    }

    // By grep, with its patterns in a file: the lease's file is locked against other processes of ours, and a command line would show them.
    private static async Task<string> FilesWithAsync(string folder, string[] secrets)
    {
        var patterns = Path.GetTempFileName();
        await File.WriteAllLinesAsync(patterns, secrets);
        var ran = await Run.Async("grep", ["-rlF", "--binary-files=text", "-f", patterns, folder]);
        File.Delete(patterns);
        return ran.Exit == 2 ? throw new InvalidOperationException(ran.Errors) : ran.Output;
    }

    private static List<string> ProcessesWith(string[] secrets)
    {
        List<string> found = [];
        foreach (var folder in Directory.EnumerateDirectories("/proc").Where(path => int.TryParse(Path.GetFileName(path), System.Globalization.CultureInfo.InvariantCulture, out _)))
        {
            try
            {
                var command = File.ReadAllText(Path.Combine(folder, "cmdline"));
                if (secrets.Any(secret => command.Contains(secret, StringComparison.Ordinal)))
                {
                    found.Add(command);
                }
            }
            catch (IOException)
            {
                // It ended while we looked: what ran before and after it is looked at too.
                continue;
            }
        }

        return found;
    }
}
