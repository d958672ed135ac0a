using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Backends.Git;

public static class GitServices
{
    /// <summary>Registers an <see cref="IGit"/>, one for all who read repositories. Needs TimeProvider.</summary>
    public static IServiceCollection AddGit(this IServiceCollection services, GitOptions options) =>
        services.AddSingleton(options).AddSingleton<IGit, GitClient>();
}
