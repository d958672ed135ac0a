using McpRuntime.Gateways.Embedded;
using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Gateways.ContextForge;

public static class ContextForgeRegistration
{
    /// <summary>Call it after <see cref="GatewayEndpoints.AddEmbeddedGateway(IServiceCollection, GatewayOptions)"/>, whose place it takes. Needs <see cref="IRegistrationTokens"/>.</summary>
    public static IServiceCollection AddContextForge(this IServiceCollection services, Func<IServiceProvider, ContextForgeOptions> options) => services
        .AddSingleton(options)
        .AddSingleton<EmbeddedGateway>()
        .AddSingleton<ContextForgeWire>()
        .AddSingleton<RegistrySnapshot>()
        .AddSingleton<Registrations>()
        .AddSingleton<IGateway, ContextForgeGateway>();
}
