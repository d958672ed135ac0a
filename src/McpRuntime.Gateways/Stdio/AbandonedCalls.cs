namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// Calls that nobody waits for any more, and that the server may work on still. Its user's lock guards it.
/// </summary>
/// <param name="grace">What a server says for so long after it was told of the end may be about the call; servers need not answer it.</param>
internal sealed class AbandonedCalls(TimeSpan grace, TimeProvider time)
{
    private const int Most = 4096;

    private readonly Queue<long> _inOrder = [];
    private readonly Dictionary<long, Abandoned> _calls = [];

    /// <summary>Those that have an asker still, in order.</summary>
    private readonly Queue<long> _asked = [];

    /// <summary>Whose they were, within the grace.</summary>
    public IEnumerable<object> Askers
    {
        get
        {
            LetGo();
            return _calls.Values.Select(call => call.Asker).OfType<object>();
        }
    }

    /// <param name="asker">Null where it was no client's call.</param>
    public void Add(long id, object? asker)
    {
        LetGo();
        _calls[id] = new Abandoned(asker, time.GetTimestamp());
        _inOrder.Enqueue(id);
        if (asker is not null)
        {
            _asked.Enqueue(id);
        }

        if (_inOrder.Count > Most)
        {
            _calls.Remove(_inOrder.Dequeue());
        }
    }

    /// <summary>The server's answer to it, which is not missed.</summary>
    /// <returns>False: it is none of these.</returns>
    public bool Answered(long id) => _calls.Remove(id);

    /// <summary>After the grace only the number is kept: an asker is a whole session, which may have ended long ago.</summary>
    private void LetGo()
    {
        while (_asked.TryPeek(out var oldest))
        {
            var known = _calls.TryGetValue(oldest, out var call);
            if (known && time.GetElapsedTime(call.At) < grace)
            {
                return;
            }

            if (known)
            {
                _calls[oldest] = call with { Asker = null };
            }

            _asked.Dequeue();
        }
    }

    private readonly record struct Abandoned(object? Asker, long At);
}
