using System.Net;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// What the server has been asked and has not answered, and what waits for its turn. The one place where ids are given and taken: an
/// answer is believed once, for the id it carries, and goes to the call of that id alone.
/// </summary>
internal sealed class CallTable(BridgeLimits limits, Func<byte[], bool> send)
{
    private const int MostAbandoned = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<long, Call> _sent = [];
    private readonly Dictionary<long, OwnRequest> _own = [];
    private readonly LinkedList<Call> _waiting = [];
    private readonly Queue<long> _abandonedInOrder = [];
    private readonly Dictionary<long, Abandoned> _abandoned = [];
    private long _next;
    private int _working;
    private string? _ended;

    public int Working => Volatile.Read(ref _working);

    /// <summary>No client's call is worked on, nor one that its client no longer waits for: what the server says now is nobody's alone.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _working == 0 && !_abandoned.Values.Any(one => one.Asker is not null);
            }
        }
    }

    public void Begin(Call call)
    {
        lock (_lock)
        {
            if (_ended is { } why)
            {
                call.Fail(Protocol.Gateway, NeverSent(why), HttpStatusCode.ServiceUnavailable);
            }
            else if (call.IsListening || _working < limits.InFlight)
            {
                Send(call);
            }
            else if (_waiting.Count < limits.Waiting)
            {
                _waiting.AddLast(call);
            }
            else
            {
                call.Fail(Protocol.Gateway, $"The server works on {limits.InFlight} calls, and {limits.Waiting} wait. Nothing was sent; try again.", HttpStatusCode.ServiceUnavailable);
            }
        }
    }

    public async Task<JsonRpcMessage> AskAsync(Func<long, byte[]> frame, CancellationToken ct)
    {
        var request = new OwnRequest();
        long id;
        lock (_lock)
        {
            if (_ended is { } why)
            {
                throw new BridgeException(why);
            }

            id = ++_next;
            _own[id] = request;
        }

        if (!send(frame(id)))
        {
            throw new BridgeException("It does not take its input.");
        }

        try
        {
            return await request.Answer.Task.WaitAsync(ct);
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (_own.Remove(id))
                {
                    Abandon(id, new Abandoned(Asker: null, At: 0));
                }
            }

            throw;
        }
    }

    /// <returns>False: nobody asked that, or it was answered before.</returns>
    public bool Answer(long id, JsonRpcMessage answer)
    {
        Call? call;
        lock (_lock)
        {
            if (_own.Remove(id, out var own))
            {
                own.Answer.TrySetResult(answer);
                return true;
            }

            if (!_sent.Remove(id, out call))
            {
                return _abandoned.Remove(id);
            }

            Done(call);
        }

        try
        {
            if (call.Translate(answer) is { } translated)
            {
                call.Finish(translated.Message, translated.Status);
            }
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            call.Fail(Protocol.Gateway, $"The server's answer can't be passed on: {e.Message}");
        }

        return true;
    }

    /// <summary>Ends a call without its answer. The server's, if one comes, is not missed.</summary>
    /// <returns>Its id with the server, if that has it.</returns>
    /// <param name="now">On the clock of timestamps.</param>
    public long? Abandon(Call call, long now)
    {
        lock (_lock)
        {
            if (_waiting.Remove(call))
            {
                return null;
            }

            if (!_sent.Remove(call.Id))
            {
                return null;
            }

            Abandon(call.Id, new Abandoned(call.IsListening ? null : call.Asker, now));
            Done(call);
            return call.Id;
        }
    }

    public IReadOnlyList<Call> All()
    {
        lock (_lock)
        {
            return [.. _sent.Values, .. _waiting];
        }
    }

    public Call? Find(long id)
    {
        lock (_lock)
        {
            return _sent.GetValueOrDefault(id);
        }
    }

    /// <summary>
    /// The calls that the server works on, if they are all of one asker; what it says meanwhile can only be about these. It may still work
    /// on one that was cancelled: until it has answered that, or <see cref="Forget"/> gave it up, that asker counts too.
    /// </summary>
    public Call? OnlyAskers()
    {
        lock (_lock)
        {
            Call? latest = null;
            foreach (var call in _sent.Values)
            {
                if (call.IsListening)
                {
                    continue;
                }

                if (latest is not null && !ReferenceEquals(latest.Asker, call.Asker))
                {
                    return null;
                }

                latest = latest is null || call.Id > latest.Id ? call : latest;
            }

            return latest is not null && _abandoned.Values.All(one => one.Asker is null || ReferenceEquals(one.Asker, latest.Asker)) ? latest : null;
        }
    }

    /// <summary>Servers need not answer what was cancelled: so long after it, none is taken to work on it still.</summary>
    public void Forget(Func<long, bool> isLongAgo)
    {
        lock (_lock)
        {
            foreach (var (id, one) in _abandoned)
            {
                if (one.Asker is not null && isLongAgo(one.At))
                {
                    _abandoned[id] = one with { Asker = null };
                }
            }
        }
    }

    /// <summary>Nobody is left without an answer.</summary>
    public void End(string why)
    {
        List<Call> sent;
        List<Call> waiting;
        lock (_lock)
        {
            if (_ended is not null)
            {
                return;
            }

            _ended = why;
            sent = [.. _sent.Values];
            waiting = [.. _waiting];
            _sent.Clear();
            _waiting.Clear();
            foreach (var own in _own.Values)
            {
                own.Answer.TrySetException(new BridgeException(why));
            }

            _own.Clear();
        }

        foreach (var call in sent)
        {
            call.Fail(Protocol.Gateway, $"The server ended, or was replaced, while it worked on this: {why} Whether it was executed is not known.");
        }

        foreach (var call in waiting)
        {
            call.Fail(Protocol.Gateway, NeverSent(why));
        }
    }

    /// <summary>What reading text that is none throws. It is one call's trouble, and never that of all who talk to the server.</summary>
    private static bool IsUnreadable(Exception e) => e is InvalidOperationException or ArgumentException or System.Text.Json.JsonException;

    private static string NeverSent(string why) => $"The server ended, or was replaced: {why} This was not sent to it, and not executed.";

    private void Send(Call call)
    {
        call.Id = ++_next;
        byte[] frame;
        try
        {
            frame = call.Frame(call.Id);
        }
        catch (Exception e) when (IsUnreadable(e))
        {
            call.Fail(Protocol.InvalidRequest, $"The message can't be passed on: {e.Message} Nothing was sent.", HttpStatusCode.BadRequest);
            return;
        }

        if (!send(frame))
        {
            call.Fail(Protocol.Gateway, "The server does not take its input. Nothing was sent; try again.", HttpStatusCode.ServiceUnavailable);
            return;
        }

        _sent[call.Id] = call;
        _working += call.IsListening ? 0 : 1;
    }

    private void Done(Call call)
    {
        _working -= call.IsListening ? 0 : 1;
        while (_working < limits.InFlight && _waiting.First is { } next)
        {
            _waiting.RemoveFirst();
            Send(next.Value);
        }
    }

    private void Abandon(long id, Abandoned one)
    {
        _abandoned[id] = one;
        _abandonedInOrder.Enqueue(id);
        if (_abandonedInOrder.Count > MostAbandoned)
        {
            _abandoned.Remove(_abandonedInOrder.Dequeue());
        }
    }

    /// <param name="Asker">Whose it was; null where it was no client's call.</param>
    private readonly record struct Abandoned(object? Asker, long At);
}
