using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using McpRuntime.Backends.Docker.Guard;

namespace McpRuntime.Server.Outbound;

/// <summary>What servers with a host list tried and were let do. The hosts are the servers' own words: only so many become a label.</summary>
internal sealed class OutboundMetrics : IDisposable
{
    /// <summary>Different hosts a process labels; a server that asks for random names must not fill the metrics' store.</summary>
    public const int MostHosts = 200;

    public const string OtherHosts = "(other)";

    private readonly Meter _meter;
    private readonly Counter<long> _refused;
    private readonly ConcurrentDictionary<string, byte> _hosts = new(StringComparer.Ordinal);
    private volatile IReadOnlyList<GuardTraffic> _traffic = [];

    public OutboundMetrics(IMeterFactory factory)
    {
        _meter = factory.Create("McpRuntime.Outbound");
        _refused = _meter.CreateCounter<long>("mcpruntime.egress.refused", "{connection}", "Connections out that the guard refused, by runtime, host and reason.");
        _meter.CreateObservableCounter("mcpruntime.egress.connections", Connections, "{connection}", "Connections out since the guard's start, by runtime and whether they were let through.");
        _meter.CreateObservableGauge("mcpruntime.egress.open", Open, "{connection}", "Connections out that are open now, by runtime.");
    }

    public void Refused(string runtime, string host, string reason, long times) =>
        _refused.Add(times, new("runtime", runtime), new("host", Label(host)), new("reason", reason));

    /// <param name="traffic">Empty where this process does not lead.</param>
    public void Passed(IReadOnlyList<GuardTraffic> traffic) => _traffic = traffic;

    public void Dispose() => _meter.Dispose();

    private string Label(string host) => _hosts.ContainsKey(host) || (_hosts.Count < MostHosts && _hosts.TryAdd(host, 0)) ? host : OtherHosts;

    private IEnumerable<Measurement<long>> Connections() => ByRecord().SelectMany(r => new[]
    {
        new Measurement<long>(r.Sum(t => t.Allowed), new("runtime", r.Key), new("outcome", "allowed")),
        new Measurement<long>(r.Sum(t => t.Denied), new("runtime", r.Key), new("outcome", "refused")),
    });

    private IEnumerable<Measurement<long>> Open() => ByRecord().Select(r => new Measurement<long>(r.Sum(t => t.Open), new KeyValuePair<string, object?>("runtime", r.Key)));

    private IEnumerable<IGrouping<string, GuardTraffic>> ByRecord() => _traffic.Where(t => t.Record is not null).GroupBy(t => t.Record!, StringComparer.Ordinal);
}
