using System.Net;
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
    private const string Misplaced = "canary-misplaced-91c7d3a5e2";

    [Test]
    public async Task Planted_secrets_are_found_nowhere_but_in_the_container()
    {
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["MCPSECRET_CANARY"] = Referenced });
        var api = service.Api;
        var request = Requests.FromCatalog("secretive", "sample-with-key", null, ("SAMPLE_API_KEY", Literal), ("FROM_SERVICE", "secret://env/MCPSECRET_CANARY"));
        var id = (await api.DeployAsync(request)).Id;
        await api.UntilAsync(id, "connected");

        // A server that logs its own key, and callers who put one where it does not belong.
        await McpClients.CallAsync(api.Mcp("secretive"), api.Token, "echo", ("message", Literal));
        await McpClients.CallAsync(api.Mcp("secretive"), api.Token, "echo", ("message", Referenced));
        List<string> said = [.. await MistakesAsync(api)];
        var first = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();
        await api.CommandAsync(id, "restart");
        await Eventually.TrueAsync(
            async () => await Engine.Local.OfRecordAsync(id) is [var only] && only["Id"]!.GetValue<string>() != first,
            RuntimeApi.Settled,
            "another container, alone");
        await api.UntilAsync(id, "connected");
        said.AddRange(await EverythingTheApiSaysAsync(api, id));

        var container = await Engine.Local.TheContainerAsync(id);
        var environment = container["Config"]!["Env"]!.ToJsonString();
        environment.Should().Contain(Literal).And.Contain(Referenced, "the server got its secrets");

        foreach (var secret in new[] { Literal, Referenced })
        {
            said.Should().NotContain(text => text.Contains(secret, StringComparison.Ordinal), "no answer of the API tells it");
            container["Config"]!["Labels"]!.ToJsonString().Should().NotContain(secret);
            container["Config"]!["Cmd"]?.ToJsonString().Should().NotContain(secret);
        }

        string[] secrets = [Literal, Referenced, Misplaced];
        service.Output.Should().NotContain(line => secrets.Any(secret => line.Contains(secret, StringComparison.Ordinal)), "no log line tells it");
        (await FilesWithAsync(service.Folder, secrets)).Should().BeEmpty("the database and every file beside it hold it encrypted or not at all");
        ProcessesWith(secrets).Should().BeEmpty("secrets never travel on a command line");
    }

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
