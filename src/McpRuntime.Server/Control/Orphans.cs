using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>
/// What is ours by its label and has no living record: left by a crash between effect and report, or by an effect that landed after
/// it was given up. Listed first, watched for the grace time, asked about once more, then removed; volumes never.
/// </summary>
internal sealed class Orphans(IRecordStore records, Providers providers, ILease lease, ControlMetrics metrics, OrphanWatch watch)
{
    /// <param name="lists">Read before <paramref name="live"/>: a record made in between owns nothing that was listed.</param>
    /// <returns>Whether some are still in their grace time.</returns>
    public async Task<bool> SweepAsync(IReadOnlyDictionary<string, OwnedView> lists, IReadOnlySet<string> live, CancellationToken ct)
    {
        var found = new HashSet<(string, string)>();
        var waiting = false;
        foreach (var (provider, list) in lists)
        {
            foreach (var (recordId, resources) in list.Match(known => known.ByRecord, _ => new Dictionary<string, IReadOnlyList<SeenResource>>(StringComparer.Ordinal)))
            {
                var orphans = resources.Where(r => r.Kind is not ResourceKind.Volume).OrderBy(r => r.Kind.RemovalRank()).ToList();
                if (live.Contains(recordId) || orphans.Count == 0)
                {
                    continue;
                }

                found.Add((provider, recordId));
                if (!watch.IsOver(provider, recordId, orphans))
                {
                    waiting = true;
                }
                else if (await records.FindAsync(recordId, ct) is null or { IsTombstone: true })
                {
                    await RemoveAsync(provider, recordId, orphans, ct);
                }
            }
        }

        // A list that could not be had says nothing: only what was looked for and not found is forgotten.
        watch.ForgetAllBut(found, provider => lists.TryGetValue(provider, out var list) && list is OwnedView.Known);
        return waiting;
    }

    private async Task RemoveAsync(string provider, string recordId, IReadOnlyList<SeenResource> orphans, CancellationToken ct)
    {
        var id = new RuntimeIdentity(await records.InstanceIdAsync(ct), recordId);
        foreach (var orphan in orphans)
        {
            if (lease.Current is null)
            {
                return;
            }

            var outcome = await providers.RemoveAsync(provider, id, orphan.Id, orphan.Kind, ct);
            if (outcome is Outcome.Faulted { Fault: var fault })
            {
                watch.Failed(orphan, fault);
                return;
            }

            metrics.Orphans.Add(1);
        }
    }
}

/// <summary>How long each orphan has been one, as far as this process has seen.</summary>
internal sealed partial class OrphanWatch(ControlOptions options, TimeProvider time, ILogger<Orphans> logger)
{
    private readonly Dictionary<(string Provider, string RecordId), DateTimeOffset> _since = [];

    public bool IsOver(string provider, string recordId, IReadOnlyList<SeenResource> orphans)
    {
        if (_since.TryAdd((provider, recordId), time.GetUtcNow()))
        {
            Log.Found(logger, provider, recordId, string.Join(", ", orphans.Select(o => $"{o.Kind} {o.Id}")), options.OrphanGrace.TotalSeconds);
        }

        return _since[(provider, recordId)] + options.OrphanGrace <= time.GetUtcNow();
    }

    public void ForgetAllBut(IReadOnlySet<(string Provider, string RecordId)> found, Func<string, bool> wasListed)
    {
        foreach (var gone in _since.Keys.Where(key => wasListed(key.Provider) && !found.Contains(key)).ToList())
        {
            _since.Remove(gone);
        }
    }

    public void Failed(SeenResource orphan, Fault fault) => Log.Stays(logger, orphan.Kind, orphan.Id, fault.Message);

    private static partial class Log
    {
        [LoggerMessage(
            Level = LogLevel.Warning,
            Message = "On {Provider} are orphans of record {RecordId}, which does not exist: {Orphans}. They are removed when they are still there in {Seconds} s")]
        public static partial void Found(ILogger logger, string provider, string recordId, string orphans, double seconds);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The orphan {Kind} {Id} could not be removed: {Detail}")]
        public static partial void Stays(ILogger logger, ResourceKind kind, string id, string detail);
    }
}
