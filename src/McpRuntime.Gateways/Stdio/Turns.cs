namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// Whose call the server works on next. A caller may have as many calls worked on as there are places free, and as many waiting: alone it
/// comes to half of them, and whoever comes later always finds some. Those who wait have their turns one after the other, a call each.
/// Its user's lock guards it.
/// </summary>
internal sealed class Turns(BridgeLimits limits)
{
    private readonly Dictionary<string, Share> _shares = new(StringComparer.Ordinal);

    /// <summary>Callers of whom something waits; the next one's turn is first.</summary>
    private readonly LinkedList<Share> _round = [];
    private int _working;
    private int _waiting;

    public int Working => Volatile.Read(ref _working);

    public IEnumerable<Call> Waiting => _round.SelectMany(share => share.Waiting);

    /// <returns>False: it must wait.</returns>
    public bool TryTake(Call call)
    {
        var share = Of(call);
        if (share.Waiting.Count > 0 || !MayWork(share))
        {
            return false;
        }

        Take(share);
        return true;
    }

    /// <returns>Null when it waits for its turn; else why it may not.</returns>
    public string? Wait(Call call)
    {
        var share = Of(call);
        if (share.Waiting.Count >= limits.Waiting - _waiting)
        {
            Forget(share);
            return _waiting >= limits.Waiting
                ? $"The server works on {_working} calls, and {_waiting} wait."
                : $"Of this caller the server works on {share.Working} calls, and {share.Waiting.Count} wait: its share, since others need room too.";
        }

        if (share.Waiting.Count == 0)
        {
            _round.AddLast(share);
        }

        share.Waiting.AddLast(call);
        _waiting++;
        return null;
    }

    /// <returns>A call whose turn has come; null when there is none, or no place.</returns>
    public Call? Next()
    {
        for (var at = _round.First; at is not null; at = at.Next)
        {
            var share = at.Value;
            if (!MayWork(share))
            {
                continue;
            }

            var call = share.Waiting.First!.Value;
            share.Waiting.RemoveFirst();
            _waiting--;
            Take(share);
            _round.Remove(at);
            if (share.Waiting.Count > 0)
            {
                _round.AddLast(share);
            }

            return call;
        }

        return null;
    }

    /// <summary>The server no longer works on it.</summary>
    public void Done(Call call)
    {
        var share = Of(call);
        share.Working--;
        _working--;
        Forget(share);
    }

    /// <returns>False: it did not wait.</returns>
    public bool Remove(Call call)
    {
        if (!_shares.TryGetValue(call.Caller, out var share) || !share.Waiting.Remove(call))
        {
            return false;
        }

        _waiting--;
        if (share.Waiting.Count == 0)
        {
            _round.Remove(share);
        }

        Forget(share);
        return true;
    }

    public void Clear()
    {
        _shares.Clear();
        _round.Clear();
        _waiting = _working = 0;
    }

    private bool MayWork(Share share) => share.Working < limits.InFlight - _working;

    private void Take(Share share)
    {
        share.Working++;
        _working++;
    }

    private Share Of(Call call)
    {
        if (!_shares.TryGetValue(call.Caller, out var share))
        {
            share = _shares[call.Caller] = new Share(call.Caller);
        }

        return share;
    }

    private void Forget(Share share)
    {
        if (share is { Working: 0, Waiting.Count: 0 })
        {
            _shares.Remove(share.Caller);
        }
    }

    private sealed class Share(string caller)
    {
        public string Caller => caller;

        public int Working { get; set; }

        public LinkedList<Call> Waiting { get; } = [];
    }
}
