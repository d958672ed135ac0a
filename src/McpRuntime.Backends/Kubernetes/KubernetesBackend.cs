using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>One namespace of one cluster. The edge where faults become values: nothing behind it throws anything else, nothing before it throws at all.</summary>
internal sealed class KubernetesBackend(KubernetesParts parts, KubernetesInstallation installation, KubernetesOptions options, TimeProvider time) : IBackend
{
    public const string BackendName = "kubernetes";

    public string Name => BackendName;

    public BackendCapabilities Capabilities { get; } = new(
        SupportsCompose: false,
        SupportsGithubBuild: false,
        SupportsAllowedHosts: false,
        SupportsReadonlyFs: true,
        SupportsCustomCapabilities: true,
        SupportsPidsLimit: false,
        SupportsNetworkEgressToggle: options.NetworkPolicyEnforced,
        MaxCpu: null,
        MaxMemoryGb: null,
        MaxTimeoutSeconds: null,
        [
            $"Everything is in namespace {options.Namespace}; the gateway reaches Pods by their own addresses.",
            "No builds: a github source is refused, deploy a built image. No compose, no volumes, no stdio servers.",
            options.NetworkPolicyEnforced
                ? "The settings say that the cluster's network plugin enforces NetworkPolicies."
                : "Whether the cluster's network plugin enforces NetworkPolicies is not known (RUNTIME_KUBERNETES_NETWORK_POLICY): what rests on them is weakened.",
            "The number of processes is a setting of the nodes.",
        ]);

    /// <remarks>Hashed with the installation's own key whatever the input's: the live objects are read back with that one.</remarks>
    public Compiled Compile(CompileInput input) => parts.Compiler.Compile(input with { Hash = installation.Hash }, parts.Controls.Report(input.Revision.Guardrails.Config));

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig guardrails, Source? source) => parts.Controls.Report(guardrails);

    public Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct) => parts.Resolver.ResolveAsync(revision, ct);

    public async Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct)
    {
        try
        {
            return new ProviderView.Known(await parts.Observer.OneAsync(id, ct));
        }
        catch (BackendFault fault)
        {
            return new ProviderView.Unknown(fault.Fault);
        }
    }

    public async Task<OwnedView> ObserveAllAsync(CancellationToken ct)
    {
        try
        {
            return new OwnedView.Known(await parts.Observer.AllAsync(ct));
        }
        catch (BackendFault fault)
        {
            return new OwnedView.Unknown(fault.Fault);
        }
    }

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct) =>
        EffectAsync(() => resource.Body is ObjectBody body ? parts.Objects.PutAsync(id, resource, body, ct) : Foreign(resource.Id, resource.Kind), ct);

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct) =>
        EffectAsync(() => KubernetesNames.KindOf(kind) is { } api ? parts.Objects.RemoveAsync(id, resourceId, kind, api, ct) : Foreign(resourceId, kind), ct);

    public IAsyncEnumerable<LogLine> LogsAsync(RuntimeIdentity id, LogQuery query, CancellationToken ct) => parts.Logs.ReadAsync(id, query, ct);

    public IAsyncEnumerable<string> HintsAsync(CancellationToken ct) => parts.Hints.ReadAsync(ct);

    public async Task<BackendHealth> CheckAsync(CancellationToken ct)
    {
        try
        {
            var uid = await parts.Identity.VerifyAsync(ct);
            var version = await parts.Wire.VersionAsync(ct);
            var home = await parts.Wire.GetAsync(KubeKind.Namespace, space: null, options.Namespace, ct);
            return home is null
                ? new BackendHealth(Reachable: false, version, uid, $"There is no namespace {options.Namespace}: create it, or name another in RUNTIME_KUBERNETES_NAMESPACE.", time.GetUtcNow())
                : new BackendHealth(Reachable: true, version, uid, $"Kubernetes {version} at {parts.Wire.Server.Authority}, namespace {options.Namespace}", time.GetUtcNow());
        }
        catch (BackendFault fault)
        {
            return new BackendHealth(Reachable: false, null, null, fault.Fault.Message, time.GetUtcNow());
        }
    }

    /// <summary>There are none.</summary>
    public Task<IReadOnlyList<OwnedVolume>> ListVolumesAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<OwnedVolume>>([]);

    public Task<Outcome> RemoveVolumeAsync(string volumeId, CancellationToken ct) => Task.FromResult<Outcome>(new Outcome.Done());

    private async Task<Outcome> EffectAsync(Func<Task<Outcome>> effect, CancellationToken ct)
    {
        try
        {
            _ = await parts.Identity.VerifyAsync(ct);
            return await effect();
        }
        catch (BackendFault fault)
        {
            return new Outcome.Faulted(fault.Fault);
        }
    }

    private static Task<Outcome> Foreign(string id, ResourceKind kind) =>
        Task.FromResult<Outcome>(new Outcome.Faulted(new Fault(FaultKind.Refused, "NotAKubernetesResource", $"{id} ({kind}) is nothing that this backend makes in a cluster.")));
}

/// <summary>What the backend is made of, each part one noun.</summary>
internal sealed record KubernetesParts(
    KubernetesWire Wire,
    ClusterIdentity Identity,
    KubernetesCompiler Compiler,
    KubernetesControls Controls,
    KubernetesResolver Resolver,
    KubernetesObserver Observer,
    KubernetesObjects Objects,
    KubernetesLogs Logs,
    KubernetesHints Hints);
