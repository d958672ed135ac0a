using McpRuntime.Backends.Docker.Guard;

namespace McpRuntime.Server.Outbound;

/// <summary>What a runtime's events get to tell of its refusals, and how often: a server that asks in a loop must not fill the table of events.</summary>
/// <remarks>Not thread-safe: one chore uses it.</remarks>
internal sealed class RefusalTally(TimeProvider time)
{
    /// <summary>Told at once; then one each <see cref="Refill"/>.</summary>
    public const int Burst = 10;

    /// <summary>The same host, port and reason is told again after this, with the count of what came meanwhile.</summary>
    public static readonly TimeSpan Repeat = TimeSpan.FromMinutes(10);

    public static readonly TimeSpan Refill = TimeSpan.FromMinutes(1);

    /// <summary>Entries remembered; the guard itself keeps 256 a network.</summary>
    private const int MostEntries = 20_000;

    private readonly Dictionary<(string Network, string Host, int Port, string Reason), Entry> _entries = [];
    private readonly Dictionary<string, Allowance> _allowances = new(StringComparer.Ordinal);
    private string _epoch = "";

    /// <summary>How often it happened since it was last asked about.</summary>
    public long New(string epoch, GuardRefusal refusal)
    {
        if (epoch != _epoch || _entries.Count > MostEntries)
        {
            // Another run of the guard counts from nothing. (The same when there are too many: some are then told again.)
            _entries.Clear();
            _epoch = epoch;
        }

        var entry = EntryOf(refusal);
        var times = refusal.Count - entry.Counted;
        entry.Counted = refusal.Count;
        entry.Untold += times;
        return times;
    }

    /// <summary>The words for an event; null: not now.</summary>
    public string? Tell(GuardRefusal refusal)
    {
        var now = time.GetUtcNow();
        var entry = EntryOf(refusal);
        if (entry.ToldAt is { } told && now - told < Repeat)
        {
            return null;
        }

        var record = refusal.Record!;
        if (!_allowances.TryGetValue(record, out var allowance))
        {
            _allowances[record] = allowance = new Allowance(Burst, now);
        }

        var earned = (int)((now - allowance.Since) / Refill);
        if (earned > 0)
        {
            allowance.Left = Math.Min(Burst, allowance.Left + earned);
            allowance.Since += earned * Refill;
        }

        if (allowance.Left == 0)
        {
            allowance.Silenced += entry.Untold;
            entry.Untold = 0;
            return null;
        }

        allowance.Left--;
        var words = Words(refusal, entry.Untold, allowance.Silenced);
        (entry.ToldAt, entry.Untold, allowance.Silenced) = (now, 0, 0);
        return words;
    }

    private Entry EntryOf(GuardRefusal refusal)
    {
        var key = (refusal.Network, refusal.Host, refusal.Port, refusal.Reason);
        return _entries.TryGetValue(key, out var entry) ? entry : _entries[key] = new Entry();
    }

    private static string Words(GuardRefusal refusal, long times, long silenced)
    {
        var where = refusal.Host.Length == 0 ? "A request through the proxy" : $"The way to {refusal.Host}:{refusal.Port}";
        var often = times > 1 ? $", {times} times" : "";
        var others = silenced > 0 ? $" {silenced} more refusals were not listed one by one." : "";
        return $"{where} was refused{often}: {Meaning(refusal.Reason)} ({refusal.Reason}).{others}";
    }

    /// <summary>The guard's words are open: a newer one may have more.</summary>
    private static string Meaning(string reason) => reason switch
    {
        "HostNotAllowed" => "it is not in allowed_hosts",
        "AddressForbidden" => "the name leads to a private, local or reserved address",
        "NoPolicy" => "nothing may leave this network",
        "ServerNameMismatch" => "inside the tunnel another host was asked for",
        "ServerNameMissing" or "ServerNameEncrypted" or "NotTls" or "EarlyData" => "strict lists want TLS whose server name can be read",
        "TooManyConnections" => "it has too many connections open",
        "NotFromOutside" => "it tried the guard's own ports",
        _ => "the guard did not let it pass",
    };

    private sealed class Entry
    {
        public long Counted { get; set; }

        public long Untold { get; set; }

        public DateTimeOffset? ToldAt { get; set; }
    }

    private sealed class Allowance(int left, DateTimeOffset since)
    {
        public int Left { get; set; } = left;

        public DateTimeOffset Since { get; set; } = since;

        public long Silenced { get; set; }
    }
}
