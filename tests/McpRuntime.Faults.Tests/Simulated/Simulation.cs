using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Control;
using Microsoft.Extensions.Logging.Abstractions;

namespace McpRuntime.Faults.Tests.Simulated;

/// <summary>One record, the real turn, a simulated world, and a clock that jumps to whatever happens next.</summary>
internal sealed class Simulation : IDisposable
{
    public const string Id = SimProvider.RecordId;

    private readonly ControlMetrics _metrics = new();
    private readonly WorkQueue _queue;
    private readonly Resync _resync;
    private readonly Turn _turn;
    private bool _woken;
    private DateTimeOffset? _nextTurn;

    /// <param name="outer">Routes are registered in an outer gateway.</param>
    public Simulation(ControlOptions? options = null, bool outer = false)
    {
        options ??= new ControlOptions();
        Backend = new SimBackend(Process, Time);
        Gateway = new SimGateway(Process, Time) { Registrations = outer ? new SimRegistry(Process, Time) : null };
        Records = new SimRecords(Process, Time);
        Prober = new SimProber(Time, _ => _woken = true);
        _queue = new WorkQueue(_metrics, Time);
        var backends = new Dictionary<string, IBackend>(StringComparer.Ordinal) { ["sim"] = Backend };
        var calls = new Calls(_metrics, Time, NullLogger<Calls>.Instance);
        var providers = new Providers(backends, Gateway, Prober, calls, options);
        var plans = new RevisionPlans(Records, backends, Gateway, new KeyedHash(new byte[32]));
        var around = new TurnSurroundings(new Lanes(_queue, options), _metrics, options, Time, NullLogger<Turn>.Instance);
        _turn = new Turn(Records, plans, providers, Lease, around);
        Orphans = new Orphans(Records, providers, Lease, _metrics, new OrphanWatch(options, Time, NullLogger<Orphans>.Instance));
        _resync = new Resync(Records, providers, _turn, Orphans, _queue);
    }

    public ManualTime Time { get; } = new();

    public SimProcess Process { get; } = new();

    public SimBackend Backend { get; }

    public SimGateway Gateway { get; }

    public SimRecords Records { get; }

    public SimProber Prober { get; }

    public SimLease Lease { get; } = new();

    public Orphans Orphans { get; }

    public int Turns { get; private set; }

    public RuntimeRecord Record => Records[Id];

    /// <summary>Called after every turn: what must hold at every moment.</summary>
    public Action? Always { get; set; }

    public ConditionStatus this[ConditionType type] => Record.Conditions.First(c => c.Type == type).Status;

    public Condition Condition(ConditionType type) => Record.Conditions.First(c => c.Type == type);

    public void Wake() => _woken = true;

    /// <summary>Until nothing is due and nothing will be by itself.</summary>
    public void Settle(int atMost = 500)
    {
        var limit = Turns + atMost;
        while (Step(DateTimeOffset.MaxValue))
        {
            if (Turns > limit)
            {
                Assert.Fail($"It does not settle in {atMost} turns. {Describe()}");
            }
        }
    }

    public void RunFor(TimeSpan span)
    {
        var until = Time.GetUtcNow() + span;
        while (Step(until))
        {
        }

        Time.AdvanceTo(until);
    }

    public bool Resync()
    {
        var soon = _resync.RunAsync(CancellationToken.None).GetAwaiter().GetResult();
        _woken |= _queue.Depth > 0;
        DrainQueue();
        return soon;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _metrics.Dispose();
        Process.Dispose();
    }

    public string Describe() =>
        $"status {Record.Status}, error '{Record.ErrorMessage}', serving {Record.ServingGeneration}, next {Record.NextTurnAt:T} at {Time.GetUtcNow():T}; " +
        $"backend: {string.Join(", ", Backend.Objects.Keys)}; gateway: {string.Join(", ", Gateway.Objects.Values.Select(o => $"{o.Id}->{o.BoundTo}"))}; " +
        $"last effects: {string.Join(", ", Backend.Effects.Concat(Gateway.Effects).TakeLast(12))}";

    private bool Step(DateTimeOffset until)
    {
        Prober.Speak();
        if (_woken || _nextTurn <= Time.GetUtcNow() || Records.IsDue(Id))
        {
            TakeTurn();
            return true;
        }

        var next = new[] { _nextTurn, Record.IsTombstone ? null : Record.NextTurnAt, Prober.NextAt }.Where(at => at is not null).Min();
        if (next is null || next > until)
        {
            return false;
        }

        Time.AdvanceTo(next.Value);
        return true;
    }

    public void TakeTurn()
    {
        (_woken, _nextTurn) = (false, null);
        Turns++;
        try
        {
            var next = _turn.TakeAsync(new Work(Id, default), Process.Life).GetAwaiter().GetResult();
            _nextTurn = Time.GetUtcNow() + next.After;
        }
        catch (OperationCanceledException) when (Process.Life.IsCancellationRequested)
        {
            Process.StartAgain();
            Prober.LoseMemory();
            Resync();
        }
        catch (Refusal)
        {
            // The database was away: the queue tries again with a pause.
            _nextTurn = Time.GetUtcNow() + TimeSpan.FromSeconds(1);
        }

        Always?.Invoke();
    }

    private void DrainQueue()
    {
        while (_queue.Depth > 0)
        {
            _queue.Done(_queue.TakeAsync(CancellationToken.None).GetAwaiter().GetResult().Id);
        }
    }
}

internal sealed class SimLease : ILease
{
    private readonly TaskCompletionSource _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private LeaseEpoch? _current = new("me", 1);

    /// <summary>How often it is still said to be held.</summary>
    public int LapsesAfter { get; set; } = int.MaxValue;

    public LeaseEpoch? Current
    {
        get => LapsesAfter-- > 0 ? _current : null;
        set => _current = value;
    }

    public void Take()
    {
        _current = new LeaseEpoch("me", 2);
        _taken.TrySetResult();
    }

    public Task WaitAsync(CancellationToken ct) => Current is null ? _taken.Task.WaitAsync(ct) : Task.CompletedTask;
}
