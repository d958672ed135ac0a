using McpRuntime.Gateways;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Access;

internal static class AccessServices
{
    public static IServiceCollection AddAccess(this IServiceCollection services, RuntimeSettings settings) => services
        .AddSingleton(settings.Access)
        .AddSingleton(settings.Storage)
        .AddSingleton<ApiTokens>()
        .AddSingleton<Jwts>()
        .AddSingleton<Authenticator>()
        .AddSingleton<OpenCalls>()
        .AddSingleton<RefusedAccess>()
        .AddSingleton(settings.Gateway)
        .AddSingleton<ProtectedResource>()
        .AddSingleton<RuntimeTokens>()
        .AddSingleton<FirstToken>()
        .AddSingleton<ICallerAccessor, CallerAccessor>();
}
