namespace McpRuntime.Server.Access;

/// <summary>So many a minute for each key, a full minute's worth at once at most.</summary>
internal sealed class TokenBuckets(int perMinute, TimeProvider time)
{
    private const int MaxKeys = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, (double Left, long At)> _buckets = new(StringComparer.Ordinal);

    /// <summary>Null: go on. Else how long to wait for the next one.</summary>
    public TimeSpan? Take(string key)
    {
        if (perMinute == 0)
        {
            return null;
        }

        lock (_gate)
        {
            var now = time.GetTimestamp();
            var left = _buckets.TryGetValue(key, out var bucket) ? Refilled(bucket, now) : perMinute;
            if (left < 1)
            {
                _buckets[key] = (left, now);
                return TimeSpan.FromMinutes((1 - left) / perMinute);
            }

            if (_buckets.Count >= MaxKeys)
            {
                Sweep(now);
            }

            _buckets[key] = (left - 1, now);
            return null;
        }
    }

    private double Refilled((double Left, long At) bucket, long now) =>
        Math.Min(perMinute, bucket.Left + (time.GetElapsedTime(bucket.At, now).TotalMinutes * perMinute));

    // A full bucket is the same as none. When none is full, the map starts anew: a moment's leniency, not a leak.
    private void Sweep(long now)
    {
        foreach (var key in _buckets.Where(pair => Refilled(pair.Value, now) >= perMinute).Select(pair => pair.Key).ToList())
        {
            _buckets.Remove(key);
        }

        if (_buckets.Count >= MaxKeys)
        {
            _buckets.Clear();
        }
    }
}
