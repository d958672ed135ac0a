using System.Collections.Concurrent;
using McpRuntime.Core.Records;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

/// <summary>The table of sessions in memory; two gateways that share one are two replicas.</summary>
internal sealed class MemorySessions(TimeProvider time) : ISessionStore
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, StoredSession> _rows = new(StringComparer.Ordinal);

    public bool IsAway { get; set; }

    public IReadOnlyList<StoredSession> Rows => Locked(() => _rows.Values.ToList());

    public Task<StoredSession?> FindAsync(string hash, CancellationToken ct) => Answer(() => _rows.GetValueOrDefault(hash));

    public Task AddAsync(StoredSession session, CancellationToken ct) => Answer(() => _rows.TryAdd(session.Hash, session));

    public Task<(int OfRuntime, int OfCaller)> CountAsync(string recordId, string subject, CancellationToken ct) => Answer(() =>
    {
        var live = _rows.Values.Where(row => row.RecordId == recordId && !row.HasEnded).ToList();
        return (live.Count, live.Count(row => row.Subject == subject));
    });

    public Task<StoredSession?> OldestAsync(string recordId, string subject, CancellationToken ct) =>
        Answer(() => _rows.Values.Where(row => row.RecordId == recordId && row.Subject == subject && !row.HasEnded).MinBy(row => row.LastUsedAt));

    public Task ActedAsync(string hash, CancellationToken ct) => Answer(() => Change(hash, row => row with { HasActed = true }));

    public Task<bool> MoveAsync(string hash, string from, string to, string upstream, CancellationToken ct) => Answer(() =>
        _rows.TryGetValue(hash, out var row) && row is { HasEnded: false, HasActed: false } && row.Instance == from && Change(hash, old => old with { Instance = to, Upstream = upstream }));

    public Task EndAsync(string hash, CancellationToken ct) => Answer(() => Change(hash, row => row with { HasEnded = true }));

    public Task TouchAsync(IReadOnlyDictionary<string, DateTimeOffset> used, CancellationToken ct) => Answer(() => used.All(pair => Change(pair.Key, row => row with { LastUsedAt = pair.Value })));

    public Task<IReadOnlyList<StoredSession>> EndIdleAsync(DateTimeOffset unusedSince, int limit, CancellationToken ct) => Answer<IReadOnlyList<StoredSession>>(() =>
    {
        var idle = _rows.Values.Where(row => !row.HasEnded && row.LastUsedAt < unusedSince).Take(limit).ToList();
        idle.ForEach(row => Change(row.Hash, old => old with { HasEnded = true }));
        return idle;
    });

    public Task PurgeAsync(DateTimeOffset before, CancellationToken ct) => Answer(() =>
    {
        _rows.Values.Where(row => row.HasEnded && row.LastUsedAt < before).ToList().ForEach(row => _rows.Remove(row.Hash));
        return time.GetUtcNow();
    });

    private bool Change(string hash, Func<StoredSession, StoredSession> change)
    {
        if (!_rows.TryGetValue(hash, out var row))
        {
            return false;
        }

        _rows[hash] = change(row);
        return true;
    }

    private Task<T> Answer<T>(Func<T> answer) => IsAway
        ? Task.FromException<T>(new Refusal(RefusalKind.Unavailable, "Away", "The database is away."))
        : Task.FromResult(Locked(answer));

    private T Locked<T>(Func<T> answer)
    {
        lock (_gate)
        {
            return answer();
        }
    }
}

internal sealed class MemoryPins : IToolPins
{
    public ConcurrentDictionary<string, ToolPin> Pins { get; } = new(StringComparer.Ordinal);

    public ValueTask<ToolPin?> FindAsync(string recordId, CancellationToken ct) => new(Pins.GetValueOrDefault(recordId));
}

internal sealed class MemoryAudit : IToolCallAudit
{
    public ConcurrentQueue<ToolCall> Calls { get; } = new();

    public void Record(ToolCall call) => Calls.Enqueue(call);
}
