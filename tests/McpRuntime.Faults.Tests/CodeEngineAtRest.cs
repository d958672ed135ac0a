using System.Diagnostics.Metrics;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Git;
using McpRuntime.CodeEngineDouble.Driver;
using McpRuntime.Core.Specs;
using McpRuntime.Faults.Tests.Simulated;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Faults.Tests;

/// <summary>
/// What the whole controller asks of Code Engine's API while nothing happens: the real loop, planner and backend, forty records, the
/// clock moved by hand, and every call counted by the double that got it.
/// </summary>
[Category("Doubles")]
internal sealed class CodeEngineAtRest
{
    private const int Apps = 40;
    private const string Well = "docker.io/acme/well@sha256:";

    /// <summary>Two resyncs, and two tries of what fails.</summary>
    private static readonly TimeSpan Watched = TimeSpan.FromMinutes(10);

    /// <summary>As often as the loop looks at what is on its way.</summary>
    private const int Step = 2_000;

    private static readonly string Digest = new('a', 64);

    private DoubleProcess _double = null!;
    private MeterListener _listener = null!;
    private string _work = null!;
    private long _underWay;

    [SetUp]
    public async Task StartAsync()
    {
        _work = Directory.CreateTempSubdirectory("at-rest-").FullName;
        _underWay = 0;
        _listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument is { Meter.Name: "System.Net.Http", Name: "http.client.active_requests" })
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        _listener.SetMeasurementEventCallback<long>((_, change, _, _) => Interlocked.Add(ref _underWay, change));
        _listener.Start();
        _double = await DoubleProcess.StartAsync();
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _double.DisposeAsync();
        _listener.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    [Test]
    public async Task Forty_apps_that_are_well_cost_at_most_six_calls_a_minute() => (await CallsAMinuteAsync([])).Should().BeInRange(2, 6);

    [TestCase("fetch_image_failed_unknown_manifest", 1)]
    [TestCase("container_failed_exit_code_1", 4)]
    public async Task Each_of_them_that_failed_for_good_costs_at_most_one_call_more_and_each_that_is_started_again_and_again_four(string reason, int more)
    {
        const int Failing = 10;
        await _double.ScriptAsync(new { contains = "acme/broken", reason });

        var calls = await CallsAMinuteAsync(Enumerable.Range(0, Failing));

        calls.Should().BeInRange(2, 6 + (more * Failing));
    }

    private async Task<double> CallsAMinuteAsync(IEnumerable<int> failing)
    {
        var broken = failing.ToHashSet();
        await using var controller = new SimController(null, AddCodeEngine) { IsBusy = () => Interlocked.Read(ref _underWay) > 0 };
        for (var i = 0; i < Apps; i++)
        {
            controller.Records.Create(SimController.IdOf(i), SimRecords.Spec((broken.Contains(i) ? "docker.io/acme/broken@sha256:" : Well) + Digest), CodeEngineServices.Name);
        }

        await controller.StartAsync();
        bool Settled() => controller.Records.All.Values.Count(r => r.Memory.Verified.Count > 0) == Apps - broken.Count;
        _ = await controller.UntilAsync(Settled, TimeSpan.FromMinutes(10), "all that can be well are", stepMilliseconds: 1000);

        // As long as pauses grow: what fails is then tried every five minutes.
        await controller.RunForAsync(TimeSpan.FromMinutes(10), Step);
        await _double.ForgetCallsAsync();
        await controller.RunForAsync(Watched, Step);
        var calls = await _double.CallsAsync();
        (await _double.StateAsync())["apps"]!.AsArray().Should().HaveCount(Apps);
        await TestContext.Out.WriteLineAsync($"{calls.Count / Watched.TotalMinutes:0.0} calls a minute: {string.Join(", ", calls.GroupBy(Kind).OrderByDescending(g => g.Count()).Select(g => $"{g.Key} {g.Count()}"))}");
        return calls.Count / Watched.TotalMinutes;
    }

    private static string Kind(string call) => string.Join(' ', call.Split(' ')[0], string.Join('/', call.Split(' ')[1].Split('/').Where((_, i) => i is 1 or 3)));

    private void AddCodeEngine(IServiceCollection services) => services
        .AddGit(new GitOptions { DataFolder = _work })
        .AddCodeEngineBackend(
            new CodeEngineOptions { ApiKey = new SecretText(DoubleProcess.ApiKey), ProjectId = DoubleProcess.Project, Region = "eu-de", Url = _double.Url, IamUrl = _double.Url },
            _ => new CodeEngineInstallation(_ => Task.FromResult("inst"), (identity, _) => Task.FromResult(identity), new KeyedHash(new byte[32])));
}
