using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Backends.Tests.Contract;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>The token, its key, and being told to slow down: by the project or by IAM.</summary>
[Category("Doubles")]
public sealed class CodeEnginePauses
{
    private CodeEngineWorld _world = null!;

    [OneTimeSetUp]
    public async Task OpenWorld() => _world = await CodeEngineWorld.OpenAsync();

    [OneTimeTearDown]
    public async Task CloseWorld() => await _world.DisposeAsync();

    [SetUp]
    public Task ResetWorld() => _world.ResetAsync();

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

    private sealed class MovedTime : TimeProvider
    {
        private TimeSpan _ahead;

        public void Move(TimeSpan by) => _ahead += by;

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + _ahead;
    }
}
