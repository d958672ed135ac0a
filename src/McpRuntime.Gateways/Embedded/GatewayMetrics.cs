using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace McpRuntime.Gateways.Embedded;

/// <summary>Meter and activity source <c>McpRuntime.Gateway</c>. Tags are closed sets: names of runtimes and tools are in traces, not in metrics.</summary>
internal sealed class GatewayMetrics : IDisposable
{
    public const string Name = "McpRuntime.Gateway";

    public static readonly ActivitySource Source = new(Name);

    private readonly Meter _meter;
    private readonly Counter<long> _requests;
    private readonly Histogram<double> _duration;
    private readonly Counter<long> _sessions;
    private readonly UpDownCounter<long> _open;
    private readonly Counter<long> _probes;
    private readonly Counter<long> _withheld;

    public GatewayMetrics(IMeterFactory meters)
    {
        _meter = meters.Create(Name);
        _requests = _meter.CreateCounter<long>("mcpruntime.gateway.requests", "{request}", "Requests to /mcp/{name}, by method and outcome.");
        _duration = _meter.CreateHistogram(
            "mcpruntime.gateway.duration",
            "s",
            "From the request to the end of the answer; streams that only listen are not counted.",
            advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600] });
        _sessions = _meter.CreateCounter<long>("mcpruntime.gateway.sessions", "{session}", "Sessions opened.");
        _open = _meter.CreateUpDownCounter<long>("mcpruntime.gateway.open", "{request}", "Requests and streams open now.");
        _withheld = _meter.CreateCounter<long>("mcpruntime.gateway.tools.withheld", "{tool}", "Tool definitions kept from clients because they were not accepted.");
        _probes = _meter.CreateCounter<long>("mcpruntime.gateway.probes", "{probe}", "Handshakes tried, by verdict.");
    }

    public void Opened() => _open.Add(1);

    public void SessionOpened() => _sessions.Add(1);

    public void ToolsWithheld(int count) => _withheld.Add(count);

    public void Probed(string verdict) => _probes.Add(1, new KeyValuePair<string, object?>("verdict", verdict));

    public void Closed(string method, string outcome, TimeSpan? took)
    {
        _open.Add(-1);
        _requests.Add(1, new("method", method), new("outcome", outcome));
        if (took is { } time)
        {
            _duration.Record(time.TotalSeconds, new("method", method), new("outcome", outcome));
        }
    }

    public void Dispose() => _meter.Dispose();
}
