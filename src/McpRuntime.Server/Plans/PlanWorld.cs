using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Gateways;
using McpRuntime.Server.Control;

namespace McpRuntime.Server.Plans;

/// <summary>The looks at the world that a plan takes: each reads only, each has a time limit, and what goes wrong comes back as words.</summary>
internal sealed class PlanWorld(IReadOnlyDictionary<string, IBackend> backends, IGateway gateway, Calls calls, KeyedHash hash)
{
    /// <summary>A person waits for the answer; a registry that takes longer is a problem to be told.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(8);

    public async Task<(ResolvedFacts? Facts, Fault? Fault)> ResolveAsync(string backend, Revision revision, CancellationToken ct)
    {
        var resolution = await calls.AsValueAsync<Resolution>(
            backend, "plan-resolve", Limit, stop => backends[backend].ResolveAsync(revision, stop), fault => new Resolution.Faulted(fault), ct);
        return resolution.Match<(ResolvedFacts?, Fault?)>(resolved => (resolved.Facts, null), faulted => (null, faulted.Fault));
    }

    /// <summary>What is there of it, backend and gateway together; null: it can't be seen, and the fault says why.</summary>
    public async Task<(IReadOnlyList<SeenResource>? Seen, Fault? Fault)> ObserveAsync(string backend, RuntimeIdentity id, CancellationToken ct)
    {
        List<Task<ProviderView>> looks = [LookAsync(backends[backend], backend, id, ct), LookAsync(gateway, Providers.Gateway, id, ct)];
        if (gateway.Registry is { } registry)
        {
            looks.Add(LookAsync(registry, Providers.Registry, id, ct));
        }

        var views = await Task.WhenAll(looks);
        var seen = new List<SeenResource>();
        foreach (var view in views)
        {
            if (view.Match<Fault?>(_ => null, unknown => unknown.Fault) is { } fault)
            {
                return (null, fault);
            }

            seen.AddRange(view.Match(known => known.Resources, _ => []));
        }

        return (seen, null);
    }

    public (Compiled Compiled, IReadOnlyList<Resource> Routes) Compile(string backend, CompileInput input)
    {
        var compiled = backends[backend].Compile(input);
        return (compiled, compiled.Endpoint is { } endpoint ? gateway.Compile(input, endpoint, running: true) : []);
    }

    public CompileInput Input(RuntimeIdentity id, string name, Revision revision, RuntimeRecord? record, IReadOnlyDictionary<string, SecretText> environment, string createdBy) =>
        new(id, name, revision, record?.RestartToken ?? 0, record?.KeepVolumes ?? false, environment, hash) { CreatedBy = createdBy };

    private Task<ProviderView> LookAsync(IResourceProvider provider, string name, RuntimeIdentity id, CancellationToken ct) =>
        calls.AsValueAsync(name, "plan-observe", Limit, stop => provider.ObserveAsync(id, stop), fault => new ProviderView.Unknown(fault), ct);
}
