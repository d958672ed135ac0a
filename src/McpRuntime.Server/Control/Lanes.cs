namespace McpRuntime.Server.Control;

/// <summary>
/// A cap on the turns at a time of each backend. Who finds the lane full is parked outside the queue and woken when a turn ends,
/// so that a backend that hangs takes neither the workers nor the processor from the others.
/// </summary>
internal sealed class Lanes(WorkQueue queue, ControlOptions options)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Lane> _lanes = new(StringComparer.Ordinal);

    /// <summary>False: parked; the queue will have it again.</summary>
    public bool TryEnter(string backend, string id)
    {
        lock (_gate)
        {
            if (!_lanes.TryGetValue(backend, out var lane))
            {
                _lanes[backend] = lane = new Lane();
            }

            if (lane.Running < options.TurnsPerBackend)
            {
                lane.Running++;
                lane.Parked.Remove(id);
                return true;
            }

            if (lane.Parked.Add(id))
            {
                lane.Order.Enqueue(id);
            }

            return false;
        }
    }

    public void Exit(string backend)
    {
        string? next = null;
        lock (_gate)
        {
            var lane = _lanes[backend];
            lane.Running--;
            while (next is null && lane.Order.TryDequeue(out var id))
            {
                next = lane.Parked.Remove(id) ? id : null; // Woken by somebody else meanwhile, it has had its turn.
            }
        }

        if (next is not null)
        {
            queue.Add(next);
        }
    }

    private sealed class Lane
    {
        public int Running { get; set; }

        public Queue<string> Order { get; } = new();

        public HashSet<string> Parked { get; } = new(StringComparer.Ordinal);
    }
}
