using System.Diagnostics.Metrics;

namespace McpRuntime.Server.Approvals;

/// <summary>How long people let others wait, and whether they hear of it.</summary>
internal sealed class ApprovalMetrics : IDisposable
{
    private readonly Meter _meter;
    private double? _oldest;

    public ApprovalMetrics(IMeterFactory factory)
    {
        _meter = factory.Create("McpRuntime.Approvals");
        _meter.CreateObservableGauge("mcpruntime.approvals.pending.age", Age, "s", "How long the oldest pending approval has waited; only where the lease is.");
        Webhooks = _meter.CreateCounter<long>("mcpruntime.approvals.webhooks", "{message}", "Messages to the webhook, by outcome.");
    }

    public Counter<long> Webhooks { get; }

    /// <summary>Null where this process does not sweep.</summary>
    public void Waited(TimeSpan? oldest) => _oldest = oldest?.TotalSeconds;

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<double>> Age() => _oldest is { } seconds ? [new(seconds)] : [];
}
