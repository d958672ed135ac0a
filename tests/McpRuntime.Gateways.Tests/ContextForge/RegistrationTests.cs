using System.Text.Json.Nodes;
using McpRuntime.Backends;
using McpRuntime.ContextForgeDouble.Driver;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways.ContextForge;

namespace McpRuntime.Gateways.Tests.ContextForge;

/// <summary>The registration of one runtime against the double of ContextForge, which is strict about its contract.</summary>
[Category("Doubles")]
internal sealed class RegistrationTests
{
    private static readonly string[] Writes = ["POST", "PUT", "DELETE"];
    private static readonly string[] Theirs = ["theirs"];

    private ContextForgeProcess _double = null!;
    private RegistrationWorld _world = null!;
    private string _foreign = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _double = await ContextForgeProcess.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _double.DisposeAsync();

    [SetUp]
    public async Task SetUpAsync()
    {
        await _double.ResetAsync();
        _foreign = await _double.AddAsync(new { name = "theirs", url = "https://elsewhere.example/mcp", transport = "SSE", visibility = "public", tags = Theirs });
        _world = new RegistrationWorld(_double.Url);
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        _world.Dispose();
        var theirs = (await _double.GatewaysAsync()).Single(gateway => gateway["id"]!.GetValue<string>() == _foreign);
        theirs["fields"]!["name"]!.GetValue<string>().Should().Be("theirs", "what is not ours is never touched");
        (await _double.CallsAsync()).Should().NotContain(call => call.Contains(_foreign));
    }

    [TestCase(false, false, 0)]
    [TestCase(true, true, 1)]
    public async Task It_is_registered_once_with_a_token_of_its_own_whatever_the_release(bool versioned, bool tagObjects, int pageSize)
    {
        await _double.SwitchAsync(new { versioned, tagObjects, pageSize });

        (await _world.ConvergeAsync()).Should().Be(1);

        var fields = (await OursAsync())["fields"]!;
        Text(fields, "name").Should().Be("sample");
        Text(fields, "url").Should().Be("https://mcp.example.org/mcp/sample");
        Text(fields, "transport").Should().Be("STREAMABLEHTTP");
        Text(fields, "auth_type").Should().Be("bearer");
        Text(fields, "auth_token").Should().Be($"mcprt_{_world.Identity.RecordId}_1.0");
        Tags(fields).Should().Contain(["team-red", $"mcpruntime:record:{_world.Identity.RecordId}", $"mcpruntime:instance:{_world.Identity.InstanceId}"]).And.NotContain("x");
        (await _world.SeenAsync()).Single().Instance.Should().Be(Text(await OursAsync(), "id"));

        await _double.ForgetCallsAsync();
        (await _world.ConvergeAsync()).Should().Be(0);
        (await WritesAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task Whatever_is_changed_there_by_hand_is_put_right()
    {
        await _world.ConvergeAsync();
        var id = Text(await OursAsync(), "id");
        foreach (var change in new object[]
        {
            new { name = "renamed by hand" },
            new { url = "https://evil.example/mcp" },
            new { visibility = "private" },
            new { tags = Tags((await OursAsync())["fields"]!).Append("more").ToArray() },
            new { enabled = false },
            new { reachable = false },
        })
        {
            await _double.ChangeByHandAsync(id, change);
            (await _world.ConvergeAsync()).Should().BePositive($"{change} is a difference");
            var ours = await OursAsync();
            Text(ours, "id").Should().Be(id, "it is edited in place");
            Text(ours["fields"]!, "name").Should().Be("sample");
            Text(ours["fields"]!, "url").Should().Be("https://mcp.example.org/mcp/sample");
            Text(ours["fields"]!, "visibility").Should().Be("public");
            ours["enabled"]!.GetValue<bool>().Should().BeTrue();
            ours["reachable"]!.GetValue<bool>().Should().BeTrue();
        }

        await _double.DeleteByHandAsync(id);
        (await _world.ConvergeAsync()).Should().Be(1);
        Text((await OursAsync())["fields"]!, "name").Should().Be("sample");
    }

    [Test]
    public async Task A_stop_makes_it_inactive_and_a_start_active_again_with_the_same_entry()
    {
        await _world.ConvergeAsync();
        var id = Text(await OursAsync(), "id");

        (await _world.ConvergeAsync(_world.Wanted(running: false))).Should().Be(1);
        (await OursAsync())["enabled"]!.GetValue<bool>().Should().BeFalse();

        (await _world.ConvergeAsync()).Should().Be(1);
        (await OursAsync())["enabled"]!.GetValue<bool>().Should().BeTrue();
        Text(await OursAsync(), "id").Should().Be(id);
    }

    [Test]
    public async Task Its_removal_takes_it_and_revokes_its_token_and_again_is_fine()
    {
        await _world.ConvergeAsync();

        (await RemoveAsync()).Should().BeOfType<Outcome.Done>();
        (await _world.SeenAsync()).Should().BeEmpty();
        _world.Tokens.Revoked.Should().BeTrue();
        (await RemoveAsync()).Should().BeOfType<Outcome.Done>();
    }

    [Test]
    public async Task What_is_accepted_and_comes_about_later_is_waited_for_both_ways()
    {
        await _double.SwitchAsync(new { asynchronous = true, reads = 3 });

        (await _world.Provider.PutAsync(_world.Identity, _world.Wanted(), default)).Should().BeOfType<Outcome.InProgress>();
        (await _world.SeenAsync()).Single().Health.Should().Be(Health.Starting);
        (await _world.ConvergeAsync()).Should().Be(0, "nothing is done twice while it is on its way");

        (await RemoveAsync()).Should().BeOfType<Outcome.InProgress>();
        (await _world.SeenAsync()).Should().ContainSingle("it is there until it is seen to be gone");
        (await RemoveAsync()).Should().BeOfType<Outcome.InProgress>();
        (await _world.SeenAsync()).Should().BeEmpty();
    }

    [Test]
    public async Task A_creation_whose_answer_was_lost_is_found_by_its_tags_and_not_made_twice()
    {
        await _double.TroubleAsync("POST /gateways", "reset-after");

        (await _world.FaultOfPutAsync()).Kind.Should().Be(FaultKind.Transient);
        (await _world.ConvergeAsync()).Should().Be(0);
        (await _double.GatewaysAsync()).Should().HaveCount(2);
    }

    [Test]
    public async Task A_name_that_another_has_is_told_with_whose_it_is()
    {
        var fault = await _world.FaultOfPutAsync(_world.Wanted(with: spec => spec with { GatewayName = "theirs" }));

        fault.Kind.Should().Be(FaultKind.Refused);
        fault.Message.Should().Contain("409").And.Contain(_foreign).And.Contain("left alone").And.Contain("gateway_name");
    }

    [Test]
    public async Task A_name_that_another_runtime_of_ours_has_is_told_with_the_runtime()
    {
        using var other = new RegistrationWorld(_double.Url, record: "01other0000000000000000000");
        await other.ConvergeAsync();

        var fault = await _world.FaultOfPutAsync();

        fault.Message.Should().Contain("01other0000000000000000000");
        (await other.ConvergeAsync()).Should().Be(0);
    }

    [Test]
    public async Task Another_installations_registrations_are_foreign()
    {
        using var other = new RegistrationWorld(_double.Url, instance: "01elsewhere000000000000000", record: "01other0000000000000000000");
        await other.ConvergeAsync(other.Wanted(with: spec => spec with { GatewayName = "other" }));
        await _world.ConvergeAsync();

        var all = await _world.Provider.ObserveAllAsync(default);

        all.Match(known => known.ByRecord.Keys, _ => []).Should().Equal(_world.Identity.RecordId);
        await _world.Provider.RemoveAsync(new RuntimeIdentity(_world.Identity.InstanceId, other.Identity.RecordId), Registrations.IdOf(other.Identity.RecordId), ResourceKind.Registration, default);
        (await other.SeenAsync()).Should().ContainSingle();
    }

    [Test]
    public async Task A_copy_that_somebody_made_is_surplus_and_goes_alone()
    {
        await _world.ConvergeAsync();
        var id = Text(await OursAsync(), "id");
        await _double.AddAsync(new { name = "copy", url = "https://mcp.example.org/mcp/copy", transport = "SSE", visibility = "public", tags = Tags((await OursAsync())["fields"]!) });

        var surplus = (await _world.SeenAsync()).Single(seen => seen.Id != _world.Wanted().Id);
        await _world.Provider.RemoveAsync(_world.Identity, surplus.Id, ResourceKind.Registration, default);

        (await _world.SeenAsync()).Should().ContainSingle().Which.Instance.Should().Be(id);
        _world.Tokens.Revoked.Should().BeFalse();
    }

    [Test]
    public async Task A_token_that_is_due_is_exchanged_while_it_runs_and_not_while_it_is_stopped()
    {
        await _world.ConvergeAsync();
        _world.Tokens.Marker = "2.0";

        (await _world.SeenAsync()).Single().DifferingField.Should().Be("auth_token");
        (await _world.ConvergeAsync()).Should().Be(1);
        Text((await OursAsync())["fields"]!, "auth_token").Should().EndWith("_2.0");

        await _world.ConvergeAsync(_world.Wanted(running: false));
        _world.Tokens.Marker = "3.0";
        (await _world.ConvergeAsync(_world.Wanted(running: false))).Should().Be(0);
        await _world.ConvergeAsync();
        Text((await OursAsync())["fields"]!, "auth_token").Should().EndWith("_3.0");
    }

    [Test]
    public async Task A_server_that_speaks_sse_only_is_registered_as_that()
    {
        var route = _world.Routes.Add("sample", new Uri("http://10.0.0.2:1"), transport: "SSE");
        await _world.Routes.RemoveAsync(route.RecordId, route.Id, default);
        await _world.Routes.PutAsync(route with { RecordId = _world.Identity.RecordId }, default);

        await _world.ConvergeAsync();

        Text((await OursAsync())["fields"]!, "transport").Should().Be("SSE");
    }

    [TestCase("http://127.0.0.1:8080", "localhost")]
    [TestCase("http://10.1.2.3:8080", "private network")]
    public async Task Its_guard_against_inner_addresses_is_explained_with_the_settings_to_change(string publicUrl, string said)
    {
        using var inner = new RegistrationWorld(_double.Url, options: Options(new Uri(publicUrl)));

        var fault = await inner.FaultOfPutAsync();

        fault.Kind.Should().Be(FaultKind.Refused);
        fault.Message.Should().Contain("422").And.Contain(said).And.Contain("RUNTIME_PUBLIC_URL").And.Contain("SSRF_ALLOWED_NETWORKS");
    }

    [TestCase("401", FaultKind.Unauthorized, "RUNTIME_CONTEXTFORGE_TOKEN")]
    [TestCase("403", FaultKind.Unauthorized, "must be allowed to")]
    [TestCase("422", FaultKind.Refused, "422")]
    [TestCase("429", FaultKind.Throttled, "slow down")]
    [TestCase("500", FaultKind.Transient, "500")]
    [TestCase("502", FaultKind.Transient, "must be able to reach RUNTIME_PUBLIC_URL")]
    [TestCase("503", FaultKind.Transient, "503")]
    [TestCase("reset", FaultKind.Transient, "can't be reached")]
    public async Task Each_of_its_answers_is_told_as_what_it_means_and_what_to_do(string trouble, FaultKind kind, string words)
    {
        await _double.TroubleAsync("POST /gateways", trouble);

        var fault = await _world.FaultOfPutAsync();

        fault.Kind.Should().Be(kind);
        fault.Message.Should().Contain(words).And.NotContain(ContextForgeProcess.Token);
        (await _world.ConvergeAsync()).Should().Be(1, "the trouble is over");
    }

    [Test]
    public async Task A_token_that_it_does_not_know_makes_it_unseen_and_not_empty()
    {
        using var stranger = new RegistrationWorld(_double.Url, token: "wrong");

        var view = await stranger.Provider.ObserveAsync(stranger.Identity, default);

        view.Should().BeOfType<ProviderView.Unknown>().Which.Fault.Reason.Should().Be("ContextForgeUnauthorized");
    }

    [Test]
    public async Task While_it_is_away_one_look_now_and_then_is_all_that_is_asked()
    {
        using var world = new RegistrationWorld(_double.Url, options: Options(new Uri("https://mcp.example.org")) with { AwayFor = TimeSpan.FromMinutes(5) });
        await _double.TroubleAsync("*", "503", times: 1000);

        for (var turn = 0; turn < 100; turn++)
        {
            (await world.Provider.ObserveAsync(world.Identity, default)).Should().BeOfType<ProviderView.Unknown>();
        }

        (await _double.CallsAsync()).Should().ContainSingle();
    }

    private ContextForgeOptions Options(Uri publicUrl) => new()
    {
        Url = _double.Url,
        Token = new SecretText(ContextForgeProcess.Token),
        PublicUrl = publicUrl,
        InstanceId = _ => Task.FromResult("01instance0000000000000000"),
        ListFor = TimeSpan.Zero,
        AwayFor = TimeSpan.Zero,
    };

    private Task<Outcome> RemoveAsync() => _world.Provider.RemoveAsync(_world.Identity, _world.Wanted().Id, ResourceKind.Registration, default);

    private async Task<JsonNode> OursAsync() =>
        (await _double.GatewaysAsync()).Single(gateway => Tags(gateway["fields"]!).Contains($"mcpruntime:record:{_world.Identity.RecordId}", StringComparer.Ordinal));

    private async Task<IReadOnlyList<string>> WritesAsync() => [.. (await _double.CallsAsync()).Where(call => Writes.Contains(call.Split(' ')[0], StringComparer.Ordinal))];

    private static string Text(JsonNode node, string field) => node[field]!.GetValue<string>();

    private static IReadOnlyList<string> Tags(JsonNode fields) => [.. fields["tags"]!.AsArray().Select(tag => tag!.GetValue<string>())];
}
