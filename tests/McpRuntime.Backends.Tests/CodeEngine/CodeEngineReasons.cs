using System.Text.Json.Nodes;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.CodeEngineDouble.Driver;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>What is told of what went wrong on the platform: reasons, projects, quoted values.</summary>
[Category("Doubles")]
public sealed class CodeEngineReasons
{
    private CodeEngineWorld _world = null!;
    private CodeEngineLife _life = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [SetUp]
    public async Task ResetWorld()
    {
        await _world.ResetAsync();
        _life = new CodeEngineLife(_world);
    }

    [Test]
    public async Task Every_documented_reason_of_an_app_is_a_message_of_its_own()
    {
        var told = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var reason in PlatformReasons.DocumentedOfApps.Where(r => r is not ("deploying" or "waiting" or "waiting_for_resources" or "no_revision_ready" or "ready_but_latest_revision_failed")))
        {
            await _world.ResetAsync();
            await _world.Double.ScriptAsync(new { Contains = "probe", Reason = reason });
            var id = Given.Identity(_world.InstanceId);
            foreach (var resource in (await _life.CompileAsync(_world.Backend, id)).Running)
            {
                (await _world.Backend.PutAsync(id, resource, default)).ShouldBeDone();
            }

            SeenResource app = null!;
            for (var i = 0; i < 3; i++)
            {
                app = (await _world.Backend.ObserveAsync(id, default)).Resources().Single(s => s.Kind == ResourceKind.Container);
            }

            app.Health.Should().Be(reason == "deploying_waiting_for_resources" ? Health.Starting : Health.Failed, because: reason);
            told.Add(reason, app.Message!);
        }

        told.Values.Should().OnlyHaveUniqueItems().And.OnlyContain(m => m.Length > 20);
    }

    [Test]
    public void No_two_documented_reasons_share_a_word_or_a_message_and_each_says_what_to_do()
    {
        PlatformReason[] all = [.. PlatformReasons.DocumentedOfApps.Select(PlatformReasons.OfApp), .. PlatformReasons.DocumentedOfBuilds.Select(PlatformReasons.OfBuild), PlatformReasons.OfApp("brand_new"), PlatformReasons.OfApp(null)];

        all.Select(r => r.Word).Should().OnlyHaveUniqueItems();
        all.Select(r => r.Message).Should().OnlyHaveUniqueItems();
        all.Should().OnlyContain(r => r.Remedy.Length > 10 && r.Remedy.EndsWith('.') && r.Meaning.EndsWith('.'));
        PlatformReasons.OfApp("brand_new").Message.Should().Contain("brand_new");
    }

    [TestCase("revisions")]
    [TestCase("instances")]
    public async Task An_app_that_goes_between_two_reads_hides_no_other(string list)
    {
        await _world.Double.ScriptAsync(new { Contains = "probe", Reason = "container_failed_exit_code_1" });
        RuntimeIdentity[] ids = [Given.Identity(_world.InstanceId), Given.Identity(_world.InstanceId)];
        foreach (var id in ids)
        {
            foreach (var resource in (await _life.CompileAsync(_world.Backend, id)).Running)
            {
                (await _world.Backend.PutAsync(id, resource, default)).ShouldBeDone();
            }
        }

        for (var i = 0; i < 3; i++)
        {
            _ = await _world.Backend.ObserveAllAsync(default);
        }

        var app = (await _world.Double.StateAsync())["apps"]![0]!["name"]!.GetValue<string>();
        await _world.Double.TroubleAsync($"GET /apps/{app}/{list}", "404");
        await _world.Double.ForgetCallsAsync();

        // One that knows no causes from before.
        var seen = await _world.Make(_world.Options).ObserveAllAsync(default);

        (await _world.Double.CallsAsync()).Should().Contain($"GET /apps/{app}/{list} 404");
        seen.Should().BeOfType<OwnedView.Known>().Which.ByRecord.Keys.Should().BeEquivalentTo(ids.Select(i => i.RecordId));
    }

    [Test]
    public async Task Another_project_behind_the_settings_or_one_that_is_not_active_is_unknown()
    {
        var id = Given.Identity(_world.InstanceId);

        var other = await _world.Make(_world.Options, pinned: _ => "eu-de/another").ObserveAsync(id, default);
        await _world.Double.SwitchAsync(new { ProjectStatus = "soft_deleted" });
        var inactive = await _world.Make(_world.Options).ObserveAsync(id, default);

        other.Should().BeOfType<ProviderView.Unknown>().Which.Fault.Reason.Should().Be("ProjectChanged");
        inactive.Should().BeOfType<ProviderView.Unknown>().Which.Fault.Reason.Should().Be("ProjectNotActive");
    }

    [Test]
    public async Task A_log_that_cannot_be_had_says_why_and_where_to_look()
    {
        await _world.Double.SwitchAsync(new { KubeConfig = false });
        var id = Given.Identity(_world.InstanceId);
        foreach (var resource in (await _life.CompileAsync(_world.Backend, id)).Running)
        {
            (await _world.Backend.PutAsync(id, resource, default)).ShouldBeDone();
        }

        _ = await _world.Backend.ObserveAsync(id, default);
        List<string> lines = [];
        await foreach (var line in _world.Backend.LogsAsync(id, new LogQuery(100, null, null, null, null, Follow: false), default))
        {
            lines.Add(line.Text);
        }

        lines.Should().Contain(l => l.Contains("revision")).And.Contain(l => l.Contains("No live log") && l.Contains("cloud.ibm.com"));
        string.Concat(lines).Should().NotContain(CodeEngineLife.Canary);
    }

    [TestCase("POST /secrets", "400-echo", "bad_request")]
    [TestCase("POST /secrets", "502-echo", "502")]
    [TestCase("PUT /secrets", "400-echo", "bad_request")]
    [TestCase("PUT /secrets", "502-echo", "502")]
    public async Task An_answer_that_quotes_the_values_it_was_sent_is_told_without_them(string call, string kind, string word)
    {
        var id = Given.Identity(_world.InstanceId);
        var secret = (await _life.CompileAsync(_world.Backend, id)).Running[0];
        if (call.StartsWith("PUT", StringComparison.Ordinal))
        {
            var data = new { MCPRUNTIME_INSTANCE = id.InstanceId, MCPRUNTIME_RECORD = id.RecordId, API_KEY = "changed by hand" };
            _ = await _world.Double.SendAsync(HttpMethod.Post, "secrets", new { name = secret.Id, format = "generic", data });
        }

        await _world.Double.TroubleAsync(call, kind);

        var fault = (await _world.Backend.PutAsync(id, secret, default)).ShouldBeFault();

        fault.Message.Should().Contain(kind[..3]).And.Contain(word).And.Contain("trace ").And.NotContain(CodeEngineLife.Canary).And.NotContain(id.RecordId);
    }
}
