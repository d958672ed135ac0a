using System.Diagnostics;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <param name="Cause">The request that woke it; default when none did.</param>
internal readonly record struct Work(string Id, ActivityContext Cause);

/// <summary>
/// Which records to look at. Holds nothing durable, and keeps five promises: no id is with two workers; any number of wake-ups
/// while it is with one come to exactly one more turn; none is lost; its backoff is reset by success alone; stopping blocks nobody.
/// </summary>
/// <remarks>The dirty and processing sets are those of client-go's workqueue.</remarks>
internal sealed class WorkQueue : IWakeUp, IDisposable
{
    private readonly Lock _gate = new();
    private readonly Queue<string> _ready = new();
    private readonly Dictionary<string, Waiting> _dirty = new(StringComparer.Ordinal);
    private readonly HashSet<string> _processing = new(StringComparer.Ordinal);
    private readonly PriorityQueue<string, DateTimeOffset> _later = new();
    private readonly Dictionary<string, DateTimeOffset> _laterAt = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _failures = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _available = new(0);
    private readonly ControlMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ITimer _timer;

    public WorkQueue(ControlMetrics metrics, TimeProvider time)
    {
        _metrics = metrics;
        _time = time;
        _timer = time.CreateTimer(_ => MoveDue(), state: null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        metrics.WatchDepth(() => Depth);
    }

    public int Depth
    {
        get
        {
            lock (_gate)
            {
                return _ready.Count;
            }
        }
    }

    public void Wake(string recordId) => Add(recordId, Activity.Current?.Context ?? default);

    public void Add(string id, ActivityContext cause = default)
    {
        lock (_gate)
        {
            if (!_dirty.TryAdd(id, new Waiting(_time.GetTimestamp(), cause)) || _processing.Contains(id))
            {
                return;
            }

            Enqueue(id);
        }
    }

    /// <summary>For rows found due: one that has just failed here keeps its pause, or the scan would undo every backoff.</summary>
    public void AddDue(string id)
    {
        lock (_gate)
        {
            if (_failures.ContainsKey(id) && _laterAt.ContainsKey(id))
            {
                return;
            }
        }

        Add(id);
    }

    /// <summary>The soonest of several stands until the id is taken; its turn then says anew when to look again.</summary>
    public void AddAfter(string id, TimeSpan delay)
    {
        if (delay <= TimeSpan.Zero)
        {
            Add(id);
            return;
        }

        lock (_gate)
        {
            var at = _time.GetUtcNow() + delay;
            if (_laterAt.TryGetValue(id, out var sooner) && sooner <= at)
            {
                return;
            }

            _laterAt[id] = at;
            _later.Enqueue(id, at);
            SetTimer();
        }
    }

    /// <summary>After a turn that threw.</summary>
    public void Retry(string id)
    {
        int failures;
        lock (_gate)
        {
            failures = _failures[id] = _failures.GetValueOrDefault(id) + 1;
        }

        _metrics.Retries.Add(1);
        AddAfter(id, Backoff.After(failures, id, PlannerOptions.Default.BackoffFirst, PlannerOptions.Default.BackoffMost));
    }

    /// <summary>After a turn that did not throw.</summary>
    public void Succeeded(string id)
    {
        lock (_gate)
        {
            _failures.Remove(id);
        }
    }

    public async Task<Work> TakeAsync(CancellationToken ct)
    {
        await _available.WaitAsync(ct);
        lock (_gate)
        {
            var id = _ready.Dequeue();

            // Deleted before work starts: an Add during the turn must not be lost.
            _dirty.Remove(id, out var waiting);
            _laterAt.Remove(id);
            _processing.Add(id);
            _metrics.QueueLatency.Record(_time.GetElapsedTime(waiting!.Since).TotalSeconds);
            return new Work(id, waiting.Cause);
        }
    }

    public void Done(string id)
    {
        lock (_gate)
        {
            _processing.Remove(id);
            if (_dirty.ContainsKey(id))
            {
                Enqueue(id);
            }
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _available.Dispose();
    }

    private void Enqueue(string id)
    {
        _ready.Enqueue(id);
        _available.Release();
    }

    private void MoveDue()
    {
        lock (_gate)
        {
            while (_later.TryPeek(out var id, out var at) && at <= _time.GetUtcNow())
            {
                _later.Dequeue();

                // An entry that was overtaken by a sooner one, or by the turn itself, is dropped here.
                if (_laterAt.TryGetValue(id, out var current) && current == at)
                {
                    _laterAt.Remove(id);
                    Add(id);
                }
            }

            SetTimer();
        }
    }

    private void SetTimer()
    {
        if (_later.TryPeek(out _, out var at))
        {
            var wait = at - _time.GetUtcNow();
            _timer.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
        }
    }

    private sealed record Waiting(long Since, ActivityContext Cause);
}
