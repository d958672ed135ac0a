using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Http;
using McpRuntime.Backends.Registries;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.CodeEngine;

public static class CodeEngineServices
{
    /// <summary>The documented word for this backend.</summary>
    public const string Name = "ibm_code_engine";

    /// <summary>Registers an <see cref="IBackend"/>. Needs TimeProvider, logging and git.</summary>
    public static IServiceCollection AddCodeEngineBackend(this IServiceCollection services, CodeEngineOptions options, Func<IServiceProvider, CodeEngineInstallation> installation) => services
        .AddSingleton<IBackend>(provider =>
        {
            // Its parts are its own: nothing else resolves them, and two backends may have a part of the same name.
            var time = provider.GetRequiredService<TimeProvider>();
            var where = installation(provider);
            var wire = new CodeEngineWire(options, time);
            var identity = new ProjectIdentity(wire, where, time);
            var builds = new CodeEngineBuilds(wire);
            var http = new PublicHttp(options.PrivateAddresses, time);
            var git = provider.GetRequiredService<IGit>();
            var digests = new RegistryDigests(http, new RegistryCredentials(options.RegistryCredentials));
            var resolver = new CodeEngineResolver(git, digests, builds, new BuildAdmission(git, options, time));
            var logs = new CodeEngineLogs(wire, identity, new ProjectPods(wire, options, time), new CloudLogs(wire, options, time), options, time);
            var parts = new CodeEngineParts(
                wire,
                identity,
                new CodeEngineCompiler(options),
                new CodeEngineControls(options),
                resolver,
                new CodeEngineObserver(new Diagnoses(wire, time), identity, new ProjectSnapshots(wire), where, options),
                new CodeEngineApps(wire, new AppRevisions(wire)),
                new CodeEngineSecrets(wire, where),
                builds,
                logs,
                new CodeEngineHints(wire, where, options, time, provider.GetRequiredService<ILogger<CodeEngineHints>>()));
            return new CodeEngineBackend(parts, where, options, time);
        });
}
