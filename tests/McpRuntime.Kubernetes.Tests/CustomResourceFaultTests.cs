using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>Custom resources while things break; the service keeps to one namespace here, and has no right to ask for more.</summary>
[TestFixture]
[Category("Kubernetes")]
internal sealed class CustomResourceFaultTests
{
    private const string Image = "source: {type: docker, image: 'mcpruntime/sample-server:latest'}, gateway: {port: 8080}";

    private readonly CustomResourceWorld _world = new("crdfault");
    private LooseLine _line = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _line = await LooseLine.ToAsync(TheCluster.It);
        await _world.StartAsync(
            ("RUNTIME_KUBERNETES_KUBECONFIG", _line.Kubeconfig),
            ("RUNTIME_CUSTOM_RESOURCES_NAMESPACES", _world.Space),
            ("RUNTIME_SOURCE_POLICY", "{\"crd:crdfault\": {\"namespaces\": {\"" + _world.Space + "\": \"blue\"}}}"));
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _world.DisposeAsync();
        await _line.DisposeAsync();
    }

    [Test]
    public async Task What_was_created_and_deleted_while_the_service_was_down_is_made_up_for_with_few_writes()
    {
        const int Many = 1_000;
        await _world.ApplyAsync("leaving", $"{{{Image}}}");
        await _world.ReadyAsync("leaving");
        var leaving = await _world.StatusAsync("leaving", "runtimeId");

        await _world.Service.KillAsync();
        await _world.KubectlAsync("delete", "mcprt", "leaving", "--wait=false");
        await MakeManyAsync(Many);
        (await _world.MadeOfAsync(leaving)).Should().NotBeEmpty("nobody is there to take it down");
        await _world.Service.StartAgainAsync();

        var watch = System.Diagnostics.Stopwatch.StartNew();
        await _world.KubectlAsync("wait", "mcprt/leaving", "--for=delete", "--timeout=100s");
        (await _world.MadeOfAsync(leaving)).Should().BeEmpty();
        await Eventually.TrueAsync(async () => (await WordsAsync()).Split(' ').Count(word => word == "stopped") == Many, TimeSpan.FromSeconds(100), "each is stopped, as it is told to be");
        TestContext.Out.WriteLine($"{Many} objects were made up for in {watch.Elapsed.TotalSeconds:0} s");
        var before = await StatusWritesAsync();
        before.Should().BeLessThan(Many * 8);
        await _world.ApplyAsync("witness", $"{{{Image}, state: Stopped}}");
        await Eventually.TrueAsync(async () => await _world.StatusAsync("witness", "status") == "stopped", TimeSpan.FromSeconds(30), "the source has looked at all of them again");
        ((await StatusWritesAsync()) - before).Should().BeLessThan(8, "a status that says the same is not written again");

        await _world.AdminAsync("delete", "--raw", $"/apis/mcpruntime.dev/v1alpha1/namespaces/{_world.Space}/mcpruntimes");
        await Eventually.TrueAsync(async () => (await ObjectsAsync()).Count == 0, TimeSpan.FromSeconds(100), "all are gone");
    }

    [Test]
    public async Task Over_a_line_that_is_cut_every_second_objects_and_records_end_equal()
    {
        await using (_line.CutEvery(TimeSpan.FromSeconds(1)))
        {
            foreach (var name in Enumerable.Range(1, 12).Select(number => $"cut-{number}"))
            {
                await _world.ApplyAsync(name, $"{{{Image}, state: Stopped}}");
            }

            await _world.KubectlAsync("wait", "--for=condition=Accepted", "--timeout=60s", "mcprt/cut-1", "mcprt/cut-12");
            await _world.KubectlAsync("delete", "mcprt", "cut-1", "cut-5", "cut-9", "--timeout=60s");
        }

        await EqualAsync();
        (await ObjectsAsync()).Should().HaveCount(9);
        await _world.KubectlAsync("delete", "mcprt", "--all", "--timeout=60s");
    }

    [Test]
    public async Task What_was_deleted_and_made_while_the_line_was_down_or_dead_is_made_up_for_and_nothing_is_taken_down_by_it()
    {
        await _world.ApplyAsync("stays", $"{{backend: docker, {Image}}}");
        await _world.ApplyAsync("goes", $"{{backend: docker, {Image}}}");
        await _world.ReadyAsync("stays");
        await _world.ReadyAsync("goes");
        var (stays, goes) = (await _world.StatusAsync("stays", "runtimeId"), await _world.StatusAsync("goes", "runtimeId"));

        // First it is open and dead, then it breaks: the service learns of nothing meanwhile.
        _line.Silence();
        await _world.KubectlAsync("delete", "mcprt", "goes", "--wait=false");
        await _world.ApplyAsync("comes", $"{{{Image}, state: Stopped}}");
        _line.Cut();
        (await _world.CallAsync("stays", "here")).Should().Be("here");
        (await _world.CallAsync("goes", "still")).Should().Be("still", "nobody has told the service");
        _line.Mend();

        await _world.KubectlAsync("wait", "mcprt/goes", "--for=delete", "--timeout=60s");
        await _world.KubectlAsync("wait", "mcprt/comes", "--for=condition=Accepted", "--timeout=60s");
        (await _world.Api.FindAsync(goes)).Status.Should().Be("deleted");
        (await _world.StatusAsync("stays", "runtimeId")).Should().Be(stays);
        (await _world.CallAsync("stays", "on")).Should().Be("on");
        await EqualAsync();
        await _world.KubectlAsync("delete", "mcprt", "--all", "--timeout=60s");
    }

    [Test]
    public async Task An_API_server_that_is_away_takes_nothing_down_and_costs_time_only()
    {
        await _world.ApplyAsync("steady", $"{{backend: docker, {Image}}}");
        await _world.ReadyAsync("steady");
        var id = await _world.StatusAsync("steady", "runtimeId");

        await TheCluster.It.ApiServer.StopAsync();
        (await _world.CallAsync("steady", "alone")).Should().Be("alone");
        TheCluster.It.ApiServer.Start();
        await TheCluster.It.UntilReadyAsync();

        await _world.ApplyAsync("after", $"{{{Image}, state: Stopped}}");
        await _world.KubectlAsync("wait", "mcprt/after", "--for=condition=Accepted", "--timeout=60s");
        (await _world.StatusAsync("steady", "runtimeId")).Should().Be(id);
        await _world.KubectlAsync("delete", "mcprt", "steady", "after", "--timeout=60s");
    }

    [Test]
    public async Task An_object_that_vanished_without_being_deleted_takes_nothing_down()
    {
        await _world.ApplyAsync("kept", $"{{backend: docker, {Image}}}");
        await _world.ReadyAsync("kept");
        var id = await _world.StatusAsync("kept", "runtimeId");

        await _world.Service.KillAsync();
        await _world.KubectlAsync("patch", "mcprt", "kept", "--type=merge", "-p", """{"metadata": {"finalizers": null}}""");
        await _world.KubectlAsync("delete", "mcprt", "kept", "--timeout=20s");
        await _world.Service.StartAgainAsync();
        await _world.ApplyAsync("witness", $"{{{Image}, state: Stopped}}");
        await _world.KubectlAsync("wait", "mcprt/witness", "--for=condition=Accepted", "--timeout=60s");
        (await _world.CallAsync("kept", "here")).Should().Be("here");

        await _world.ApplyAsync("kept", $"{{backend: docker, {Image}}}");
        await _world.ReadyAsync("kept");
        (await _world.StatusAsync("kept", "runtimeId")).Should().Be(id, "its record is taken up again");
        await _world.KubectlAsync("delete", "mcprt", "kept", "witness", "--timeout=60s");
    }

    [Test]
    public async Task Objects_of_other_namespaces_are_nobodys_here()
    {
        await _world.AdminAsync("create", "namespace", "crdfault-elsewhere");
        await TheCluster.It.ApplyAsync($"apiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\nmetadata: {{name: foreign, namespace: crdfault-elsewhere}}\nspec: {{{Image}, state: Stopped}}\n");
        await _world.ApplyAsync("own", $"{{{Image}, state: Stopped}}");

        await _world.KubectlAsync("wait", "mcprt/own", "--for=condition=Accepted", "--timeout=60s");

        var own = (await _world.Api.GetAsync($"/runtimes/{await _world.StatusAsync("own", "runtimeId")}")).Body!;
        own["team_id"]!.GetValue<string>().Should().Be("blue", "the namespace is that team's");
        own["created_by"]!.GetValue<string>().Should().Be($"crd:crdfault/{_world.Space}");
        var foreign = JsonNode.Parse(await _world.AdminAsync("get", "mcprt", "foreign", "-n", "crdfault-elsewhere", "-o", "json"))!;
        foreign["status"].Should().BeNull();
        foreign["metadata"]!["finalizers"].Should().BeNull();
        await _world.AdminAsync("delete", "namespace", "crdfault-elsewhere", "--wait=false");
        await _world.KubectlAsync("delete", "mcprt", "own", "--timeout=60s");
    }

    /// <summary>Every object has its record, and every record its object.</summary>
    private Task<TimeSpan> EqualAsync() => Eventually.TrueAsync(
        async () =>
        {
            var shown = (await _world.Api.GetAsync("/runtimes?limit=200")).Body!["runtimes"]!.AsArray().Where(runtime => runtime!["status"]!.GetValue<string>() != "deleted");
            return shown.Select(runtime => runtime!["name"]!.GetValue<string>()).Order(StringComparer.Ordinal).SequenceEqual(await ObjectsAsync(), StringComparer.Ordinal);
        },
        TimeSpan.FromSeconds(60),
        "objects and records are the same");

    /// <summary>As their records are called.</summary>
    private async Task<IReadOnlyList<string>> ObjectsAsync() =>
        [.. (await _world.KubectlAsync("get", "mcprt", "-o", "jsonpath={.items[*].metadata.name}")).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(name => $"{name}.{_world.Space}").Order(StringComparer.Ordinal)];

    private async Task MakeManyAsync(int many)
    {
        var manifest = new StringBuilder();
        foreach (var number in Enumerable.Range(1, many))
        {
            manifest.Append("---\napiVersion: mcpruntime.dev/v1alpha1\nkind: McpRuntime\n")
                .Append(System.Globalization.CultureInfo.InvariantCulture, $"metadata: {{name: many-{number}, namespace: {_world.Space}, labels: {{many: 'yes'}}}}\nspec: {{{Image}, state: Stopped}}\n");
        }

        // One call each, which an apply is not.
        var file = Path.Combine(_world.Service.Folder, "many.yaml");
        await File.WriteAllTextAsync(file, manifest.ToString());
        await _world.KubectlAsync("create", "-f", file, "--validate=false");
    }

    private async Task<string> WordsAsync() => (await _world.KubectlAsync("get", "mcprt", "-l", "many=yes", "-o", "jsonpath={.items[*].status.status}")).Trim();

    private async Task<int> StatusWritesAsync()
    {
        var log = await File.ReadAllLinesAsync(TheCluster.It.AuditLog);
        return log.Count(line => line.Contains($"/namespaces/{_world.Space}/mcpruntimes/", StringComparison.Ordinal) && line.Contains("/status?", StringComparison.Ordinal) && line.Contains("\"verb\":\"update\"", StringComparison.Ordinal));
    }
}
