using McpRuntime.Backends.Docker.Guard;

namespace McpRuntime.Gateways.Egress;

/// <summary>Why something did not pass. Closed, so that the words for each are said in one place.</summary>
internal enum Refused
{
    NoPolicy,
    BadRequest,
    HostNotAllowed,
    AddressForbidden,
    NotTls,
    ServerNameMissing,
    ServerNameMismatch,
    ServerNameEncrypted,
    EarlyData,
    TooManyConnections,
    HeadTooSlow,
    NotFromOutside,
    BadToken,
    TargetNotInner,
}

/// <summary>
/// What was refused and how much passed, by source network. Bounded twice: repeats are one entry with a count, and a network has
/// room of its own, so that a flood from one runtime can't wash out what another one did.
/// </summary>
internal sealed class Ledger(GuardLimits limits, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Page> _pages = new(StringComparer.Ordinal);
    private long _seq;

    /// <summary>Names this run of the guard: sequence numbers mean nothing under another one.</summary>
    public string Epoch { get; } = Guid.NewGuid().ToString("n");

    public void Refuse(string network, string? record, string host, int port, Refused reason)
    {
        var now = time.GetUtcNow();
        lock (_gate)
        {
            var page = PageOf(network, record);
            page.Denied++;
            var key = (host, port, reason);
            page.Entries[key] = page.Entries.TryGetValue(key, out var known)
                ? known with { Seq = ++_seq, Count = known.Count + 1, LastAt = now, Record = record }
                : new GuardRefusal(++_seq, network, record, host, port, reason.ToString(), 1, now, now);
            page.LastSeq = _seq;
            if (page.Entries.Count > limits.RefusalsPerNetwork)
            {
                page.Entries.Remove(page.Entries.MinBy(e => e.Value.Seq).Key);
            }
        }
    }

    public void Allow(string network, string? record)
    {
        lock (_gate)
        {
            PageOf(network, record).Allowed++;
        }
    }

    public GuardRefusalPage After(long seq, int max)
    {
        lock (_gate)
        {
            GuardRefusal[] found = [.. _pages.Values
                .Where(p => p.LastSeq > seq)
                .SelectMany(p => p.Entries.Values)
                .Where(e => e.Seq > seq)
                .OrderBy(e => e.Seq)
                .Take(max)];
            return new GuardRefusalPage(Epoch, found.Length == 0 ? Math.Max(seq, 0) : found[^1].Seq, found);
        }
    }

    public GuardTrafficList Traffic(Func<string, int> openFrom)
    {
        lock (_gate)
        {
            return new GuardTrafficList(Epoch, [.. _pages.Select(p => new GuardTraffic(p.Key, p.Value.Record, p.Value.Allowed, p.Value.Denied, openFrom(p.Key)))]);
        }
    }

    private Page PageOf(string network, string? record)
    {
        if (!_pages.TryGetValue(network, out var page))
        {
            // Sources are our own networks and, at the relay, whoever had the wrong token: those could be many.
            if (_pages.Count >= limits.Policies)
            {
                _pages.Remove(_pages.MinBy(p => p.Value.LastSeq).Key);
            }

            _pages[network] = page = new Page();
        }

        page.Record = record;
        return page;
    }

    private sealed class Page
    {
        public Dictionary<(string Host, int Port, Refused Reason), GuardRefusal> Entries { get; } = [];

        public long LastSeq { get; set; }

        public long Allowed { get; set; }

        public long Denied { get; set; }

        public string? Record { get; set; }
    }
}
