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

    /// <summary>Whose they were, within the grace.</summary>
    public IEnumerable<object> Askers => _calls.Values.Where(call => call.Asker is not null && time.GetElapsedTime(call.At) < grace).Select(call => call.Asker!);

    /// <param name="asker">Null where it was no client's call.</param>
    public void Add(long id, object? asker)
    {
        _calls[id] = new Abandoned(asker, time.GetTimestamp());
        _inOrder.Enqueue(id);
        if (_inOrder.Count > Most)
        {
            _calls.Remove(_inOrder.Dequeue());
        }
    }

    /// <summary>The server's answer to it, which is not missed.</summary>
    /// <returns>False: it is none of these.</returns>
    public bool Answered(long id) => _calls.Remove(id);

    private readonly record struct Abandoned(object? Asker, long At);
}
