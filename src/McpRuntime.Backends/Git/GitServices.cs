using Microsoft.Extensions.DependencyInjection;

namespace McpRuntime.Backends.Git;

public static class GitServices
{
    /// <summary>Registers an <see cref="IGit"/>, one for all who read repositories. Needs TimeProvider.</summary>
    public static IServiceCollection AddGit(this IServiceCollection services, GitOptions options) =>
        services.AddSingleton(options).AddSingleton<IGit, GitClient>();

    /// <summary>One with options of its own. What it leaves in its folder goes with the process.</summary>
    public static IGit Client(GitOptions options, TimeProvider time) => new GitClient(options, time);
}
