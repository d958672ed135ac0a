using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Backends.Docker.Guard;

public static class GuardServices
{
    /// <summary>Registers the keeper. Before <c>AddDockerBackend</c>, which brings a stand-in for an installation without a guard.</summary>
    public static IServiceCollection AddDockerGuard(this IServiceCollection services, Func<IServiceProvider, GuardOptions> options) => services
        .AddSingleton(options)
        .AddSingleton<GuardKeeper>()
        .AddSingleton<IGuard>(sp => sp.GetRequiredService<GuardKeeper>())
        .AddSingleton<IGuardPolicies>(sp => sp.GetRequiredService<GuardKeeper>())
        .AddSingleton<IEgressLedger>(sp => sp.GetRequiredService<GuardKeeper>());
}
