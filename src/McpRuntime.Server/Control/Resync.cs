using McpRuntime.Backends;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>
/// Every few minutes everything is looked at without being asked, so that a lost hint costs time and nothing else: one list a
/// provider for all records, and a turn only for those on which a turn would do or say something.
/// </summary>
internal sealed class Resync(IRecordStore records, Providers providers, Turn turn, Orphans orphans, WorkQueue queue)
{
    /// <returns>Whether to come again soon, for orphans in their grace time.</returns>
    public async Task<bool> RunAsync(CancellationToken ct)
    {
        var lists = await providers.ObserveAllAsync(ct);
        var live = await records.LiveIdsAsync(ct);
        foreach (var id in live)
        {
            if (await records.FindAsync(id, ct) is { IsTombstone: false } record && !await IsSettledAsync(record, lists, ct))
            {
                queue.AddDue(id);
            }
        }

        return await orphans.SweepAsync(lists, live.ToHashSet(StringComparer.Ordinal), ct);
    }

    private async Task<bool> IsSettledAsync(RuntimeRecord record, IReadOnlyDictionary<string, OwnedView> lists, CancellationToken ct)
    {
        try
        {
            return await turn.IsSettledAsync(record, providers.Of(record, lists), ct);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A record that meets a defect has its own turn to tell of it; the others' resync goes on.
            return false;
        }
    }
}
