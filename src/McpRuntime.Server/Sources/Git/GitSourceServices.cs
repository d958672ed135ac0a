using McpRuntime.Backends.Git;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Control;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.Git;

internal static class GitSourceServices
{
    /// <summary>How often it is asked whether a repository is due, or somebody asked for it.</summary>
    private static readonly TimeSpan Often = TimeSpan.FromSeconds(1);

    /// <summary>Needs the records, the profiles and the lease; the chores run where the lease is, each in a loop of its own, so that a server that hangs holds up only its repository.</summary>
    public static IServiceCollection AddGitSources(this IServiceCollection services, RuntimeSettings settings)
    {
        services
            .AddSingleton<GitSourceStates>()
            .AddSingleton<GitApply>()
            .AddSingleton(settings.Sources.GitOpsRepos)
            .AddSingleton(with => new GitSourceParts(
                with.GetRequiredService<GitSourceStates>(), with.GetRequiredService<GitApply>(), with.GetRequiredService<ILease>(), with.GetRequiredService<TimeProvider>()));
        foreach (var repo in settings.Sources.GitOpsRepos)
        {
            services.AddSingleton(with => new Chore($"the Git source {repo.Name}", Often, SourceOf(with, settings, repo).RunAsync));
        }

        return services;
    }

    private static GitSource SourceOf(IServiceProvider with, RuntimeSettings settings, GitRepo repo) => ActivatorUtilities.CreateInstance<GitSource>(
        with,
        repo,
        settings.Sources.Policy.GetValueOrDefault(repo.Owner) ?? SourcePolicy.Default,
        GitServices.Client(PartOptions.Git(settings, repo), with.GetRequiredService<TimeProvider>()));
}
