using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>The controller's figures; seconds are the unit of every duration.</summary>
internal sealed class ControlMetrics : IDisposable
{
    public const string MeterName = "McpRuntime.Control";

    /// <summary>One activity a turn, linked to the request that woke it.</summary>
    public static readonly ActivitySource Activities = new("McpRuntime.Control");

    private readonly Meter _meter;
    private readonly ConcurrentDictionary<string, (string Backend, Report Report)> _last = new(StringComparer.Ordinal);
    private readonly Counter<long> _turns;
    private readonly Counter<long> _errors;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _requests;

    public ControlMetrics(IMeterFactory? factory = null)
    {
        _meter = factory?.Create(MeterName) ?? new Meter(MeterName);
        _turns = _meter.CreateCounter<long>("mcpruntime.reconcile.total", "{turn}", "Turns taken, by backend and step.");
        _errors = _meter.CreateCounter<long>("mcpruntime.reconcile.errors", "{turn}", "Turns that threw, or whose effect came back as a fault.");
        _duration = _meter.CreateHistogram<double>("mcpruntime.reconcile.duration", "s", "How long a turn took.");
        _requests = _meter.CreateCounter<long>("mcpruntime.backend.requests", "{request}", "Calls to backends and gateways, by operation and outcome.");
        QueueLatency = _meter.CreateHistogram<double>("mcpruntime.workqueue.latency", "s", "From wake-up to the start of the turn.");
        Retries = _meter.CreateCounter<long>("mcpruntime.workqueue.retries", "{retry}", "Turns put back after they threw.");
        DriftRepaired = _meter.CreateCounter<long>("mcpruntime.drift.repaired", "{resource}", "Resources that differed from what was asked and were put right.");
        Orphans = _meter.CreateCounter<long>("mcpruntime.orphans", "{resource}", "Resources of ours without a record that were removed.");
        _meter.CreateObservableGauge("mcpruntime.runtimes", Runtimes, "{runtime}", "Records by status and backend.");
        _meter.CreateObservableGauge("mcpruntime.conditions", Conditions, "{runtime}", "Records by condition and its status.");
    }

    public static Activity? StartTurn(Work work) =>
        Activities.StartActivity("turn", ActivityKind.Internal, default(ActivityContext), links: work.Cause == default ? null : [new ActivityLink(work.Cause)]);

    public Histogram<double> QueueLatency { get; }

    public Counter<long> Retries { get; }

    public Counter<long> DriftRepaired { get; }

    public Counter<long> Orphans { get; }

    public void WatchDepth(Func<int> depth) => _meter.CreateObservableGauge("mcpruntime.workqueue.depth", depth, "{record}", "Records that wait for a worker.");

    public void WatchLease(Func<bool> leads) =>
        _meter.CreateObservableGauge("mcpruntime.lease.is_leader", () => leads() ? 1 : 0, description: "1 while this process may act.");

    public void Called(string provider, string operation, string outcome) =>
        _requests.Add(1, new("backend", provider), new("operation", operation), new("outcome", outcome));

    public void Took(string backend, string step, TimeSpan duration, bool faulted)
    {
        _turns.Add(1, new("backend", backend), new("step", step));
        _duration.Record(duration.TotalSeconds, new KeyValuePair<string, object?>("backend", backend));
        if (faulted)
        {
            _errors.Add(1, new KeyValuePair<string, object?>("backend", backend));
        }
    }

    public void Threw() => _errors.Add(1, new KeyValuePair<string, object?>("backend", "unknown"));

    public void Saw(string backend, Report report)
    {
        if (report.Entomb)
        {
            _last.TryRemove(report.RecordId, out _);
        }
        else
        {
            _last[report.RecordId] = (backend, report);
        }
    }

    public void Forget(string recordId) => _last.TryRemove(recordId, out _);

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<int>> Runtimes() => _last.Values
        .GroupBy(last => (last.Backend, last.Report.Status))
        .Select(group => new Measurement<int>(group.Count(), new("backend", group.Key.Backend), new("status", group.Key.Status.ToString())));

    private IEnumerable<Measurement<int>> Conditions() => _last.Values
        .SelectMany(last => last.Report.Conditions)
        .GroupBy(condition => (condition.Type, condition.Status))
        .Select(group => new Measurement<int>(group.Count(), new("type", group.Key.Type.ToString()), new("status", group.Key.Status.ToString())));
}
