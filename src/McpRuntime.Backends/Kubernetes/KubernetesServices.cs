using McpRuntime.Backends.Http;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Backends.Registries;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.Kubernetes;

public static class KubernetesServices
{
    /// <summary>The documented word for this backend.</summary>
    public const string Name = KubernetesBackend.BackendName;

    /// <summary>Registers an <see cref="IBackend"/>. Needs TimeProvider, Random and logging.</summary>
    /// <exception cref="FormatException">The kubeconfig can't be used; the message says why.</exception>
    public static IServiceCollection AddKubernetesBackend(this IServiceCollection services, KubernetesOptions options, Func<IServiceProvider, KubernetesInstallation> installation)
    {
        // Read here, so that a wrong setting stops the start and not the first turn.
        var access = ClusterAccess.Find(options.Kubeconfig, TimeProvider.System);
        return services.AddSingleton<IBackend>(provider =>
        {
            // Its parts are its own: nothing else resolves them, and two backends may have a part of the same name.
            var time = provider.GetRequiredService<TimeProvider>();
            var where = installation(provider);
            var wire = new KubernetesWire(access, time);
            var identity = new ClusterIdentity(wire, where, time);
            var controls = new KubernetesControls(options);
            var digests = new RegistryDigests(new PublicHttp(options.PrivateAddresses, time), new RegistryCredentials(options.RegistryCredentials));
            var parts = new KubernetesParts(
                wire,
                identity,
                new KubernetesCompiler(options),
                controls,
                new KubernetesResolver(digests, options),
                new KubernetesObserver(wire, identity, where, controls, options),
                new KubernetesObjects(wire, where, options, time),
                new KubernetesLogs(wire, identity, options, time),
                new KubernetesHints(wire, where, options, new KubernetesClock(time, provider.GetRequiredService<Random>()), provider.GetRequiredService<ILogger<KubernetesHints>>()));
            return new KubernetesBackend(parts, where, options, time);
        });
    }
}
