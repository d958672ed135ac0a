using System.Text.Json.Nodes;

namespace McpRuntime.Backends.Tests.CodeEngine;

/// <summary>One fault, and pairs of faults, at the calls of a life; a crash is a new backend that remembers nothing.</summary>
[Category("Doubles")]
public sealed class CodeEngineFaults
{
    /// <summary>Of a short life there are so many calls that only these are tried at each.</summary>
    private static readonly string[] Breaks = ["reset", "reset-after", "500", "500-after", "502-html", "truncated"];

    /// <summary>All that the double can do to a call but to be slow.</summary>
    private static readonly string[] Kinds = [.. Breaks, "429", "429-date", "429-bare", "503", "504", "401", "404", "409", "412", "400-echo", "502-echo"];

    /// <summary>A call that is slow takes its time in real seconds: in the sample only.</summary>
    private static readonly string[] KindsOfPairs = [.. Kinds, "slow"];

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
    public async Task A_fault_at_any_call_leaves_one_of_each_and_then_nothing([ValueSource(nameof(Breaks))] string kind, [Values] bool repository)
    {
        // Until a life is over before its fault's turn comes.
        var calls = 0;
        for (var fired = 1; fired > 0; calls += fired)
        {
            await _world.Double.TroubleAsync("*", kind, calls);
            fired = await _life.LiveAsync(repository, whole: false, $"{kind} at call {calls}");
        }

        calls.Should().BeGreaterThan(30, "a life has many more steps, and each of them looks first");
    }

    [Test]
    public async Task Any_fault_at_any_write_of_a_life_with_stop_start_and_update_leaves_one_of_each_and_then_nothing([ValueSource(nameof(Kinds))] string kind)
    {
        var writes = 0;
        for (var fired = 1; fired > 0; writes += fired)
        {
            await _world.Double.TroubleAsync("writes", kind, writes);
            fired = await _life.LiveAsync(repository: writes % 3 == 2, whole: true, $"{kind} at write {writes}");
        }

        writes.Should().BeGreaterThanOrEqualTo(9, "two secrets and two apps that come and go, and a stop and a start between");
    }

    /// <summary>All pairs are some hundred thousand: a sample, the same at each run; another one for whoever changes the seeds.</summary>
    [Test]
    public async Task Pairs_of_faults_of_all_kinds_in_a_life_with_stop_start_and_update_leave_one_of_each_and_then_nothing([Range(1, 4)] int seed)
    {
        var random = new Random(seed);
        var fired = 0;
        for (var life = 0; life < 25; life++)
        {
            var (one, two) = (KindsOfPairs[random.Next(KindsOfPairs.Length)], KindsOfPairs[random.Next(KindsOfPairs.Length)]);
            var (first, second) = (random.Next(14), random.Next(90));
            await _world.Double.TroubleAsync("writes", one, first);
            await _world.Double.TroubleAsync("*", two, second);
            fired += await _life.LiveAsync(repository: random.Next(2) == 0, whole: true, $"seed {seed}, life {life}: {one} at write {first}, {two} at call {second}");
        }

        fired.Should().BeGreaterThan(25, "most lives met both");
    }

    [TestCase("""{"StaleTagStatus": 409, "MissingTagStatus": 400, "DuplicateStatus": 400}""")]
    [TestCase("""{"LingeringReads": 2}""")]
    [TestCase("""{"TagFollowsStatus": true}""")]
    [TestCase("""{"SecretListsOmitData": true}""")]
    [TestCase("""{"UnknownExtras": true, "ReadyAfterReads": 3, "BuildReads": 2}""")]
    [TestCase("""{"FillsDefaults": false}""")]
    [TestCase("""{"PageSize": 1}""")]
    [TestCase("""{"PageSize": 1, "AppsBetweenPages": 12}""")]
    [TestCase("""{"PageSize": 1, "AppsBetweenPages": 12, "PagesCount": true}""")]
    [TestCase("""{"TokenSeconds": 1}""")]
    [TestCase("""{"ReadyAfterReads": 3, "BuildReads": 2}""")]
    public async Task Whichever_way_the_live_service_does_what_nobody_documented_it_works(string switches)
    {
        await _world.Double.SwitchAsync(JsonNode.Parse(switches)!);
        _ = await _life.LiveAsync(repository: false, whole: true, switches);
        _ = await _life.LiveAsync(repository: true, whole: true, switches);
    }
}
