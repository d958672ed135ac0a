using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Acceptance.Tests;

/// <summary>Servers that speak over stdin and stdout, in containers without a network, reached by clients of streamable HTTP.</summary>
[TestFixture]
[Category("Acceptance")]
internal sealed class StdioTests
{
    /// <summary>Says of each call that it ran, in words that no other process and no other call of it says, and answers with the text it was given.</summary>
    internal const string Counting = """
        $| = 1;
        my ($life, $n) = (time . int(rand(1e9)), 0);
        while (my $line = <STDIN>) {
          my ($id) = $line =~ /"id":(\d+|"[^"]*")/;
          if ($line =~ /"method":"initialize"/) { print qq({"jsonrpc":"2.0","id":$id,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"counting","version":"1"}}}\n); }
          elsif ($line =~ m{"method":"tools/list"}) { print qq({"jsonrpc":"2.0","id":$id,"result":{"tools":[{"name":"run","inputSchema":{"type":"object"}}]}}\n); }
          elsif ($line =~ m{"method":"tools/call"}) { my ($text) = $line =~ /"text":"([^"]*)"/; $n++; print STDERR "ran $text $life/$n\n"; select(undef, undef, undef, 0.002); print qq({"jsonrpc":"2.0","id":$id,"result":{"content":[{"type":"text","text":"$text"}]}}\n); }
          elsif (defined $id) { print qq({"jsonrpc":"2.0","id":$id,"error":{"code":-32601,"message":"Method not found"}}\n); }
        }
        """;

    private static int Calls => int.TryParse(Environment.GetEnvironmentVariable("MCPRUNTIME_LOAD_CALLS"), System.Globalization.CultureInfo.InvariantCulture, out var calls) ? calls : 20_000;

    [Test]
    public async Task The_reference_server_under_airgapped_is_connected_and_real_clients_of_both_eras_use_it()
    {
        await using var service = await Service.StartAsync();
        var id = (await service.Api.DeployAsync(Everything("airtight"))).Id;
        var shown = await service.Api.UntilAsync(id, "connected");

        var container = await Engine.Local.TheContainerAsync(id);
        container["HostConfig"]!["NetworkMode"]!.GetValue<string>().Should().Be("none");
        container["HostConfig"]!["LogConfig"]!["Type"]!.GetValue<string>().Should().Be("none");
        container["NetworkSettings"]!["Networks"]!.AsObject().Select(network => network.Key).Should().Equal("none");
        shown.Report["egress"].IsEnforced.Should().BeTrue();
        (await Engine.Local.NetworksAsync($"{Engine.RecordLabel}={id}")).Should().BeEmpty();

        var endpoint = service.Api.Mcp("airtight");
        (await McpClients.InspectorToolsAsync(endpoint, service.Api.Token)).Should().Contain("echo").And.HaveCountGreaterThan(10);
        (await McpClients.CallAsync(endpoint, service.Api.Token, "echo", ("message", "over stdio"))).Should().Be("Echo: over stdio");
        var eras = await McpClients.ErasAsync(endpoint, service.Api.Token);
        eras["legacy"]!["version"]!.GetValue<string>().Should().Be("2025-11-25");
        eras["stateless"]!["version"]!.GetValue<string>().Should().Be("2026-07-28");
        foreach (var era in new[] { eras["legacy"]!, eras["stateless"]! })
        {
            era["text"]!.GetValue<string>().Should().Be("Echo: both eras");
            era["progress"]!.AsArray().Select(step => step!.GetValue<int>()).Should().Equal(1, 2, 3);
        }

        (await service.Api.LogsAsync(id)).Should().Contain("Starting default (STDIO) server...", "stderr is kept from the first word on");
        (await service.Api.LogsAsync(id)).Should().NotContain(line => line.Contains("over stdio", StringComparison.Ordinal), "answers are nobody's log");
    }

    [Test]
    public async Task Every_answer_goes_to_its_asker_while_many_clients_call_at_once()
    {
        const int Clients = 200;
        await using var service = await Service.StartAsync();
        var id = (await service.Api.DeployAsync(Everything("crowded", ("cpu", "1")))).Id;
        await service.Api.UntilAsync(id, "connected");
        var (right, wrong, watch) = (0, new ConcurrentQueue<string>(), System.Diagnostics.Stopwatch.StartNew());

        await Task.WhenAll(Enumerable.Range(0, Clients).Select(async number =>
        {
            using var client = new BridgedClient(service.Api.Mcp("crowded"), service.Api.Token);
            await client.OpenAsync();
            for (var call = 0; call < Calls / Clients; call++)
            {
                var text = $"client {number} call {call} {RandomNumberGenerator.GetHexString(8)}";
                var answer = await client.CallAsync("echo", "message", text);
                if (answer == $"Echo: {text}")
                {
                    Interlocked.Increment(ref right);
                }
                else
                {
                    wrong.Enqueue($"{text} → {answer}");
                }
            }
        }));

        TestContext.Out.WriteLine($"{Clients} clients, {right} calls, {right / watch.Elapsed.TotalSeconds:0} a second");
        wrong.Should().BeEmpty();
        right.Should().Be(Calls / Clients * Clients);
    }

    [Test]
    public async Task Killed_updated_and_restarted_no_client_hangs_and_nothing_is_executed_twice()
    {
        const int Clients = 250;
        const int CallsOfEach = 4;
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_OPEN_CALLS_LIMIT"] = "0" });
        var id = (await service.Api.DeployAsync(Counted("shaken"))).Id;
        await service.Api.UntilAsync(id, "connected");
        var (answered, ended) = (new ConcurrentDictionary<string, bool>(StringComparer.Ordinal), 0);
        using var enough = new CancellationTokenSource();
        using var log = new ExecutionLog(() => service.Api.LogsAsync(id));
        var clients = Enumerable.Range(0, Clients).Select(_ => new BridgedClient(service.Api.Mcp("shaken"), service.Api.Token)).ToList();
        await Task.WhenAll(clients.Select(client => client.OpenAsync()));
        var calling = clients.SelectMany((client, number) => Enumerable.Range(0, CallsOfEach).Select(async lane =>
        {
            for (var call = 0; !enough.IsCancellationRequested; call++)
            {
                var text = $"{number}-{lane}-{call}";
                switch (await client.CallAsync("run", "text", text))
                {
                    case null:
                        Interlocked.Increment(ref ended);
                        break;
                    case var answer:
                        answer.Should().Be(text);
                        answered[text] = true;
                        break;
                }
            }
        })).ToList();

        async Task GoesOnAsync()
        {
            var before = answered.Count;
            await Eventually.TrueAsync(() => Task.FromResult(answered.Count > before + 50), TimeSpan.FromSeconds(90), "calls are answered again");
            await log.KeepAsync();
        }

        async Task KillAsync(int times)
        {
            for (var kill = 0; kill < times; kill++)
            {
                await GoesOnAsync();
                await Engine.Local.KillContainerAsync((await Engine.Local.TheContainerAsync(id))["Id"]!.GetValue<string>());
            }

            await GoesOnAsync();
        }

        async Task UpdateAsync(int update)
        {
            var changed = Requests.With(Counted("shaken"), ("UPDATE", $"{update}"));
            (await service.Api.SendAsync(HttpMethod.Put, $"/runtimes/{id}", changed)).Expect(HttpStatusCode.OK);
            await service.Api.UntilAsync(id, shown => shown.Generation == update + 1 && shown.IsCurrent, $"update {update} serves");
            await GoesOnAsync();
        }

        // Between them an update: what crashes again and again is started again with pauses that double, an update's at once.
        await KillAsync(4);
        await UpdateAsync(1);
        await KillAsync(3);
        await UpdateAsync(2);
        await KillAsync(3);
        await service.KillAsync();
        await service.StartAgainAsync();
        await GoesOnAsync();
        await enough.CancelAsync();
        await Task.WhenAll(calling).WaitAsync(BridgedClient.Longest + BridgedClient.Longest);
        await log.KeepAsync();

        TestContext.Out.WriteLine($"{Clients * CallsOfEach} calls at a time, 10 kills, 2 updates, 1 restart: {answered.Count} answered, {ended} ended with an error, {clients.Sum(client => client.Reopened)} sessions; the log tells of {log.Executed.Count} that were executed, {log.Executed.Distinct(StringComparer.Ordinal).Count()} different ones");
        log.Executed.Should().HaveCountGreaterThan(1000).And.OnlyHaveUniqueItems("no call was executed twice");
        answered.Keys.Except(log.Executed, StringComparer.Ordinal).Count().Should().BeLessThan(answered.Count / 4, "the log is whole, but for the moments before an update, and before the service was killed");
        clients.Should().OnlyContain(client => client.Reopened >= 2, "each of them lost its session, and went on");
        clients.ForEach(client => client.Dispose());
    }

    [Test]
    public async Task Two_replicas_serve_one_process_and_the_other_takes_over_when_its_owner_is_killed()
    {
        await using var database = await PostgresCluster.StartAsync();
        var settings = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_DATABASE_URL"] = database.Url,
            ["RUNTIME_MASTER_KEY"] = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)),
        };
        await using var first = await Service.StartAsync(settings);
        await using var second = await first.StartTwinAsync();
        var id = (await first.Api.DeployAsync(Counted("shared"))).Id;
        await first.Api.UntilAsync(id, "connected");
        var started = (await Engine.Local.TheContainerAsync(id))["State"]!["StartedAt"]!.GetValue<string>();
        using var here = new BridgedClient(first.Api.Mcp("shared"), first.Api.Token);
        using var there = new BridgedClient(second.Api.Mcp("shared"), second.Api.Token);
        await here.OpenAsync();
        await there.OpenAsync();

        (await here.CallAsync("run", "text", "here")).Should().Be("here");
        (await there.CallAsync("run", "text", "there")).Should().Be("there");
        (await Engine.Local.TheContainerAsync(id))["State"]!["StartedAt"]!.GetValue<string>().Should().Be(started, "both speak to one process, which nobody disturbed");

        await first.KillAsync();
        await Eventually.TrueAsync(async () => await there.CallAsync("run", "text", "taken over") == "taken over", TimeSpan.FromSeconds(60), "the other replica has taken over");
        (await Engine.Local.TheContainerAsync(id))["State"]!["StartedAt"]!.GetValue<string>().Should().NotBe(started, "the process was started anew with its bridge");
        await first.StartAgainAsync();
        await here.OpenAsync();
        (await here.CallAsync("run", "text", "back")).Should().Be("back");
    }

    [Test]
    public async Task A_server_that_does_not_start_says_why_in_its_log()
    {
        await using var service = await Service.StartAsync();
        var id = (await service.Api.DeployAsync(Stdio("stillborn", Requests.Base, "perl", "-e", "print STDERR qq(TOKEN is not set\\n); exit 3"))).Id;
        await service.Api.UntilAsync(id, shown => !shown.Is("Available") && shown.Body["restarts"]!.GetValue<int>() > 0, "it was tried");

        await Eventually.TrueAsync(async () => (await service.Api.LogsAsync(id)).Contains("TOKEN is not set"), TimeSpan.FromSeconds(20), "the reason is in the log");
    }

    private static JsonObject Counted(string name) => Stdio(name, Requests.Base, "perl", "-e", Counting);

    private static JsonObject Everything(string name, params (string Name, string Value)[] resources)
    {
        var request = Stdio(name, "mcpruntime/server-everything:latest", "stdio");
        if (resources.Length > 0)
        {
            request["guardrails_overrides"] = new JsonObject { ["resources"] = new JsonObject(resources.Select(item => KeyValuePair.Create(item.Name, (JsonNode?)item.Value))) };
        }

        return request;
    }

    private static JsonObject Stdio(string name, string image, params string[] command)
    {
        var request = Requests.FromImage(name, image, command);
        request.Remove("endpoint_port");
        request["gateway_transport"] = "STDIO";
        request["guardrails_profile"] = "airgapped";
        return request;
    }
}
