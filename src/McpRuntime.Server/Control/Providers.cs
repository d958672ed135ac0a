using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using Endpoint = McpRuntime.Core.Planning.Endpoint;

namespace McpRuntime.Server.Control;

/// <summary>The world as a turn meets it: the record's backend and the gateway as one.</summary>
internal sealed class Providers(IReadOnlyDictionary<string, IBackend> backends, IGateway gateway, IProber prober, Calls calls, ControlOptions options)
{
    public const string Gateway = "gateway";
    public const string Registry = "registry";

    private static readonly ProviderView None = new ProviderView.Known([]);

    public IReadOnlyDictionary<string, IBackend> Backends { get; } = backends;

    public async Task<Observation> ObserveAsync(RuntimeRecord record, CancellationToken ct)
    {
        var id = IdentityOf(record);
        var backend = Backends.TryGetValue(record.Backend, out var enabled)
            ? LookAsync(enabled, enabled.Name, id, ct)
            : Task.FromResult<ProviderView>(new ProviderView.Unknown(Disabled(record.Backend)));
        var routes = LookAsync(gateway, Gateway, id, ct);
        var registrations = gateway.Registry is { } registry ? LookAsync(registry, Registry, id, ct) : Task.FromResult(None);
        return new Observation(await backend, await routes, prober.Results(record.Id)) { Registry = WaitedFor(record, await registrations) };
    }

    /// <summary>One list a provider, by its name.</summary>
    public async Task<IReadOnlyDictionary<string, OwnedView>> ObserveAllAsync(CancellationToken ct)
    {
        var asked = Backends.Values.Select(b => (b.Name, View: ListAsync(b, b.Name, ct))).Append((Name: Gateway, View: ListAsync(gateway, Gateway, ct))).ToList();
        if (gateway.Registry is { } registry)
        {
            asked.Add((Registry, ListAsync(registry, Registry, ct)));
        }

        await Task.WhenAll(asked.Select(a => a.View));
        return asked.ToDictionary(a => a.Name, a => a.View.Result, StringComparer.Ordinal);
    }

    /// <summary>What one turn would have seen, out of the lists.</summary>
    public Observation Of(RuntimeRecord record, IReadOnlyDictionary<string, OwnedView> lists)
    {
        ProviderView Part(string provider) => lists.TryGetValue(provider, out var list)
            ? list.Match<ProviderView>(
                known => new ProviderView.Known(known.ByRecord.GetValueOrDefault(record.Id, [])),
                unknown => new ProviderView.Unknown(unknown.Fault))
            : new ProviderView.Unknown(Disabled(provider));
        return new Observation(Part(record.Backend), Part(Gateway), prober.Results(record.Id)) { Registry = gateway.Registry is null ? None : WaitedFor(record, Part(Registry)) };
    }

    /// <summary>Tells the prober what there is to probe. Idempotent, and changes nothing outside this process.</summary>
    public void Watch(RuntimeRecord record, Wanted wanted, Observation seen)
    {
        if (wanted.Goal is not Goal.Run)
        {
            prober.Forget(record.Id);
            return;
        }

        var live = seen.Backend.Match(known => known.Resources, _ => []);
        foreach (var endpoint in new[] { wanted.Serving, wanted.Target }.Select(plan => plan?.Compiled.Endpoint).OfType<Endpoint>().DistinctBy(e => e.ContainerId))
        {
            if (live.FirstOrDefault(s => s.Id == endpoint.ContainerId) is { Health: Health.Serving, Address: { } address } container)
            {
                prober.Watch(record.Id, endpoint, container.Instance, address);
            }
        }

        if (record.CommandSequence != record.ObservedCommand)
        {
            // Somebody asked for something, if only for a look: the server is asked too.
            prober.Recheck(record.Id);
        }
    }

    public void Forget(string recordId) => prober.Forget(recordId);

    public Task<Outcome> PutAsync(RuntimeRecord record, Resource resource, CancellationToken ct)
    {
        var (provider, name) = Of(record.Backend, resource.Kind);
        return calls.AsValueAsync(name, "put", options.EffectCap, stop => provider.PutAsync(IdentityOf(record), resource, stop), fault => new Outcome.Faulted(fault), ct);
    }

    /// <param name="provider">A backend's name, <see cref="Gateway"/> or <see cref="Registry"/>.</param>
    public Task<Outcome> RemoveAsync(string provider, RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct)
    {
        var (owner, name) = Of(provider, kind);
        return calls.AsValueAsync(name, "remove", options.EffectCap, stop => owner.RemoveAsync(id, resourceId, kind, stop), fault => new Outcome.Faulted(fault), ct);
    }

    public async Task<StepResult> ResolveAsync(RuntimeRecord record, CancellationToken ct)
    {
        var backend = Backends[record.Backend];
        var resolution = await calls.AsValueAsync<Resolution>(
            backend.Name, "resolve", options.EffectCap, stop => backend.ResolveAsync(IdentityOf(record), record.Asked, stop), fault => new Resolution.Faulted(fault), ct);
        return resolution.Match(resolved => new StepResult(new Outcome.Done(), resolved.Facts), faulted => new StepResult(new Outcome.Faulted(faulted.Fault)));
    }

    public static RuntimeIdentity IdentityOf(RuntimeRecord record) => new(record.InstanceId, record.Id);

    public static Fault Disabled(string backend) =>
        new(FaultKind.Transient, "BackendDisabled", $"The backend {backend} is switched off in the settings; nothing of it is looked at or touched. Switch it on again (RUNTIME_{backend.ToUpperInvariant()}_ENABLED=true) and this goes on by itself. "
            + "If it is gone for good: delete the runtime, and an admin gives up what is there by POST /runtimes/{id}/abandon.");

    private (IResourceProvider Provider, string Name) Of(string backend, ResourceKind kind) =>
        kind is ResourceKind.Registration && gateway.Registry is { } registry ? (registry, Registry)
        : kind.IsOfGateway() ? (gateway, Gateway)
        : (Backends[backend], backend);

    /// <summary>An outer gateway that is away holds up the end of a deletion, until somebody says that it need not.</summary>
    private static ProviderView WaitedFor(RuntimeRecord record, ProviderView registrations) =>
        record is { DeleteRequested: true, AbandonRegistration: true } ? registrations.Match(known => known, _ => None) : registrations;

    private Task<ProviderView> LookAsync(IResourceProvider provider, string name, RuntimeIdentity id, CancellationToken ct) =>
        calls.AsValueAsync(name, "observe", options.LookCap, stop => provider.ObserveAsync(id, stop), fault => new ProviderView.Unknown(fault), ct);

    private Task<OwnedView> ListAsync(IResourceProvider provider, string name, CancellationToken ct) =>
        calls.AsValueAsync(name, "list", options.ListCap, provider.ObserveAllAsync, fault => new OwnedView.Unknown(fault), ct);
}
