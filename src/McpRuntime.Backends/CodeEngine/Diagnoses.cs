using System.Collections.Concurrent;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>
/// Why an app is not well. Its own reason is coarse: the newest revision knows why, and its instances how the server ended. Both are
/// asked for once a state of the app: forty that failed would else cost eighty calls at every look.
/// </summary>
internal sealed class Diagnoses(CodeEngineWire wire, TimeProvider time)
{
    /// <summary>A platform that goes on trying may find another reason without telling the app.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<string, Known> _known = new(StringComparer.Ordinal);

    public async Task<Diagnosis> OfAsync(App live, Health health, CancellationToken ct)
    {
        if (health is Health.Serving or Health.Stopped && AppHealth.IsCurrent(live))
        {
            return new Diagnosis(null, null);
        }

        // On its way, its reason changes under the same state.
        var state = $"{live.Id} {live.EntityTag} {live.Status} {live.StatusDetails}";
        if (health is not Health.Starting && _known.TryGetValue(live.Name, out var known) && known.State == state && time.GetElapsedTime(known.At) < Fresh)
        {
            return known.Diagnosis;
        }

        var diagnosis = await AskAsync(live, health, ct);
        _known[live.Name] = new Known(state, diagnosis, time.GetTimestamp());
        return diagnosis;
    }

    public void KeepOnly(IEnumerable<App> apps)
    {
        var there = apps.Select(a => a.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var name in _known.Keys.Where(name => !there.Contains(name)))
        {
            _ = _known.TryRemove(name, out _);
        }
    }

    private async Task<Diagnosis> AskAsync(App live, Health health, CancellationToken ct)
    {
        var newest = live.StatusDetails?.LatestCreatedRevision;
        var revision = (await wire.RevisionsAsync(live.Name, ct)).FirstOrDefault(r => r.Name == newest);
        if (health is not Health.Failed)
        {
            return new Diagnosis(revision, null);
        }

        var ended = (await wire.InstancesAsync(live.Name, ct)).Where(i => i.RevisionName is null || i.RevisionName == newest).Select(i => AppHealth.End(i.StatusDetails?.UserContainer)).FirstOrDefault(e => e is not null);
        return new Diagnosis(revision, ended);
    }

    private sealed record Known(string State, Diagnosis Diagnosis, long At);
}

/// <param name="Revision">The newest; null of an app that is well.</param>
/// <param name="End">How its server ended, where it did.</param>
internal sealed record Diagnosis(AppRevision? Revision, ContainerWord? End);
