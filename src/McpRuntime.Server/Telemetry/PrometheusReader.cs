using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace McpRuntime.Server.Telemetry;

/// <summary>Collects when it is scraped, never on a timer.</summary>
internal sealed class PrometheusReader : BaseExportingMetricReader
{
    private const int CollectWithinMilliseconds = 5000;

    private readonly TextExporter _exporter;
    private readonly Lock _gate = new();

    public PrometheusReader()
        : this(new TextExporter())
    {
    }

    private PrometheusReader(TextExporter exporter)
        : base(exporter)
    {
        _exporter = exporter;
        TemporalityPreference = MetricReaderTemporalityPreference.Cumulative;
    }

    public string Scrape()
    {
        // One at a time: the exporter fills one buffer.
        lock (_gate)
        {
            _exporter.Text.Clear();
            // Through the exporter: the reader itself gives nothing to a pull that it did not arrange.
            _exporter.Collect?.Invoke(CollectWithinMilliseconds);
            return _exporter.Text.ToString();
        }
    }

    [ExportModes(ExportModes.Pull)]
    private sealed class TextExporter : BaseExporter<Metric>, IPullMetricExporter
    {
        public StringBuilder Text { get; } = new();

        public Func<int, bool>? Collect { get; set; }

        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (var metric in batch)
            {
                PrometheusText.Append(Text, metric);
            }

            return ExportResult.Success;
        }
    }
}
