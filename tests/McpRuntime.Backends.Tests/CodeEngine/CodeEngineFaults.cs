using System.Text.Json.Nodes;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.CodeEngineDouble.Driver;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>One fault, and every pair of faults, at every call of a life; a crash is a new backend that remembers nothing.</summary>
[Category("Doubles")]
public sealed class CodeEngineFaults
{
    private const string Canary = "c4n4ry-5a5a5a";

    private static readonly string[] Kinds = ["reset", "reset-after", "500", "500-after", "502-html", "truncated"];
    private static readonly string[] Writes = ["POST /apps", "POST /secrets", "DELETE /apps", "DELETE /secrets", "PATCH /apps", "POST /builds", "POST /build_runs", "DELETE /builds", "DELETE /build_runs"];

    /// <summary>What the service keeps in its database.</summary>
    private readonly Dictionary<string, ResolvedFacts> _digests = new(StringComparer.Ordinal);

    /// <summary>The repository's, resolved without a call to the project: the same for every life.</summary>
    private ResolvedFacts? _commit;

    private CodeEngineWorld _world = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [SetUp]
    public Task ResetWorld() => _world.ResetAsync();

    [Test]
    public async Task A_fault_at_any_call_leaves_one_of_each_and_then_nothing([ValueSource(nameof(Kinds))] string kind, [Values] bool repository)
    {
        // Until a life is over before its fault's turn comes.
        var calls = 0;
        for (var fired = 1; fired > 0; calls += fired)
        {
            await _world.Double.TroubleAsync("*", kind, calls);
            fired = await LiveAsync(repository, $"{kind} at call {calls}");
        }

        calls.Should().BeGreaterThan(30, "a life has many more steps, and each of them looks first");
    }

    [TestCaseSource(nameof(Writes))]
    public async Task Every_pair_of_faults_with_this_write_leaves_one_of_each_and_then_nothing(string first)
    {
        foreach (var second in Writes)
        {
            foreach (var (one, two) in new[] { ("reset-after", "reset-after"), ("reset", "500-after"), ("500-after", "truncated") })
            {
                await _world.Double.TroubleAsync(first, one);
                await _world.Double.TroubleAsync(second, two);
                _ = await LiveAsync(repository: first.Contains("build", StringComparison.Ordinal) || second.Contains("build", StringComparison.Ordinal), $"{first} {one}, {second} {two}");
            }
        }
    }

    [TestCase("""{"StaleTagStatus": 409, "MissingTagStatus": 400, "DuplicateStatus": 400}""")]
    [TestCase("""{"LingeringReads": 2}""")]
    [TestCase("""{"TagFollowsStatus": true}""")]
    [TestCase("""{"SecretListsOmitData": true}""")]
    [TestCase("""{"UnknownExtras": true}""")]
    [TestCase("""{"FillsDefaults": false}""")]
    [TestCase("""{"PageSize": 1}""")]
    [TestCase("""{"TokenSeconds": 1}""")]
    [TestCase("""{"ReadyAfterReads": 3, "BuildReads": 2}""")]
    public async Task Whichever_way_the_live_service_does_what_nobody_documented_it_works(string switches)
    {
        await _world.Double.SwitchAsync(JsonNode.Parse(switches)!);
        _ = await LiveAsync(repository: false, switches);
        _ = await LiveAsync(repository: true, switches);
    }

    [Test]
    public async Task A_token_that_was_revoked_is_replaced_once_and_nobody_notices()
    {
        var id = Given.Identity(_world.InstanceId);
        _ = (await _world.Backend.ObserveAsync(id, default)).Resources();
        var before = await _world.Double.TokensAsync();
        await _world.Double.RevokeTokensAsync();

        var seen = await _world.Backend.ObserveAsync(id, default);

        seen.Should().BeOfType<ProviderView.Known>();
        (await _world.Double.TokensAsync()).Should().BeInRange(before + 1, before + 4);
    }

    [Test]
    public async Task A_wrong_key_is_told_by_the_name_of_its_variable_and_never_shown()
    {
        var backend = _world.Make(_world.Options with { ApiKey = new SecretText("wr0ng-k3y") });

        var health = await backend.CheckAsync(default);

        health.Reachable.Should().BeFalse();
        health.Message.Should().Contain("RUNTIME_IBM_CODE_ENGINE_API_KEY").And.NotContain("wr0ng-k3y");
    }

    [TestCase("429")]
    [TestCase("429-date")]
    [TestCase("429-bare")]
    public async Task Told_to_slow_down_no_call_is_made_until_the_pause_is_over(string kind)
    {
        var time = new MovedTime();
        var backend = _world.Make(_world.Options, time);
        var id = Given.Identity(_world.InstanceId);
        _ = (await backend.ObserveAsync(id, default)).Resources();
        await _world.Double.TroubleAsync("*", kind, times: 4, seconds: 20);

        var told = (ProviderView.Unknown)await backend.ObserveAsync(id, default);
        await _world.Double.NoMoreTroubleAsync();
        await _world.Double.ForgetCallsAsync();
        var held = (ProviderView.Unknown)await backend.ObserveAsync(id, default);
        var calls = await _world.Double.CallsAsync();
        time.Move(TimeSpan.FromSeconds(25));
        var after = await backend.ObserveAsync(id, default);

        told.Fault.Kind.Should().Be(FaultKind.Throttled);
        told.Fault.RetryAfter.Should().BeGreaterThan(TimeSpan.FromSeconds(3));
        held.Fault.Kind.Should().Be(FaultKind.Throttled);
        calls.Should().BeEmpty();
        after.Should().BeOfType<ProviderView.Known>();
    }

    [TestCase("429", 20)]
    [TestCase("429-date", 20)]
    [TestCase("429-bare", 30)]
    public async Task Told_to_slow_down_by_IAM_nobody_calls_until_the_pause_is_over(string kind, int seconds)
    {
        var time = new MovedTime();
        var backend = _world.Make(_world.Options, time);
        var id = Given.Identity(_world.InstanceId);
        await _world.Double.TroubleAsync("IAM", kind, times: 4, seconds: 20);

        var told = (ProviderView.Unknown)await backend.ObserveAsync(id, default);
        await _world.Double.NoMoreTroubleAsync();
        await _world.Double.ForgetCallsAsync();
        var held = (ProviderView.Unknown)await backend.ObserveAsync(id, default);
        var calls = await _world.Double.CallsAsync();
        time.Move(TimeSpan.FromSeconds(seconds + 1));
        var after = await backend.ObserveAsync(id, default);

        told.Fault.Kind.Should().Be(FaultKind.Throttled);
        told.Fault.RetryAfter.Should().BeCloseTo(TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(3));
        held.Fault.Kind.Should().Be(FaultKind.Throttled);
        calls.Should().BeEmpty();
        after.Should().BeOfType<ProviderView.Known>();
    }

    [Test]
    public void A_shorter_pause_that_is_told_later_does_not_end_a_longer_one()
    {
        var time = new ManualTime();
        var pause = new Pause(time);

        pause.Hold(TimeSpan.FromSeconds(60));
        pause.Hold(TimeSpan.FromSeconds(1));
        time.Advance(TimeSpan.FromSeconds(59));
        pause.Invoking(p => p.ThrowWhileHeld()).Should().Throw<BackendFault>().Which.Fault.RetryAfter.Should().Be(TimeSpan.FromSeconds(1));
        pause.Hold(TimeSpan.FromSeconds(5));
        time.Advance(TimeSpan.FromSeconds(4));
        pause.Invoking(p => p.ThrowWhileHeld()).Should().Throw<BackendFault>();
        time.Advance(TimeSpan.FromSeconds(1));
        pause.Invoking(p => p.ThrowWhileHeld()).Should().NotThrow();
    }

    [Test]
    public async Task While_IAM_asks_for_fewer_calls_a_token_that_still_lives_is_used()
    {
        await _world.Double.SwitchAsync(new { TokenSeconds = 1000 });
        var time = new MovedTime();
        var backend = _world.Make(_world.Options, time);
        var id = Given.Identity(_world.InstanceId);
        _ = (await backend.ObserveAsync(id, default)).Resources();
        time.Move(TimeSpan.FromSeconds(850));
        await _world.Double.TroubleAsync("IAM", "429", times: 100, seconds: 100);
        await _world.Double.ForgetCallsAsync();

        var first = await backend.ObserveAsync(id, default);
        time.Move(TimeSpan.FromSeconds(80));
        var second = await backend.ObserveAsync(id, default);

        first.Should().BeOfType<ProviderView.Known>();
        second.Should().BeOfType<ProviderView.Known>();
        (await _world.Double.CallsAsync()).Count(c => c.Contains("/identity/token")).Should().Be(1, "IAM asked for 100 s");
    }

    [TestCase("POST /secrets", "400-echo", "bad_request")]
    [TestCase("POST /secrets", "502-echo", "502")]
    [TestCase("PUT /secrets", "400-echo", "bad_request")]
    [TestCase("PUT /secrets", "502-echo", "502")]
    public async Task An_answer_that_quotes_the_values_it_was_sent_is_told_without_them(string call, string kind, string word)
    {
        var id = Given.Identity(_world.InstanceId);
        var secret = (await CompileAsync(_world.Backend, id, repository: false)).Running[0];
        if (call.StartsWith("PUT", StringComparison.Ordinal))
        {
            var data = new { MCPRUNTIME_INSTANCE = id.InstanceId, MCPRUNTIME_RECORD = id.RecordId, API_KEY = "changed by hand" };
            _ = await _world.Double.SendAsync(HttpMethod.Post, "secrets", new { name = secret.Id, format = "generic", data });
        }

        await _world.Double.TroubleAsync(call, kind);

        var fault = (await _world.Backend.PutAsync(id, secret, default)).ShouldBeFault();

        fault.Message.Should().Contain(kind[..3]).And.Contain(word).And.Contain("trace ").And.NotContain(Canary).And.NotContain(id.RecordId);
    }

    [TestCase(400)]
    [TestCase(403)]
    [TestCase(409)]
    public async Task A_used_up_quota_is_told_and_tried_again_later(int status)
    {
        await _world.Double.SwitchAsync(new { Apps = 0, QuotaStatus = status });
        var id = Given.Identity(_world.InstanceId);
        var compiled = await CompileAsync(_world.Backend, id, repository: false);
        (await _world.Backend.PutAsync(id, compiled.Running[0], default)).ShouldBeDone();

        var fault = (await _world.Backend.PutAsync(id, compiled.Running[1], default)).ShouldBeFault();

        fault.Reason.Should().Be("QuotaExceeded");
        fault.Kind.Should().Be(FaultKind.Throttled);
        fault.RetryAfter.Should().BePositive();
    }

    [Test]
    public async Task Every_documented_reason_of_an_app_is_a_message_of_its_own()
    {
        var told = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var reason in PlatformReasons.DocumentedOfApps.Where(r => r is not ("deploying" or "waiting" or "waiting_for_resources")))
        {
            await _world.ResetAsync();
            await _world.Double.ScriptAsync(new { Contains = "probe", Reason = reason });
            var id = Given.Identity(_world.InstanceId);
            foreach (var resource in (await CompileAsync(_world.Backend, id, repository: false)).Running)
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
        PlatformReasons.DocumentedOfBuilds.Select(r => PlatformReasons.OfBuild(r).Message).Distinct(StringComparer.Ordinal).Should().HaveCount(PlatformReasons.DocumentedOfBuilds.Count());
    }

    [TestCase("revisions")]
    [TestCase("instances")]
    public async Task An_app_that_goes_between_two_reads_hides_no_other(string list)
    {
        await _world.Double.ScriptAsync(new { Contains = "probe", Reason = "container_failed_exit_code_1" });
        RuntimeIdentity[] ids = [Given.Identity(_world.InstanceId), Given.Identity(_world.InstanceId)];
        foreach (var id in ids)
        {
            foreach (var resource in (await CompileAsync(_world.Backend, id, repository: false)).Running)
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

        var seen = await _world.Backend.ObserveAllAsync(default);

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
    public async Task Forty_apps_at_rest_cost_at_most_six_calls_a_minute()
    {
        for (var i = 0; i < 40; i++)
        {
            var id = Given.Identity(_world.InstanceId);
            foreach (var resource in (await CompileAsync(_world.Backend, id, repository: false)).Running)
            {
                (await _world.Backend.PutAsync(id, resource, default)).ShouldBeDone();
            }
        }

        _ = await _world.Backend.ObserveAllAsync(default);
        _ = await _world.Backend.ObserveAllAsync(default);
        await _world.Double.ForgetCallsAsync();
        _ = await _world.Backend.ObserveAllAsync(default);
        var resync = (await _world.Double.CallsAsync()).Count;

        // A resync each five minutes, the project and a token now and then; a list of apps at each hint.
        var perMinute = ((resync + 2) / 5.0) + (60 / new CodeEngineOptions { ApiKey = new SecretText(""), ProjectId = "", Region = "" }.HintEvery.TotalSeconds);
        perMinute.Should().BeLessThanOrEqualTo(6);
    }

    [Test]
    public async Task A_log_that_cannot_be_had_says_why_and_where_to_look()
    {
        await _world.Double.SwitchAsync(new { KubeConfig = false });
        var id = Given.Identity(_world.InstanceId);
        foreach (var resource in (await CompileAsync(_world.Backend, id, repository: false)).Running)
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
        string.Concat(lines).Should().NotContain(Canary);
    }

    /// <returns>How many calls went wrong.</returns>
    private async Task<int> LiveAsync(bool repository, string what)
    {
        var id = Given.Identity(_world.InstanceId);
        await UntilAsync(() => StepUpAsync(id, repository), $"{what}: up");
        var up = await OursAsync(id);
        up.Count(n => n.StartsWith("apps ", StringComparison.Ordinal)).Should().Be(1, what);
        up.Count(n => n.StartsWith("secrets ", StringComparison.Ordinal)).Should().Be(1, what);
        up.Count(n => n.StartsWith("build_runs ", StringComparison.Ordinal)).Should().BeLessThanOrEqualTo(1, what);
        await UntilAsync(() => StepDownAsync(id), $"{what}: down");
        (await OursAsync(id)).Should().BeEmpty(what);
        var troubled = await _world.Double.TroubledAsync();
        await _world.Double.NoMoreTroubleAsync();
        await _world.LetGoAsync();
        (await _world.Double.StateAsync())["secrets"]!.AsArray().Select(s => s!["name"]!.GetValue<string>()).Should().Equal(["pull"], what);
        return troubled;
    }

    /// <summary>One step up by a backend that remembers nothing; true when all is as asked.</summary>
    private async Task<bool> StepUpAsync(RuntimeIdentity id, bool repository)
    {
        var backend = _world.Make(_world.Options);
        if (await CompileOrNullAsync(backend, id, repository) is not { Complete: true } compiled || (await backend.ObserveAsync(id, default)) is not ProviderView.Known { Resources: var seen })
        {
            return false;
        }

        foreach (var resource in compiled.Running)
        {
            var there = seen.FirstOrDefault(s => s.Id == resource.Id);
            if (there is null || there.Fingerprint != resource.Fingerprint || there.Health is Health.Failed or Health.Stopped)
            {
                _ = await backend.PutAsync(id, resource, default);
                return false;
            }
        }

        return seen.Where(s => s.Kind == ResourceKind.Container).All(s => s.Health == Health.Serving);
    }

    private async Task<bool> StepDownAsync(RuntimeIdentity id)
    {
        var backend = _world.Make(_world.Options);
        if (await backend.ObserveAsync(id, default) is not ProviderView.Known { Resources: var seen })
        {
            return false;
        }

        if (seen.OrderBy(s => s.Kind.RemovalRank()).FirstOrDefault() is { } next)
        {
            _ = await backend.RemoveAsync(id, next.Id, next.Kind, default);
        }

        return seen.Count == 0;
    }

    private static async Task UntilAsync(Func<Task<bool>> step, string what)
    {
        for (var i = 0; i < 60; i++)
        {
            if (await step())
            {
                return;
            }
        }

        Assert.Fail($"Not after 60 steps: {what}");
    }

    private async Task<Compiled> CompileAsync(IBackend backend, RuntimeIdentity id, bool repository) =>
        await CompileOrNullAsync(backend, id, repository) ?? throw new AssertionException("It did not resolve.");

    /// <summary>As the service does: resolved, built while that is what there is to do, resolved again.</summary>
    private async Task<Compiled?> CompileOrNullAsync(IBackend backend, RuntimeIdentity id, bool repository)
    {
        var hash = new KeyedHash(new byte[32]);
        var revision = Given.Revision("docker.io/library/probe@sha256:" + new string('a', 64), port: 8080);
        if (repository)
        {
            var source = new Source.GitHub(_world.Repository, _world.Commit, "Dockerfile", ".", new Dictionary<string, string>(StringComparer.Ordinal), PushToRegistry: false, Registry: null);
            revision = revision with { Spec = revision.Spec with { Source = source } };
        }

        if ((repository ? _commit : null) is not { } first)
        {
            if (await ResolveAsync(backend, id, revision) is not { } found)
            {
                return null;
            }

            first = found;
            _commit = repository ? found : _commit;
        }

        revision = revision with { Facts = first };
        var environment = new Dictionary<string, SecretText>(StringComparer.Ordinal) { ["API_KEY"] = new(Canary) };
        var compiled = backend.Compile(Given.Input(id, revision, hash, environment));
        if (compiled.Complete)
        {
            return compiled;
        }

        // The digest is stored by the service; here it is asked for again, or comes from what was seen before.
        if (_digests.TryGetValue(id.RecordId, out var known) || (known = await BuiltAsync(backend, id, compiled, revision)) is not null)
        {
            _digests[id.RecordId] = known;
            return backend.Compile(Given.Input(id, revision with { Facts = known }, hash, environment));
        }

        return null;
    }

    private static async Task<ResolvedFacts?> BuiltAsync(IBackend backend, RuntimeIdentity id, Compiled compiled, Revision revision)
    {
        _ = await backend.PutAsync(id, compiled.Running.Single(), default);
        return await ResolveAsync(backend, id, revision) is { PinIsRegistryDigest: true } pinned ? pinned : null;
    }

    private static async Task<ResolvedFacts?> ResolveAsync(IBackend backend, RuntimeIdentity id, Revision revision) =>
        (await backend.ResolveAsync(id, revision, default)).Match<ResolvedFacts?>(r => r.Facts, _ => null);

    private async Task<IReadOnlyList<string>> OursAsync(RuntimeIdentity id)
    {
        var state = await _world.Double.StateAsync();
        return [.. state.SelectMany(kind => kind.Value!.AsArray().Where(t => t!.ToJsonString().Contains(id.RecordId, StringComparison.Ordinal)).Select(t => $"{kind.Key} {t!["name"]}"))];
    }

    private sealed class MovedTime : TimeProvider
    {
        private TimeSpan _ahead;

        public void Move(TimeSpan by) => _ahead += by;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _ahead;
    }
}
