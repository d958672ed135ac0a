using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>One Docker Engine. The edge where faults become values: nothing behind it throws anything else, nothing before it throws at all.</summary>
internal sealed class DockerBackend(DockerParts parts, DockerInstallation installation, TimeProvider time) : IBackend
{
    public const string BackendName = "docker";

    public string Name => BackendName;

    public BackendCapabilities Capabilities { get; } = new(
        SupportsCompose: true,
        SupportsGithubBuild: true,
        SupportsAllowedHosts: true,
        SupportsReadonlyFs: true,
        SupportsCustomCapabilities: true,
        SupportsPidsLimit: true,
        SupportsNetworkEgressToggle: true,
        MaxCpu: null,
        MaxMemoryGb: null,
        MaxTimeoutSeconds: null,
        [
            "One instance a runtime; no request timeout of its own.",
            "Host lists hold for everything; what gets out speaks HTTP or TLS through the proxy that HTTP_PROXY and HTTPS_PROXY name.",
            "With open egress the host's ports and a cloud's metadata address stay reachable: see guardrails_report.",
        ]);

    /// <remarks>Hashed with the installation's own key whatever the input's: the live objects are read back with that one.</remarks>
    public Compiled Compile(CompileInput input) =>
        parts.Compiler.Compile(input with { Hash = installation.Hash }, parts.Controls.Report(input.Revision.Guardrails.Config, parts.Identity.Info));

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig guardrails, Source? source) => parts.Controls.Report(guardrails, parts.Identity.Info);

    public Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct) => parts.Resolver.ResolveAsync(revision, ct);

    public Task<Resolution> ResolveAsync(RuntimeIdentity id, Revision revision, CancellationToken ct) =>
        BuildCompiler.Of(id, revision, installation.Hash) is { } build
            ? parts.Resolver.ResolveBuildAsync(id, build.Id, (BuildBody)build.Body, ct)
            : parts.Resolver.ResolveAsync(revision, ct);

    public async Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct)
    {
        parts.Hints.Know(id);
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

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct) => EffectAsync(
        () => resource.Body switch
        {
            ImageBody body => parts.Images.PutAsync(id, body, ct),
            BuildBody body => parts.Builds.PutAsync(id, resource, body, ct),
            NetworkBody body => parts.Networks.PutAsync(id, resource, body, ct),
            VolumeBody body => parts.Volumes.PutAsync(id, resource, body, ct),
            GuardLinkBody body => parts.Guard.LinkAsync(body.Network, ct),
            GuardPolicyBody body => parts.Policies.PutPolicyAsync(body.Network, body.Way.Hosts, body.Way.Strict, body.Record, ct),
            ContainerBody body => parts.Containers.PutAsync(id, resource, body, ct),
            _ => Task.FromResult<Outcome>(Faults.Of(FaultKind.Refused, "NotADockerResource", $"{resource.Id} ({resource.Kind}) is nothing that Docker has.")),
        },
        ct);

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct) => EffectAsync(
        () => kind switch
        {
            ResourceKind.Image => parts.Images.RemoveAsync(id, resourceId, ct),
            ResourceKind.Build => parts.Builds.RemoveAsync(id, resourceId, ct),
            ResourceKind.Network => parts.Networks.RemoveAsync(id, resourceId, ct),
            ResourceKind.Volume => parts.Volumes.RemoveAsync(id, resourceId, ct),
            ResourceKind.GuardLink => parts.Guard.UnlinkAsync(DockerNames.NetworkOfLink(resourceId), ct),
            ResourceKind.GuardPolicy => parts.Policies.RemovePolicyAsync(DockerNames.NetworkOfPolicy(resourceId), ct),
            ResourceKind.Container => parts.Containers.RemoveAsync(id, resourceId, ct),
            ResourceKind.Secret or ResourceKind.Service or ResourceKind.NetworkPolicy or ResourceKind.Route
                or ResourceKind.Registration or ResourceKind.Account => Task.FromResult<Outcome>(Faults.Of(FaultKind.Refused, "NotADockerResource", $"{resourceId} ({kind}) is nothing that Docker has.")),
        },
        ct);

    public IAsyncEnumerable<LogLine> LogsAsync(RuntimeIdentity id, LogQuery query, CancellationToken ct) => parts.Logs.ReadAsync(id, query, ct);

    public IAsyncEnumerable<string> HintsAsync(CancellationToken ct) => parts.Hints.ReadAsync(ct);

    public async Task<BackendHealth> CheckAsync(CancellationToken ct)
    {
        try
        {
            var info = await parts.Wire.InfoAsync(ct);
            var verified = await parts.Identity.VerifyAsync(ct);
            return new BackendHealth(Reachable: true, info.ServerVersion, verified.Info.Id, $"Docker Engine {info.ServerVersion}, {info.OsType}/{info.Architecture}", time.GetUtcNow());
        }
        catch (BackendFault fault)
        {
            return new BackendHealth(Reachable: false, null, null, fault.Fault.Message, time.GetUtcNow());
        }
    }

    public async Task<IReadOnlyList<OwnedVolume>> ListVolumesAsync(CancellationToken ct)
    {
        _ = await parts.Identity.VerifyAsync(ct);
        return await parts.Volumes.ListAsync(ct);
    }

    public Task<Outcome> RemoveVolumeAsync(string volumeId, CancellationToken ct) => EffectAsync(() => parts.Volumes.RemoveOwnedAsync(volumeId, ct), ct);

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
}

/// <summary>What the backend is made of, each part one noun.</summary>
internal sealed record DockerParts(
    DockerWire Wire,
    EngineIdentity Identity,
    DockerCompiler Compiler,
    DockerControls Controls,
    DockerImageResolver Resolver,
    DockerObserver Observer,
    DockerImages Images,
    DockerBuilds Builds,
    DockerNetworks Networks,
    DockerVolumes Volumes,
    DockerContainers Containers,
    IGuard Guard,
    IGuardPolicies Policies,
    DockerLogs Logs,
    DockerHints Hints);
