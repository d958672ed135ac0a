using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Docker;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Git;
using McpRuntime.Backends.Kubernetes;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways;
using McpRuntime.Gateways.ContextForge;
using McpRuntime.Server.Control;
using McpRuntime.Server.Records;
using McpRuntime.Server.Records.Secrets;

namespace McpRuntime.Server.Settings;

/// <summary>The settings, told to each part in its own terms.</summary>
internal static class PartOptions
{
    public static RecordsOptions Records(RuntimeSettings settings) => new()
    {
        DatabaseUrl = settings.Storage.DatabaseUrl?.Reveal(),
        DataDirectory = settings.Storage.DataDirectory,
        MasterKey = settings.Storage.MasterKey?.Reveal(),
        MasterKeyFile = settings.Storage.MasterKeyFile,
        SecretsDirectory = settings.Storage.SecretsDirectory,
        DeletedRetention = settings.Storage.DeletedRetention,
        EventRetention = settings.Storage.EventRetention,
        AuditRetention = settings.Storage.AuditRetention,
    };

    public static ControlOptions Control(RuntimeSettings settings) => new()
    {
        DeletedRetention = settings.Storage.DeletedRetention,
        ResyncEvery = settings.ResyncEvery,
        Planner = PlannerOptions.Default with { ToolsPin = settings.Gateway.ToolsPin, PublicUrl = settings.Gateway.PublicUrl ?? new Uri(settings.Urls.Split(';')[0].Replace("//*", "//localhost", StringComparison.Ordinal).Replace("//+", "//localhost", StringComparison.Ordinal)) },
    };

    public static DockerOptions Docker(RuntimeSettings settings) => new()
    {
        Host = settings.Docker.Host.OriginalString,
        CertificateFolder = settings.Docker.Tls ? settings.Docker.CertificatePath : null,
        SubnetPool = settings.Docker.SubnetPool.ToString(),
        RegistryCredentials = settings.Docker.RegistryCredentials,
        Mode = settings.GuardrailsMode,
        AllowedRegistries = settings.AllowedRegistries,
        Mirrors = settings.Docker.Mirrors,
        Builds = settings.Docker.Builds,
        BuildLogFolder = Path.Combine(settings.Storage.DataDirectory, "builds"),
        SeccompProfiles = settings.Docker.Profiles.Seccomp,
        ApparmorProfiles = settings.Docker.Profiles.Apparmor,
    };

    public static GitOptions Git(RuntimeSettings settings) => new()
    {
        DataFolder = Path.Combine(settings.Storage.DataDirectory, "git"),
        AllowedHosts = settings.Sources.GitAllowedHosts,
        AllowedAddresses = settings.Sources.AllowPrivateAddresses,
        CredentialsFile = settings.Sources.GitCredentials,
        AuthoritiesFile = settings.Sources.GitAuthorities,
        MostBytes = (long)settings.Sources.GitMostMegabytes << 20,
    };

    /// <summary>Of one repository that an admin named: its host needs no list to be allowed.</summary>
    public static GitOptions Git(RuntimeSettings settings, GitRepo repo) => Git(settings) with
    {
        AllowedHosts = [GitAddress.HostOf(repo.Url, settings.Sources.GitProtocols)],
        Schemes = settings.Sources.GitProtocols,
        CredentialsFile = repo.Credentials ?? settings.Sources.GitCredentials,
        Signers = repo.Signers,
        RefTimeout = TimeSpan.FromSeconds(30),
    };

    public static DockerInstallation DockerInstallation(IServiceProvider services)
    {
        var records = services.GetRequiredService<IRecordStore>();
        return new DockerInstallation(
            records.InstanceIdAsync,
            (identity, ct) => records.PinIdentityAsync("docker", identity, ct),
            services.GetRequiredService<KeyedHash>());
    }

    /// <summary>The settings are there when it is enabled: the parser refuses otherwise.</summary>
    public static CodeEngineOptions CodeEngine(RuntimeSettings settings) => new()
    {
        ApiKey = settings.CodeEngine.ApiKey!,
        ProjectId = settings.CodeEngine.ProjectId!,
        Region = settings.CodeEngine.Region!,
        Url = settings.CodeEngine.Url,
        IamUrl = settings.CodeEngine.IamUrl,
        RegistrySecret = settings.CodeEngine.RegistrySecret,
        BuildRegistry = settings.CodeEngine.BuildRegistry,
        Visibility = settings.CodeEngine.Visibility,
        Stop = settings.CodeEngine.Stop,

        // One setting for every backend that builds; this platform ends a build after an hour.
        BuildTimeout = settings.Docker.Builds.Timeout < CodeEngineOptions.LongestBuild ? settings.Docker.Builds.Timeout : CodeEngineOptions.LongestBuild,
        KubeConfigUrl = settings.CodeEngine.KubeConfigUrl,
        CloudLogsUrl = settings.CodeEngine.CloudLogsUrl,
        RegistryCredentials = settings.Docker.RegistryCredentials,
        PrivateAddresses = settings.Sources.AllowPrivateAddresses,
        AllowedRegistries = settings.AllowedRegistries,
        Mode = settings.GuardrailsMode,
    };

    public static CodeEngineInstallation CodeEngineInstallation(IServiceProvider services)
    {
        var records = services.GetRequiredService<IRecordStore>();
        return new CodeEngineInstallation(
            records.InstanceIdAsync,
            (identity, ct) => records.PinIdentityAsync(CodeEngineServices.Name, identity, ct),
            services.GetRequiredService<KeyedHash>());
    }

    public static KubernetesOptions Kubernetes(RuntimeSettings settings) => new()
    {
        Kubeconfig = settings.Kubernetes.Kubeconfig,
        Namespace = settings.Kubernetes.Namespace,
        NetworkPolicyEnforced = settings.Kubernetes.NetworkPolicyEnforced,
        GatewayPeers = settings.Kubernetes.GatewayPeers,
        LocalImages = settings.Kubernetes.LocalImages,
        PullSecrets = settings.Kubernetes.PullSecrets,
        GatewayNamespace = settings.Kubernetes.GatewayNamespace,
        RegistryCredentials = settings.Docker.RegistryCredentials,
        PrivateAddresses = settings.Sources.AllowPrivateAddresses,
        Mode = settings.GuardrailsMode,
    };

    public static KubernetesInstallation KubernetesInstallation(IServiceProvider services)
    {
        var records = services.GetRequiredService<IRecordStore>();
        return new KubernetesInstallation(
            records.InstanceIdAsync,
            (identity, ct) => records.PinIdentityAsync(KubernetesServices.Name, identity, ct),
            services.GetRequiredService<KeyedHash>());
    }

    public static GatewayOptions Gateway(RuntimeSettings settings, IServiceProvider services)
    {
        var master = services.GetRequiredService<MasterKey>();
        return new GatewayOptions
        {
            SessionKey = master.Derive("gateway-session"),
            RelayToken = GuardToken(master),
            PublicUrl = settings.Gateway.PublicUrl,
            AllowedOrigins = settings.Gateway.AllowedOrigins,
            IdleTimeout = settings.Gateway.IdleTimeout,
            TotalTimeout = settings.Gateway.TotalTimeout,
            ReplicaUrl = settings.Gateway.ReplicaUrl,
            ReplicaKey = master.Derive("replica"),
            SessionIdle = settings.Gateway.SessionIdle,
            MaxSessionsPerRuntime = settings.Gateway.MaxSessionsPerRuntime,
            MaxSessionsPerCaller = settings.Gateway.MaxSessionsPerCaller,
            ToolsPin = settings.Gateway.ToolsPin,
            AuditArguments = settings.Gateway.AuditArguments,
            ProbeInterval = settings.Gateway.ProbeInterval,
        };
    }

    /// <summary>The settings are there when it is asked for: the parser refuses otherwise.</summary>
    public static ContextForgeOptions ContextForge(RuntimeSettings settings, IServiceProvider services) => new()
    {
        Url = settings.Gateway.ContextForgeUrl!,
        Token = settings.Gateway.ContextForgeToken!,
        PublicUrl = settings.Gateway.PublicUrl!,
        InstanceId = services.GetRequiredService<IRecordStore>().InstanceIdAsync,
    };

    public static GuardOptions Guard(RuntimeSettings settings, IServiceProvider services) => new()
    {
        Token = GuardToken(services.GetRequiredService<MasterKey>()),
        Image = settings.Docker.Guard.Image,
        Dns = settings.Docker.Guard.Dns,
        AllowPrivate = [.. settings.Docker.Guard.AllowPrivate.Select(n => n.ToString())],
        PublishOn = settings.Docker.Guard.PublishOn,
        Deny = [settings.Docker.SubnetPool.ToString(), .. OwnAddresses.Networks()],
    };

    /// <summary>What the guard asks of us: the same for its relay and its control port, and for every replica.</summary>
    public static SecretText GuardToken(MasterKey master) => new(master.Hash("guard-token").Of("v1"));
}
