using McpRuntime.Backends;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Control;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Faults.Tests.Simulated;

/// <summary>The whole controller as the product composes it, over a simulated world with several backends and a clock of its own.</summary>
internal sealed class SimController : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    public SimController(ControlOptions? options = null, params string[] backends)
        : this(options, _ => { }, backends)
    {
    }

    /// <param name="more">A real backend, beside the simulated ones.</param>
    public SimController(ControlOptions? options, Action<IServiceCollection> more, params string[] backends)
    {
        Backends = (backends.Length == 0 ? ["sim"] : backends).ToDictionary(name => name, name => new SimBackend(Process, Time, name), StringComparer.Ordinal);
        Gateway = new SimGateway(Process, Time);
        Records = new SimRecords(Process, Time);
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<TimeProvider>(Time);
        services.AddSingleton<IRecordStore>(Records);
        services.AddSingleton<ILease>(Lease);
        services.AddSingleton(new KeyedHash(new byte[32]));
        services.AddSingleton<Gateways.IGateway>(Gateway);
        services.AddSingleton<Gateways.IProber>(with => Prober = new SimProber(Time, id => with.GetRequiredService<IWakeUp>().Wake(id)));
        foreach (var backend in Backends.Values)
        {
            services.AddSingleton<IBackend>(backend);
        }

        more(services);
        services.AddControl(options ?? new ControlOptions());
        _services = services.BuildServiceProvider(new ServiceProviderOptions { ValidateOnBuild = true, ValidateScopes = true });
        Loop = _services.GetServices<Microsoft.Extensions.Hosting.IHostedService>().OfType<ControlLoop>().Single();
    }

    public ManualTime Time { get; } = new();

    public SimProcess Process { get; } = new();

    /// <summary>What the tick set free is not only ours: a call to a real backend is under way.</summary>
    public Func<bool> IsBusy { get; init; } = () => false;

    public SimLease Lease { get; } = new();

    public IReadOnlyDictionary<string, SimBackend> Backends { get; }

    public SimGateway Gateway { get; }

    public SimRecords Records { get; }

    public SimProber? Prober { get; private set; }

    public ControlLoop Loop { get; }

    public IWakeUp WakeUp => _services.GetRequiredService<IWakeUp>();

    /// <summary>What no loop can live with: taking work throws.</summary>
    public void BreakTheQueue() => _services.GetRequiredService<WorkQueue>().Dispose();

    public Task StartAsync() => Loop.StartAsync(CancellationToken.None);

    /// <summary>Lets the clock run in small steps until the condition holds; gives how long that took by it.</summary>
    public async Task<TimeSpan> UntilAsync(Func<bool> condition, TimeSpan atMost, string what, int stepMilliseconds = 200)
    {
        var began = Time.GetUtcNow();
        while (!condition())
        {
            if (Time.GetUtcNow() - began > atMost)
            {
                Assert.Fail($"Within {atMost} it did not come to be that {what}.");
            }

            await TickAsync(TimeSpan.FromMilliseconds(stepMilliseconds));
        }

        return Time.GetUtcNow() - began;
    }

    public async Task RunForAsync(TimeSpan span, int stepMilliseconds = 1000)
    {
        var until = Time.GetUtcNow() + span;
        while (Time.GetUtcNow() < until)
        {
            await TickAsync(TimeSpan.FromMilliseconds(stepMilliseconds));
        }
    }

    public static string IdOf(int number) => $"01jabcdefghjkmnp{number:D10}";

    public async ValueTask DisposeAsync()
    {
        await Loop.StopAsync(CancellationToken.None);
        await _services.DisposeAsync();
        Process.Dispose();
    }

    private async Task TickAsync(TimeSpan step)
    {
        Time.Advance(step);
        Prober?.Speak();

        // What the tick set free runs on other threads; it is done when nothing more is queued for a moment.
        var idle = 0;
        while (idle < 3)
        {
            var before = Records.Reads + Records.Writes;
            await Task.Delay(1);
            idle = !IsBusy() && ThreadPool.PendingWorkItemCount == 0 && before == Records.Reads + Records.Writes ? idle + 1 : 0;
        }
    }
}
