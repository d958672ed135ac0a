using McpRuntime.Server.Settings;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace McpRuntime.Server.Telemetry;

/// <summary>Hosts the two OpenTelemetry providers by the core package's own builder. The OTLP exporter reads its OTEL_EXPORTER_* variables itself.</summary>
internal sealed class TelemetryHost(RuntimeSettings settings, PrometheusReader prometheus) : IHostedService, IDisposable
{
    /// <summary>Meters and activity sources of ours have names that begin with this.</summary>
    public const string Ours = "McpRuntime*";

    // From a lock's wait to an image's pull; the SDK's default buckets are meant for milliseconds.
    private static readonly double[] Seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];

    private MeterProvider? _meters;
    private TracerProvider? _traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var resource = ResourceBuilder.CreateDefault().AddService(settings.ServiceName, serviceVersion: typeof(TelemetryHost).Assembly.GetName().Version?.ToString(3));
        var meters = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(resource)
            .AddMeter(Ours, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime")
            .AddView(instrument => instrument.Unit == "s" ? new ExplicitBucketHistogramConfiguration { Boundaries = Seconds } : null)
            .AddReader(prometheus);
        if (settings.OtlpEndpoint is not null)
        {
            meters.AddOtlpExporter();
            _traces = Sdk.CreateTracerProviderBuilder()
                .SetResourceBuilder(resource)
                .AddSource(Ours, "Microsoft.AspNetCore")
                .AddOtlpExporter()
                .Build();
        }

        _meters = meters.Build();
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Disposing flushes what is not exported yet, after everything that measures has stopped.</summary>
    public void Dispose()
    {
        _traces?.Dispose();
        _meters?.Dispose();
    }
}
