using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Records;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Control;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.CustomResources;

internal static class CustomResourceServices
{
    /// <summary>A look where nothing changed is one small query, so that it may be often: it is how late a status may be.</summary>
    private static readonly TimeSpan Often = TimeSpan.FromMilliseconds(500);

    /// <summary>Needs the records, the profiles and the lease; nothing where custom resources are off.</summary>
    public static IServiceCollection AddCustomResources(this IServiceCollection services, RuntimeSettings settings)
    {
        if (settings.Kubernetes.CustomResources is not { } wanted)
        {
            return services;
        }

        var access = AccessOf(settings);
        return services
            .AddKeyedSingleton(typeof(CustomResourceSource), (with, _) => new KubernetesWire(access, with.GetRequiredService<TimeProvider>()))
            .AddSingleton(with => new ClusterSecrets(Wire(with), with.GetRequiredService<TimeProvider>()))
            .AddSingleton<IClusterSecrets>(with => with.GetRequiredService<ClusterSecrets>())
            .AddSingleton<OwnedRecords>()
            .AddSingleton(with => new Chore("the custom resources", Often, SourceOf(with, wanted, settings.Sources.Policy.GetValueOrDefault(wanted.Owner) ?? SourcePolicy.Default).RunAsync));
    }

    private static KubernetesWire Wire(IServiceProvider with) => with.GetRequiredKeyedService<KubernetesWire>(typeof(CustomResourceSource));

    private static CustomResourceSource SourceOf(IServiceProvider with, CustomResourceSettings settings, SourcePolicy policy)
    {
        var time = with.GetRequiredService<TimeProvider>();
        var mirror = ActivatorUtilities.CreateInstance<ClusterMirror>(with, Wire(with));
        var writer = ActivatorUtilities.CreateInstance<ObjectWriter>(with, Wire(with), mirror);
        var records = with.GetRequiredService<OwnedRecords>();
        var parts = new ObjectParts(with.GetRequiredService<IDesiredState>(), records, with.GetRequiredService<ClusterSecrets>(), writer, time);
        return ActivatorUtilities.CreateInstance<CustomResourceSource>(
            with,
            new RuntimeObjects(parts, settings, policy),
            new ProfileObjects(with.GetRequiredService<ProfileStore>(), writer, settings, policy, time),
            new ObjectSurroundings(mirror, records, with.GetRequiredService<ILease>()),
            settings);
    }

    /// <summary>A kubeconfig that can't be used is told as what it is: a wrong setting.</summary>
    private static ClusterAccess AccessOf(RuntimeSettings settings)
    {
        try
        {
            return ClusterAccess.Find(settings.Kubernetes.Kubeconfig, TimeProvider.System);
        }
        catch (FormatException fault)
        {
            throw new InvalidSettings([$"RUNTIME_KUBERNETES_KUBECONFIG: {fault.Message}"]);
        }
    }
}
