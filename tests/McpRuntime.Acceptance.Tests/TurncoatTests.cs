using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Servers that are good when they are deployed, and not afterwards. The probe's interval is shortened by its setting; nothing else is.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class TurncoatTests
{
    private Service _service = null!;

    private RuntimeApi Api => _service.Api;

    [OneTimeSetUp]
    public async Task StartAsync() => _service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["RUNTIME_TOOLS_PIN"] = "quarantine",
        ["RUNTIME_PROBE_INTERVAL_SECONDS"] = "5",
        ["RUNTIME_GATEWAY_AUDIT_ARGUMENTS"] = "true",
    });

    [OneTimeTearDown]
    public async Task StopAsync() => await _service.DisposeAsync();

    [Test]
    public async Task Tools_that_change_without_a_deployment_are_not_called_until_an_approver_accepts_them()
    {
        var request = Requests.With(Requests.FromImage("rugpull", Requests.Base, "perl", "-e", PerlServer.Program), ("API_KEY", "canary-9f2c71"));
        var id = (await Api.DeployAsync(request)).Id;
        await Api.UntilAsync(id, "connected");
        (await CallAsync("rugpull", "echo")).Expect(HttpStatusCode.OK);
        var before = (await Api.GetAsync($"/runtimes/{id}/tools")).Expect(HttpStatusCode.OK).Body!;
        before["drifted"]!.GetValue<bool>().Should().BeFalse();
        before["tools"]!.AsArray().Should().HaveCount(3);

        (await CallAsync("rugpull", "flip")).Expect(HttpStatusCode.OK);
        (await ListAsync("rugpull")).Should().NotContain("reads your keys", "a client does not see it even before a probe has");
        await Api.UntilAsync(id, shown => shown.Is("ToolsDrifted"), "the change is noticed");

        var refused = (await CallAsync("rugpull", "echo")).Expect(HttpStatusCode.Forbidden);
        refused.Body!["error"]!["message"]!.GetValue<string>().Should().Contain("approver");
        refused.Body["id"]!.GetValue<int>().Should().Be(5);
        (await ListAsync("rugpull")).Should().Contain("flip").And.NotContain("reads your keys");
        (await Api.FindAsync(id)).Body["server_info"]!["tools_drifted"]!.GetValue<bool>().Should().BeTrue();

        var changed = (await Api.GetAsync($"/runtimes/{id}/tools")).Body!;
        changed["tools"]!.AsArray().Single(tool => tool!["state"]!.GetValue<string>() == "changed")!["definition"]!.GetValue<string>().Should().Contain("reads your keys");
        (await Api.SendAsync(HttpMethod.Post, $"/runtimes/{id}/tools/approve", new JsonObject { ["hash"] = "0000" })).Expect(HttpStatusCode.Conflict);
        (await Api.SendAsync(HttpMethod.Post, $"/runtimes/{id}/tools/approve", new JsonObject { ["hash"] = changed["hash"]!.GetValue<string>() })).Expect(HttpStatusCode.OK);
        await Api.UntilAsync(id, shown => !shown.Is("ToolsDrifted"), "what was accepted is no drift");
        await Eventually.TrueAsync(async () => (await CallAsync("rugpull", "echo", "canary-9f2c71")).Status == HttpStatusCode.OK, TimeSpan.FromSeconds(10), "it is called again");
        (await ListAsync("rugpull")).Should().Contain("reads your keys");
        (await Api.EventKindsAsync(id)).Should().Contain(["ToolsDrifted", "ToolsAccepted"]);

        await Eventually.TrueAsync(async () => Told(await CallsAsync(id)).Contains("echo quarantined"), TimeSpan.FromSeconds(10), "the refused call is in the audit");
        await Eventually.TrueAsync(async () => (await CallsAsync(id)).ToJsonString().Contains("***", StringComparison.Ordinal), TimeSpan.FromSeconds(10), "the last call is in the audit");
        (await CallsAsync(id)).ToJsonString().Should().NotContain("canary-9f2c71");
        Told(await CallsAsync(id)).Should().Contain(["echo ok", "flip ok"]);
    }

    [TestCase("wedged", "/mcp")]
    [TestCase("hollow", "/sse")]
    public async Task A_server_that_wedges_loses_Verified_and_is_replaced(string name, string path)
    {
        var program = path == "/sse" ? PerlServer.DeadBehindItsStream : PerlServer.Program;
        var request = Requests.FromImage(name, Requests.Base, "perl", "-e", program);
        request["endpoint_path"] = path;
        request["gateway_transport"] = path == "/sse" ? "SSE" : "STREAMABLEHTTP";
        var id = (await Api.DeployAsync(request)).Id;
        await Api.UntilAsync(id, "connected");
        var container = (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>();

        if (path == "/sse")
        {
            await WedgeBySseAsync(name);
        }
        else
        {
            (await CallAsync(name, "wedge")).Expect(HttpStatusCode.OK);
        }

        await Api.UntilAsync(id, shown => !shown.Is("Verified"), "Verified is lost", TimeSpan.FromSeconds(90));
        await Api.UntilAsync(id, shown => shown.IsCurrent && shown.Is("Verified"), "it was replaced and serves");
        (await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>().Should().NotBe(container);
        (await Api.FindAsync(id)).Body["restarts"]!.GetValue<int>().Should().BeGreaterThan(0);
        (await Api.EventKindsAsync(id)).Should().Contain("VerificationLost");
    }

    [Test]
    public async Task A_look_that_is_asked_for_asks_the_server_too()
    {
        await using var slow = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_PROBE_INTERVAL_SECONDS"] = "3600" });
        var id = (await slow.Api.DeployAsync(Requests.FromImage("asked", Requests.Base, "perl", "-e", PerlServer.Program))).Id;
        await slow.Api.UntilAsync(id, "connected");
        (await slow.Api.SendAsync(HttpMethod.Post, "/mcp/asked", Message("flip", null))).Expect(HttpStatusCode.OK);

        await Eventually.TrueAsync(
            async () =>
            {
                await slow.Api.GetAsync($"/runtimes/{id}?refresh_status=true");
                return (await slow.Api.FindAsync(id)).Is("ToolsDrifted");
            },
            TimeSpan.FromSeconds(30),
            "the change is seen an hour before its time");
        (await slow.Api.SendAsync(HttpMethod.Post, "/mcp/asked", Message("echo", null))).Expect(HttpStatusCode.OK);
    }

    /// <summary>A client of 2024-11-05: the stream says where to post.</summary>
    private async Task WedgeBySseAsync(string name)
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Authorization = new("Bearer", Api.Token);
        using var stream = await http.GetAsync(Api.Mcp(name), HttpCompletionOption.ResponseHeadersRead);
        using var lines = new StreamReader(await stream.Content.ReadAsStreamAsync());
        string? address = null;
        while (address is null && await lines.ReadLineAsync() is { } line)
        {
            address = line.StartsWith("data:", StringComparison.Ordinal) ? line["data:".Length..].Trim() : null;
        }

        using var taken = await http.PostAsync(new Uri(Api.Address, address), new StringContent(Message("wedge", null).ToJsonString(), System.Text.Encoding.UTF8, "application/json"));
        taken.StatusCode.Should().Be(HttpStatusCode.Accepted);
        while (await lines.ReadLineAsync() is { } line && !line.Contains("\"result\"", StringComparison.Ordinal))
        {
            line.Should().NotContain("error");
        }
    }

    private static JsonObject Message(string tool, string? text) => new()
    {
        ["jsonrpc"] = "2.0",
        ["id"] = 5,
        ["method"] = "tools/call",
        ["params"] = new JsonObject { ["name"] = tool, ["arguments"] = text is null ? new JsonObject() : new JsonObject { ["text"] = text } },
    };

    private Task<Answer> CallAsync(string name, string tool, string? text = null) => Api.SendAsync(HttpMethod.Post, $"/mcp/{name}", Message(tool, text));

    private async Task<string> ListAsync(string name) =>
        (await Api.SendAsync(HttpMethod.Post, $"/mcp/{name}", new JsonObject { ["jsonrpc"] = "2.0", ["id"] = 6, ["method"] = "tools/list" })).Expect(HttpStatusCode.OK).Text;

    private async Task<JsonArray> CallsAsync(string id) => (await Api.GetAsync($"/runtimes/{id}/calls")).Expect(HttpStatusCode.OK).Body!["calls"]!.AsArray();

    private static IEnumerable<string> Told(JsonArray calls) => calls.Select(call => $"{call!["tool"]} {call["outcome"]}");
}
