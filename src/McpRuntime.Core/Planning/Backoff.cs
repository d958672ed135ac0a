namespace McpRuntime.Core.Planning;

/// <summary>How long to leave something alone after it failed.</summary>
public static class Backoff
{
    /// <summary>First, then doubling up to most; up to a fifth less by <paramref name="salt"/>, so that records that failed together do not come back together.</summary>
    /// <param name="failures">1 for the first.</param>
    public static TimeSpan After(int failures, string salt, TimeSpan first, TimeSpan most)
    {
        var doubled = first * Math.Pow(2, Math.Clamp(failures - 1, 0, 30));
        var capped = doubled < most ? doubled : most;
        return capped * (1 - (0.2 * Spread(salt, failures)));
    }

    /// <summary>The wait that this fault asks for, after so many in a row.</summary>
    public static TimeSpan After(Fault fault, int failures, string salt, PlannerOptions options)
    {
        var usual = After(failures, salt, options.BackoffFirst, options.BackoffMost);
        return fault.Kind switch
        {
            FaultKind.Transient => usual,
            FaultKind.Throttled => fault.RetryAfter is { } asked && asked > usual ? asked : usual,
            FaultKind.Unauthorized => usual > options.Slowly ? usual : options.Slowly,
            FaultKind.Refused => options.BackoffMost,
        };
    }

    // FNV-1a: string.GetHashCode differs between processes, and a decision must not.
    private static double Spread(string salt, int failures)
    {
        var hash = 2166136261u;
        foreach (var c in salt)
        {
            hash = unchecked((hash ^ c) * 16777619u);
        }

        hash = unchecked((hash ^ (uint)failures) * 16777619u);
        return (hash % 1000) / 1000d;
    }
}
