using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>The two routes to what a server wrote, and what is said when neither leads anywhere.</summary>
[Category("Doubles")]
public sealed class CodeEngineLogsTests
{
    private static readonly LogQuery Everything = new(200, null, null, null, null, Follow: false);

    private CodeEngineWorld _world = null!;
    private RuntimeIdentity _id = null!;

    private CodeEngineOptions WithCloudLogs => _world.Options with { CloudLogsUrl = _world.Double.Url };

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [SetUp]
    public async Task ResetWorld()
    {
        await _world.ResetAsync();
        _id = Given.Identity(_world.InstanceId);
    }

    [Test]
    public async Task The_live_log_is_read_by_instance_with_the_tail_that_was_asked_for_after_the_diagnostics()
    {
        await RunAsync("lines", "300");

        var lines = await ReadAsync(_world.Backend, Everything with { Tail = 10 });

        var said = lines.Where(l => l.StartsWith("[code engine]", StringComparison.Ordinal)).ToList();
        said.Should().Contain(l => l.Contains(" revision ")).And.Contain(l => l.Contains(" instance "));
        lines.Skip(said.Count).Should().Equal(Enumerable.Range(290, 10).Select(i => $"line {i}"));
    }

    [Test]
    public async Task Since_leaves_out_what_is_older()
    {
        var app = await RunAsync("lines", "100");
        var shown = (await _world.Double.StateAsync())["apps"]!.AsArray().Single(a => a!["name"]!.GetValue<string>() == app)!;
        var created = DateTimeOffset.Parse(shown["created_at"]!.GetValue<string>(), System.Globalization.CultureInfo.InvariantCulture);

        var lines = await ReadAsync(_world.Backend, Everything with { Since = created + TimeSpan.FromSeconds(95) });

        // The log's clock shows more digits than the app's: the 95th second has begun.
        lines.Where(l => l.StartsWith("line ", StringComparison.Ordinal)).Should().Equal(Enumerable.Range(95, 5).Select(i => $"line {i}"));
    }

    [Test]
    public async Task Following_shows_a_line_that_is_written_afterwards_and_ends_with_the_instance()
    {
        var app = await RunAsync();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await using var lines = _world.Backend.LogsAsync(_id, Everything with { Follow = true }, patience.Token).GetAsyncEnumerator(patience.Token);

        await UntilAsync(lines, l => l == "listening on 8080");
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/say", new { text = "hello, a moment later" });
        await UntilAsync(lines, l => l == "hello, a moment later");
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/idle");
        await UntilAsync(lines, l => l.Contains("has ended"));

        (await lines.MoveNextAsync()).Should().BeFalse();
    }

    [Test]
    public async Task An_app_that_is_scaled_to_zero_is_not_told_as_silent()
    {
        var app = await RunAsync();
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/idle");

        var whole = await ReadAsync(_world.Backend, Everything);
        var followed = await ReadAsync(_world.Backend, Everything with { Follow = true });

        whole.Should().Contain(l => l.Contains("scaled to zero") && l.Contains($"application/{app}/logs") && l.Contains("ibmcloud ce application logs"));
        followed[^1].Should().Contain("no instance to follow").And.Contain($"application/{app}/logs");
    }

    [Test]
    public async Task Where_Cloud_Logs_is_configured_it_tells_what_gone_instances_wrote_and_that_it_is_late()
    {
        var app = await RunAsync();
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/say", new { text = "error: the last word" });
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/idle");
        var backend = _world.Make(WithCloudLogs);

        var both = await ReadAsync(backend, Everything);
        var stderr = await ReadAsync(backend, Everything with { Stream = LogStream.Stderr });

        both.SkipWhile(l => !l.Contains("minutes late")).Skip(1).Should().Equal("listening on 8080", "error: the last word");
        stderr.SkipWhile(l => !l.Contains("minutes late")).Skip(1).Should().Equal("error: the last word");
    }

    [TestCase("fails", "500")]
    [TestCase("nonsense", "not understood")]
    [TestCase("""{"result": {"results": [{"user_data": {"a": 1, "a": 2}}]}}""", "not understood")]
    public async Task When_Cloud_Logs_has_no_answer_either_that_is_said(string behaviour, string word)
    {
        var app = await RunAsync();
        await _world.Double.SwitchAsync(new { CloudLogs = behaviour });
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/idle");

        var lines = await ReadAsync(_world.Make(WithCloudLogs), Everything);

        lines[^1].Should().Contain("Cloud Logs has no answer either").And.Contain(word);
        lines.Should().Contain(l => l.Contains("cloud.ibm.com"));
    }

    [TestCase("[1]")]
    [TestCase("7")]
    [TestCase("""{"result": [7], "other": 1}""")]
    [TestCase("""{"result": {"results": [7, null, {"user_data": 7, "metadata": [7, null]}, {"user_data": "{\"message\": {\"other\": 1}}"}]}}""")]
    public async Task Cloud_Logs_that_answers_in_another_shape_has_no_lines(string answer)
    {
        var app = await RunAsync();
        await _world.Double.SwitchAsync(new { CloudLogs = answer });
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/idle");

        var lines = await ReadAsync(_world.Make(WithCloudLogs), Everything);

        lines[^1].Should().Contain("minutes late");
    }

    [Test]
    public async Task A_line_that_is_no_JSON_is_told_as_its_text()
    {
        var app = await RunAsync();
        await _world.Double.SwitchAsync(new { CloudLogs = "plain" });
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/say", new { text = "{half a" });
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/say", new { text = "42" });
        await _world.Double.SendAsync(HttpMethod.Post, $"apps/{app}/idle");

        var lines = await ReadAsync(_world.Make(WithCloudLogs), Everything);

        lines.SkipWhile(l => !l.Contains("minutes late")).Skip(1).Should().Equal("listening on 8080", "{half a", "42");
    }

    [TestCase("""{"KubeAuthority": "this is no base64!"}""")]
    [TestCase("""{"KubeAuthority": "bm8gY2VydGlmaWNhdGU="}""")]
    [TestCase("""{"KubeAuthority": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="}""")]
    [TestCase("""{"KubeServer": "not an address"}""")]
    [TestCase("""{"KubeServer": "ftp://example.org"}""")]
    public async Task A_kubeconfig_that_is_none_is_told_as_the_reason_with_a_hint_where_to_look(string switches)
    {
        _ = await RunAsync();
        await _world.Double.SwitchAsync(System.Text.Json.Nodes.JsonNode.Parse(switches)!);

        var lines = await ReadAsync(_world.Make(_world.Options), Everything);

        lines[^1].Should().Contain("No live log").And.Contain("the kubeconfig").And.Contain("cloud.ibm.com").And.NotContain("kube-token");
    }

    private async Task<string> RunAsync(params string[] command)
    {
        var revision = Given.Revision(_world.Image, command: command.Length == 0 ? null : command, port: 8080);
        var resolved = await _world.Backend.ResolveAsync(_id, revision, default);
        var facts = resolved.Match<ResolvedFacts?>(r => r.Facts, _ => null);
        var compiled = _world.Backend.Compile(Given.Input(_id, revision with { Facts = facts }, _world.Hash));
        foreach (var resource in compiled.Running)
        {
            (await _world.Backend.PutAsync(_id, resource, default)).ShouldBeDone();
        }

        for (var i = 0; i < 5; i++)
        {
            _ = (await _world.Backend.ObserveAsync(_id, default)).Resources();
        }

        return compiled.Endpoint!.ContainerId;
    }

    private async Task<List<string>> ReadAsync(IBackend backend, LogQuery query)
    {
        List<string> lines = [];
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await foreach (var line in backend.LogsAsync(_id, query, patience.Token))
        {
            lines.Add(line.Text);
        }

        return lines;
    }

    private static async Task UntilAsync(IAsyncEnumerator<LogLine> lines, Func<string, bool> isIt)
    {
        while (await lines.MoveNextAsync())
        {
            if (isIt(lines.Current.Text))
            {
                return;
            }
        }

        Assert.Fail("The log ended before that line.");
    }
}
