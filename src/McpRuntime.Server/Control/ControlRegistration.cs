using McpRuntime.Backends;
using McpRuntime.Core.Records;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace McpRuntime.Server.Control;

internal static class ControlRegistration
{
    /// <summary>
    /// The reconciler. Needs: IRecordStore, ILease and KeyedHash (the records'), every enabled IBackend, IGateway and IProber.
    /// Call it after those, so that it stops before the lease is released.
    /// </summary>
    public static IServiceCollection AddControl(this IServiceCollection services, ControlOptions options)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(Random.Shared);
        services.TryAddSingleton<IReadOnlyDictionary<string, IBackend>>(with => with.GetServices<IBackend>().ToDictionary(b => b.Name, StringComparer.Ordinal));
        services.AddMetrics();
        services.AddSingleton(options);
        services.AddSingleton<ControlMetrics>();
        services.AddSingleton<WorkQueue>();
        services.AddSingleton<IWakeUp>(with => with.GetRequiredService<WorkQueue>());
        services.AddSingleton<Lanes>();
        services.AddSingleton<Calls>();
        services.AddSingleton<Providers>();
        services.AddSingleton<RevisionPlans>();
        services.AddSingleton<TurnSurroundings>();
        services.AddSingleton<Turn>();
        services.AddSingleton<OrphanWatch>();
        services.AddSingleton<Orphans>();
        services.AddSingleton<Resync>();
        services.AddSingleton<ControlSurroundings>();
        services.AddSingleton<ControlLoop>();
        services.AddHostedService(with => with.GetRequiredService<ControlLoop>());
        return services;
    }
}
