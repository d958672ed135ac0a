using McpRuntime.Gateways;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Records;

internal static class ToolCallRetention
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    /// <summary>The audit of tool calls. After the records, so that it stops before they do.</summary>
    public static IServiceCollection AddToolCallAudit(this IServiceCollection services, RuntimeSettings settings) => services
        .AddMetrics()
        .AddSingleton<ToolCallLog>()
        .AddSingleton<IToolCallAudit>(with => with.GetRequiredService<ToolCallLog>())
        .AddHostedService(with => with.GetRequiredService<ToolCallLog>())
        .AddSingleton(with =>
        {
            var (log, time) = (with.GetRequiredService<ToolCallLog>(), with.GetRequiredService<TimeProvider>());
            return new Chore("the retention of tool calls", SweepEvery, ct => log.PurgeAsync(time.GetUtcNow() - settings.Gateway.CallRetention, ct));
        });
}
