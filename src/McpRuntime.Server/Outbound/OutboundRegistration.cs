using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Server.Approvals;

namespace McpRuntime.Server.Outbound;

internal static class OutboundRegistration
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(2);

    /// <summary>What the guards tell, told on. Without a guard there is nothing to ask.</summary>
    public static IServiceCollection AddOutbound(this IServiceCollection services) => !services.Any(s => s.ServiceType == typeof(IEgressLedger))
        ? services
        : services
            .AddMetrics()
            .AddSingleton<OutboundMetrics>()
            .AddSingleton<RefusalWatch>()
            .AddSingleton(with => new Chore("the reading of refusals", Every, with.GetRequiredService<RefusalWatch>().RunAsync));
}
