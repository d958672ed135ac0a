using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Gateways;

namespace McpRuntime.Faults.Tests.Simulated;

internal sealed record SimRouteBody(string Container, string Instance) : ResourceBody
{
    public override (ResourceBody Body, string Fingerprint) Bind(SeenResource target, string fingerprint) =>
        (new SimRouteBody(target.Id, target.Instance), $"{fingerprint}>{target.Instance}");
}

internal sealed class SimGateway(SimProcess process, ManualTime time) : SimProvider(process, time), IGateway
{
    /// <summary>Null: no outer gateway.</summary>
    public SimRegistry? Registrations { get; set; }

    public IResourceProvider? Registry => Registrations;

    public IReadOnlyList<Resource> Compile(CompileInput input, Core.Planning.Endpoint endpoint, bool running)
    {
        if (!input.Revision.Spec.RegisterGateway)
        {
            return [];
        }

        Resource[] routes = running
            ? [new Resource("route", ResourceKind.Route, $"route:{input.Name}", [endpoint.ContainerId], input.Revision.Generation, new SimRouteBody("", "")) { BoundTo = endpoint.ContainerId }]
            : [];
        return Registrations is null ? routes : [.. routes, SimRegistry.Wanted(input, endpoint, running)];
    }

    protected override Outcome Put(RuntimeIdentity id, Resource resource)
    {
        Store(id, new SimObject(resource.Id, resource.Kind, resource.Fingerprint) { BoundTo = ((SimRouteBody)resource.Body).Container, Instance = ((SimRouteBody)resource.Body).Instance });
        return new Outcome.Done();
    }

    protected override SeenResource See(SimObject thing) => new() { Id = thing.Id, Kind = thing.Kind, Fingerprint = thing.Fingerprint, Instance = thing.Instance };
}

/// <summary>Gives its word on an incarnation a moment after it is told to watch it, and wakes the record then.</summary>
internal sealed class SimProber(ManualTime time, Action<string> wake) : IProber
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Record, string Container), (string Instance, DateTimeOffset At)> _watched = [];
    private readonly Dictionary<(string Record, string Container), Handshake> _words = [];

    /// <summary>What it will say of a container whose id holds this; everything else passes.</summary>
    public Dictionary<string, HandshakeVerdict> Verdicts { get; } = new(StringComparer.Ordinal);

    public DateTimeOffset? NextAt => _watched.Count == 0 ? null : _watched.Values.Min(w => w.At);

    public IReadOnlyDictionary<string, Handshake> Results(string recordId)
    {
        lock (_gate)
        {
            return _words.Where(w => w.Key.Record == recordId).ToDictionary(w => w.Key.Container, w => w.Value, StringComparer.Ordinal);
        }
    }

    public void Watch(string recordId, Core.Planning.Endpoint endpoint, string instance, UpstreamAddress address)
    {
        lock (_gate)
        {
            var key = (recordId, endpoint.ContainerId);
            if (_words.GetValueOrDefault(key)?.Instance != instance && _watched.GetValueOrDefault(key).Instance != instance)
            {
                _watched[key] = (instance, time.GetUtcNow() + TimeSpan.FromMilliseconds(200));
            }
        }
    }

    /// <summary>Says what it has to say by now.</summary>
    public void Speak()
    {
        lock (_gate)
        {
            foreach (var (key, (instance, _)) in _watched.Where(w => w.Value.At <= time.GetUtcNow()).ToList())
            {
                _watched.Remove(key);
                var verdict = Verdicts.FirstOrDefault(v => key.Container.Contains(v.Key, StringComparison.Ordinal)) is { Key: not null } said ? said.Value : HandshakeVerdict.Passed;
                _words[key] = new Handshake(instance, verdict, verdict is HandshakeVerdict.Failed ? 1 : 0, time.GetUtcNow(), "simulated");
                wake(key.Record);
            }
        }
    }

    public void Say(string container, Handshake word) => _words[(SimProvider.RecordId, container)] = word;

    public void Forget(string recordId)
    {
        lock (_gate)
        {
            foreach (var key in _watched.Keys.Concat(_words.Keys).Where(k => k.Record == recordId).ToList())
            {
                _watched.Remove(key);
                _words.Remove(key);
            }
        }
    }

    public void LoseMemory() => Forget(SimProvider.RecordId);
}
