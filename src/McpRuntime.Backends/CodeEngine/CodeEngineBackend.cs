using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>One Code Engine project. The edge where faults become values: nothing behind it throws anything else, nothing before it throws at all.</summary>
internal sealed class CodeEngineBackend(CodeEngineParts parts, CodeEngineInstallation installation, CodeEngineOptions options, TimeProvider time) : IBackend
{
    public const string BackendName = CodeEngineServices.Name;

    public string Name => BackendName;

    public BackendCapabilities Capabilities { get; } = new(
        SupportsCompose: false,
        SupportsGithubBuild: options.CanBuild,
        SupportsAllowedHosts: false,
        SupportsReadonlyFs: false,
        SupportsCustomCapabilities: false,
        SupportsPidsLimit: false,
        SupportsNetworkEgressToggle: false,
        MaxCpu: 12,
        MaxMemoryGb: 48,
        MaxTimeoutSeconds: AppScale.LongestRequest,
        [
            "Streams are cut after 600 s; clients resume or start a new session.",
            "A stopped runtime keeps its app, without instances and out of reach from outside the project; set RUNTIME_IBM_CODE_ENGINE_STOP=recreate to have it deleted.",
            "No volumes, no stdio servers, x86-64 images only.",
            "The project is the boundary: its apps reach each other, and its outbound list holds for all of them.",
        ]);

    /// <remarks>Hashed with the installation's own key whatever the input's: the live objects are read back with that one.</remarks>
    public Compiled Compile(CompileInput input) => parts.Compiler.Compile(input with { Hash = installation.Hash }, parts.Controls.Report(input.Revision.Guardrails.Config, input.Revision.Spec.Source));

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig guardrails, Source? source) => parts.Controls.Report(guardrails, source);

    public Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct) => parts.Resolver.ResolveAsync(revision, build: null, ct);

    public Task<Resolution> ResolveAsync(RuntimeIdentity id, Revision revision, CancellationToken ct) => parts.Resolver.ResolveAsync(revision, parts.Compiler.BuildFor(id, revision, installation.Hash), ct);

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

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct) => EffectAsync(
        () => resource.Body switch
        {
            AppBody body => parts.Apps.PutAsync(id, body, ct),
            SecretBody body => parts.Secrets.PutAsync(id, resource, body, ct),
            BuildBody body => parts.Builds.PutAsync(id, resource, body, ct),
            _ => Foreign(resource.Id, resource.Kind),
        },
        ct);

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct) => EffectAsync(
        () => kind switch
        {
            ResourceKind.Container => parts.Apps.RemoveAsync(id, resourceId, ct),
            ResourceKind.Secret => parts.Secrets.RemoveAsync(id, resourceId, ct),
            ResourceKind.Build => parts.Builds.RemoveAsync(id, resourceId, ct),
            ResourceKind.Image or ResourceKind.Network or ResourceKind.Volume or ResourceKind.GuardPolicy or ResourceKind.GuardLink or ResourceKind.Account or ResourceKind.Service or ResourceKind.NetworkPolicy
                or ResourceKind.Route or ResourceKind.Registration => Foreign(resourceId, kind),
        },
        ct);

    public IAsyncEnumerable<LogLine> LogsAsync(RuntimeIdentity id, LogQuery query, CancellationToken ct) => parts.Logs.ReadAsync(id, query, ct);

    public IAsyncEnumerable<string> HintsAsync(CancellationToken ct) => parts.Hints.ReadAsync(ct);

    public async Task<BackendHealth> CheckAsync(CancellationToken ct)
    {
        try
        {
            // At once: whoever asks waits a few seconds in all, and each of these may take one.
            var (asked, apps, secrets) = (parts.Identity.AskAsync(ct), parts.Wire.AppsAsync(ct), parts.Wire.CountSecretsAsync(ct));
            var (builds, runs, outbound) = (parts.Wire.BuildsAsync(ct), parts.Wire.RunsAsync(build: null, ct), parts.Wire.OutboundAsync(ct));
            await Task.WhenAll(asked, apps, secrets, builds, runs, outbound).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

            // Of several that failed the project's own fault says most.
            var project = await asked;
            var egress = await outbound is { Count: > 0 } open ? string.Join(", ", open.Select(d => d.CidrBlock ?? d.Name)) : "none";
            return new BackendHealth(
                Reachable: true,
                "v2",
                $"{project.Region}/{project.Id}",
                $"Project {project.Name} in {project.Region} is active; {(await apps).Count} of 40 apps, {await secrets} of 100 secrets, {(await builds).Count} of 100 builds, {(await runs).Count} of 100 build runs; outbound destinations of the whole project: {egress}",
                time.GetUtcNow());
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
        Task.FromResult<Outcome>(Faults.Of(FaultKind.Refused, "NotACodeEngineResource", $"{id} ({kind}) is nothing that Code Engine has."));
}

/// <summary>What the backend is made of, each part one noun.</summary>
internal sealed record CodeEngineParts(
    CodeEngineWire Wire,
    ProjectIdentity Identity,
    CodeEngineCompiler Compiler,
    CodeEngineControls Controls,
    CodeEngineResolver Resolver,
    CodeEngineObserver Observer,
    CodeEngineApps Apps,
    CodeEngineSecrets Secrets,
    CodeEngineBuilds Builds,
    CodeEngineLogs Logs,
    CodeEngineHints Hints);
