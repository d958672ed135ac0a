using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Stdio;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace McpRuntime.Backends.Docker;

public static class DockerServices
{
    /// <summary>Registers an <see cref="IBackend"/>. Needs TimeProvider, Random, logging and <see cref="Git.IGit"/>; the guard replaces <c>NoGuard</c> when it was added before.</summary>
    /// <exception cref="FormatException">A setting is not what it should be; the message says which form is.</exception>
    public static IServiceCollection AddDockerBackend(this IServiceCollection services, DockerOptions options, Func<IServiceProvider, DockerInstallation> installation)
    {
        // Made here, so that a wrong setting stops the start and not the first turn.
        var endpoint = DockerEndpoint.Parse(options.Host, options.CertificateFolder);
        var pool = new SubnetPool(options.SubnetPool);
        services.TryAddSingleton<IGuard, NoGuard>();
        services.TryAddSingleton<IGuardPolicies, NoGuard>();
        return services
            .AddSingleton(options)
            .AddSingleton(installation)
            .AddSingleton(pool)
            .AddSingleton(new DockerCompiler(options))
            .AddSingleton(new DockerControls(options))
            .AddSingleton(sp => new DockerWire(endpoint, sp.GetRequiredService<TimeProvider>()))
            .AddSingleton(_ => new RegistryCredentials(options.RegistryCredentials))
            .AddSingleton(sp => new PullTracker(sp.GetRequiredService<DockerWire>(), options, sp.GetRequiredService<DockerHints>().Changed))
            .AddSingleton<EngineIdentity>()
            .AddSingleton<LongWork>()
            .AddSingleton<ImagePins>()
            .AddSingleton<BaseImages>()
            .AddSingleton<BuildSources>()
            .AddSingleton<DockerImageResolver>()
            .AddSingleton<DockerObserver>()
            .AddSingleton<DockerImages>()
            .AddSingleton<DockerNetworks>()
            .AddSingleton<DockerVolumes>()
            .AddSingleton<StdioLogs>()
            .AddSingleton<IStdioChannels, DockerStdio>()
            .AddSingleton<DockerContainers>()
            .AddSingleton<BuildLogs>()
            .AddSingleton<BuildParts>()
            .AddSingleton<BuildRunner>()
            .AddSingleton(sp => new BuildTracker(sp.GetRequiredService<BuildRunner>(), options.Builds, sp.GetRequiredService<DockerHints>().Changed))
            .AddSingleton<DockerBuilds>()
            .AddSingleton<DockerLogs>()
            .AddSingleton<DockerHints>()
            .AddSingleton<DockerParts>()
            .AddSingleton<IBackend, DockerBackend>();
    }
}
