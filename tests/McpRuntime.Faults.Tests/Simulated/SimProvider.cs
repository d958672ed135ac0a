using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using Fault = McpRuntime.Core.Planning.Fault;

namespace McpRuntime.Faults.Tests.Simulated;

/// <summary>One live thing in the simulated world.</summary>
internal sealed record SimObject(string Id, ResourceKind Kind, string Fingerprint)
{
    public bool Started { get; init; } = true;

    public int Starts { get; init; } = 1;

    public DateTimeOffset ReadyAt { get; init; }

    public int? ExitCode { get; init; }

    public string? BoundTo { get; init; }

    public string Instance { get; init; } = "";

    public IReadOnlyList<string> Uses { get; init; } = [];
}

/// <summary>Objects with state, counters and scripted faults: what a backend and a gateway have in common.</summary>
internal abstract class SimProvider(SimProcess process, ManualTime time) : IResourceProvider
{
    public const string RecordId = "01jabcdefghjkmnpqrstvwxyz0";

    /// <summary>How old a stale read may be: a cache or a replica that lags, not an archive.</summary>
    private static readonly TimeSpan Lag = TimeSpan.FromMilliseconds(900);

    private DateTimeOffset _changedAt;
    private IReadOnlyDictionary<string, SimObject> _before = new Dictionary<string, SimObject>(StringComparer.Ordinal);

    public SortedDictionary<string, SimObject> Objects { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, int> Created { get; } = new(StringComparer.Ordinal);

    public SortedDictionary<string, int> Deleted { get; } = new(StringComparer.Ordinal);

    public int Lists { get; private set; }

    public int Looks { get; private set; }

    /// <summary>How many times more a removal finds it still on its way out, as a cluster's collector may.</summary>
    public Dictionary<string, int> Lingering { get; } = new(StringComparer.Ordinal);

    /// <summary>Effects wait for it; null = none.</summary>
    public TaskCompletionSource? PutGate { get; set; }

    /// <summary>Not there at all: every look is Unknown, every effect faults.</summary>
    public bool IsAway { get; set; }

    /// <summary>A lasting answer to the Put of one kind.</summary>
    public Dictionary<ResourceKind, Fault> Refusals { get; } = [];

    /// <summary>Every effect asked for, in order.</summary>
    public List<string> Effects { get; } = [];

    protected Lock Gate { get; } = new();

    protected SimProcess Process { get; } = process;

    protected ManualTime Time { get; } = time;

    /// <summary>Never answers: only the caller's patience ends a call.</summary>
    public bool Hangs { get; set; }

    public virtual async Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct)
    {
        if (Hangs)
        {
            await Task.Delay(Timeout.Infinite, ct);
        }

        lock (Gate)
        {
            Looks++;
            return Observe(id);
        }
    }

    private ProviderView Observe(RuntimeIdentity id)
    {
        var fault = Process.Script.Next(CallKind.Observe);
        if (fault is FaultKind.CrashBefore or FaultKind.CrashAfter)
        {
            Process.Crash();
        }

        if (IsAway || fault is FaultKind.ServerError or FaultKind.Hang or FaultKind.LostReply)
        {
            return new ProviderView.Unknown(WhatIsWrong(fault ?? FaultKind.ServerError));
        }

        var shown = fault is FaultKind.StaleRead && _changedAt + Lag > Time.GetUtcNow() ? _before : Objects;
        return new ProviderView.Known([.. shown.Where(o => o.Key.StartsWith(id.RecordId, StringComparison.Ordinal)).Select(o => See(o.Value))]);
    }

    public Task<OwnedView> ObserveAllAsync(CancellationToken ct)
    {
        lock (Gate)
        {
            Lists++;
            return Task.FromResult<OwnedView>(IsAway
                ? new OwnedView.Unknown(WhatIsWrong(FaultKind.ServerError))
                : new OwnedView.Known(Objects.GroupBy(o => o.Key.Split('/')[0]).ToDictionary(g => g.Key, IReadOnlyList<SeenResource> (g) => [.. g.Select(o => See(o.Value))], StringComparer.Ordinal)));
        }
    }

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct) =>
        EffectAsync($"put {resource.Id}", () => Refusals.TryGetValue(resource.Kind, out var refused) ? new Outcome.Faulted(refused) : Put(id, resource));

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct) =>
        EffectAsync($"remove {resourceId}", () => Remove(id, resourceId));

    /// <summary>By hand, past the controller.</summary>
    public void Change(string id, Func<SimObject, SimObject?> change)
    {
        lock (Gate)
        {
            ChangeNow(id, change);
        }
    }

    private void ChangeNow(string id, Func<SimObject, SimObject?> change)
    {
        var (key, found) = Objects.First(o => o.Value.Id == id);
        Changing();
        if (change(found) is { } changed)
        {
            Objects[key] = changed;
        }
        else
        {
            Objects.Remove(key);
        }
    }

    protected abstract Outcome Put(RuntimeIdentity id, Resource resource);

    protected abstract SeenResource See(SimObject thing);

    protected virtual Outcome Remove(RuntimeIdentity id, string resourceId)
    {
        var key = Key(id.RecordId, resourceId);
        if (Lingering.TryGetValue(resourceId, out var left) && left > 0)
        {
            Lingering[resourceId] = left - 1;
            return new Outcome.InProgress("it is on its way out");
        }

        if (Objects.ContainsKey(key))
        {
            Changing();
            Objects.Remove(key);
            Deleted[key] = Deleted.GetValueOrDefault(key) + 1;
        }

        return new Outcome.Done();
    }

    protected void Store(RuntimeIdentity id, SimObject thing)
    {
        var key = Key(id.RecordId, thing.Id);
        if (!Objects.TryGetValue(key, out var there))
        {
            Created[key] = Created.GetValueOrDefault(key) + 1;
        }

        if (there != thing)
        {
            Changing();
            Objects[key] = thing;
        }
    }

    protected SimObject? Find(RuntimeIdentity id, string resourceId) => Objects.GetValueOrDefault(Key(id.RecordId, resourceId));

    protected static string Key(string recordId, string resourceId) => $"{recordId}/{resourceId}";

    protected async Task<Outcome> EffectAsync(string what, Func<Outcome> effect)
    {
        Outcome outcome;
        lock (Gate)
        {
            outcome = Effect(what, effect);
        }

        if (PutGate is { } gate && what.StartsWith("put", StringComparison.Ordinal))
        {
            await gate.Task;
        }

        return outcome;
    }

    private Outcome Effect(string what, Func<Outcome> effect)
    {
        Effects.Add(what);
        var fault = Process.Script.Next(CallKind.Effect);
        if (fault is FaultKind.CrashBefore)
        {
            Process.Crash();
        }

        if (IsAway || fault is FaultKind.ServerError or FaultKind.Hang)
        {
            return new Outcome.Faulted(WhatIsWrong(fault ?? FaultKind.ServerError));
        }

        var outcome = effect();
        if (fault is FaultKind.CrashAfter)
        {
            Process.Crash();
        }

        return fault is FaultKind.LostReply ? new Outcome.Faulted(WhatIsWrong(FaultKind.LostReply)) : outcome;
    }

    private void Changing() => (_changedAt, _before) = (Time.GetUtcNow(), new Dictionary<string, SimObject>(Objects, StringComparer.Ordinal));

    private Fault WhatIsWrong(FaultKind kind)
    {
        if (kind is FaultKind.Hang)
        {
            Time.Advance(TimeSpan.FromSeconds(8));
        }

        return new Fault(Core.Planning.FaultKind.Transient, kind.ToString(), $"simulated: {kind}");
    }
}
