using System.Net;
using McpRuntime.Backends.CodeEngine;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Settings;

/// <summary>Everything that can be set, read once at start and validated whole. See <see cref="SettingsParser"/> for names and defaults.</summary>
internal sealed record RuntimeSettings
{
    /// <summary>MCPGATEWAY_RUNTIME_ENABLED. False: no /runtimes, no loop, nothing touched.</summary>
    public required bool Enabled { get; init; }

    public required string DefaultBackend { get; init; }

    public required GuardrailsMode GuardrailsMode { get; init; }

    /// <summary>Prefixes on a path boundary, every backend and source; empty allows none, <c>*</c> all.</summary>
    public required IReadOnlyList<string> AllowedRegistries { get; init; }

    public required DockerSettings Docker { get; init; }

    public required CodeEngineSettings CodeEngine { get; init; }

    public required KubernetesSettings Kubernetes { get; init; }

    public required CatalogSettings Catalog { get; init; }

    /// <summary>Null when RUNTIME_APPROVAL_ENABLED is false.</summary>
    public required ApprovalPolicy? Approvals { get; init; }

    /// <summary>Null: nobody is told of approvals.</summary>
    public required WebhookSettings? ApprovalWebhook { get; init; }

    public required StorageSettings Storage { get; init; }

    /// <summary>RUNTIME_RESYNC_SECONDS: between two looks at everything, whatever the backends tell of themselves.</summary>
    public required TimeSpan ResyncEvery { get; init; }

    public required AccessSettings Access { get; init; }

    public required GatewaySettings Gateway { get; init; }

    public required SourcesSettings Sources { get; init; }

    /// <summary>Where the OpenTelemetry collector is; null exports nothing. The exporter reads the other OTEL_* names itself.</summary>
    public required Uri? OtlpEndpoint { get; init; }

    public required string ServiceName { get; init; }

    public required string Urls { get; init; }

    /// <summary>Things worth saying at start that do not stop it.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }
}

/// <param name="Host"><c>unix:///var/run/docker.sock</c> or <c>tcp://host:port</c>.</param>
/// <param name="CertificatePath">Folder of ca.pem, cert.pem, key.pem; null without TLS.</param>
/// <param name="SubnetPool">Cut into one /28 a runtime.</param>
internal sealed record DockerSettings(bool Enabled, Uri Host, bool Tls, string? CertificatePath, IPNetwork SubnetPool, GuardSettings Guard, string? RegistryCredentials, IReadOnlyList<RegistryMirror> Mirrors, BuildLimits Builds, SecurityProfiles Profiles);

/// <param name="Dns">Name servers of the guard; empty: those of the engine's host.</param>
/// <param name="AllowPrivate">Private networks that allowed names may lead into.</param>
/// <param name="PublishOn">Where the guard's ports are reached when its own address is not (a remote engine); null: at its own address.</param>
internal sealed record GuardSettings(string Image, IReadOnlyList<string> Dns, IReadOnlyList<IPNetwork> AllowPrivate, string? PublishOn);

/// <param name="RegistrySecret">Of the project; pulls and pushes with it.</param>
/// <param name="BuildRegistry">Null: no builds.</param>
internal sealed record CodeEngineSettings(
    bool Enabled,
    SecretText? ApiKey,
    string? Region,
    string? ProjectId,
    string? RegistrySecret,
    string? BuildRegistry,
    AppVisibility Visibility,
    StopMode Stop,
    Uri? Url,
    Uri? IamUrl,
    Uri? KubeConfigUrl,
    Uri? CloudLogsUrl);

/// <param name="NetworkPolicyEnforced">The cluster's network plugin is known to enforce NetworkPolicies.</param>
/// <param name="GatewayPeers">Address ranges that the gateway calls Pods from.</param>
/// <param name="LocalImages">Prefixes of images that are on every node, run by name.</param>
internal sealed record KubernetesSettings(
    bool Enabled,
    string? Kubeconfig,
    string Namespace,
    CustomResourceSettings? CustomResources,
    bool NetworkPolicyEnforced,
    IReadOnlyList<string> GatewayPeers,
    IReadOnlyList<string> LocalImages,
    IReadOnlyList<string> PullSecrets,
    string? GatewayNamespace);

/// <param name="Cluster">Its name in owners: <c>crd:&lt;cluster&gt;</c>.</param>
/// <param name="Namespaces">The only ones looked at, which needs no right over the whole cluster; empty: all, and the profiles.</param>
internal sealed record CustomResourceSettings(string Cluster, IReadOnlyList<string> Namespaces)
{
    public string Owner => $"crd:{Cluster}";
}

/// <param name="RemoteTimeout">Of one answer; the pages of a registry are answers of their own.</param>
/// <param name="RemoteInterval">Between looks at one URL.</param>
/// <param name="TrustedUrls">Remote catalogs whose entries may choose any profile, custom and unrestricted ones too.</param>
internal sealed record CatalogSettings(string? File, IReadOnlyList<Uri> RemoteUrls, TimeSpan RemoteTimeout, TimeSpan RemoteInterval, IReadOnlyList<string> TrustedUrls);

/// <param name="EventRetention">Null: for good; so is <paramref name="AuditRetention"/>.</param>
/// <param name="DatabaseUrl">Null: a SQLite file in <paramref name="DataDirectory"/>.</param>
internal sealed record StorageSettings(
    string DataDirectory,
    SecretText? DatabaseUrl,
    SecretText? MasterKey,
    string? MasterKeyFile,
    string? SecretsDirectory,
    TimeSpan DeletedRetention,
    TimeSpan? EventRetention,
    TimeSpan? AuditRetention);

/// <param name="Url">Where approvals are told; private addresses only where RUNTIME_ALLOW_PRIVATE_ADDRESSES opens them.</param>
/// <param name="Secret">The key of the HMAC-SHA256 over each message.</param>
internal sealed record WebhookSettings(Uri Url, SecretText Secret);

/// <param name="RequestsPerMinute">Per token; 0 = no limit.</param>
/// <param name="OpenCallsPerCaller">Streams, gateway calls and waits at a time, per token; 0 = no limit.</param>
internal sealed record AccessSettings(
    bool PlatformAdminOnly,
    SecretText? JwtSecret,
    Uri? OidcAuthority,
    string? OidcAudience,
    string RolesClaim,
    string TeamsClaim,
    string GroupsClaim,
    int RequestsPerMinute,
    int OpenCallsPerCaller);

internal sealed record GatewaySettings(
    bool Embedded,
    Uri? PublicUrl,
    Uri? ContextForgeUrl,
    SecretText? ContextForgeToken,
    TimeSpan IdleTimeout,
    TimeSpan TotalTimeout,
    IReadOnlyList<string> AllowedOrigins,
    Uri? ReplicaUrl)
{
    public required TimeSpan SessionIdle { get; init; }

    public required int MaxSessionsPerRuntime { get; init; }

    public required int MaxSessionsPerCaller { get; init; }

    public required ToolsPin ToolsPin { get; init; }

    public required bool AuditArguments { get; init; }

    /// <summary>How long the audit of tool calls is kept.</summary>
    public required TimeSpan CallRetention { get; init; }

    public required TimeSpan ProbeInterval { get; init; }
}

/// <param name="GitProtocols">Of RUNTIME_GITOPS_REPOS; what is deployed by others comes by https alone.</param>
/// <param name="GitAuthorities">A PEM file of the authorities that git servers are signed by; null = the machine's own.</param>
/// <param name="HostPaths">The only host folders that may be mounted, and only by admins.</param>
/// <param name="AllowPrivateAddresses">Networks that catalogs and git may be fetched from although private.</param>
/// <param name="Policy">What each source may do, by <c>crd:…</c> or <c>git:…</c>.</param>
internal sealed record SourcesSettings(
    IReadOnlyList<GitRepo> GitOpsRepos,
    IReadOnlyList<string> GitProtocols,
    string? GitCredentials,
    IReadOnlyList<string> GitAllowedHosts,
    string? GitAuthorities,
    int GitMostMegabytes,
    IReadOnlyList<string> HostPaths,
    IReadOnlyList<IPNetwork> AllowPrivateAddresses,
    IReadOnlyDictionary<string, SourcePolicy> Policy);

internal sealed record SourcePolicy(Roles Role, IReadOnlyList<string> Teams, bool Profiles)
{
    /// <summary>The least: it may deploy, for no team, and defines no profiles.</summary>
    public static readonly SourcePolicy Default = new(Roles.Operator, [], Profiles: false);

    /// <summary>Of a cluster: namespace → the one team that its objects belong to, instead of <see cref="Teams"/>.</summary>
    public IReadOnlyDictionary<string, string> Namespaces { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    public Caller CallerOf(string source) => new(source, Role, Teams, source) { DefinesProfiles = Profiles };
}
