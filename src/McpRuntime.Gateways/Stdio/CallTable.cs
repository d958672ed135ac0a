using System.Net;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// What the server has been asked and has not answered, and what waits for its turn. The one place where ids are given and taken: an
/// answer is believed once, for the id it carries, and goes to the call of that id alone.
/// </summary>
internal sealed class CallTable(BridgeLimits limits, TimeProvider time, Func<byte[], bool> send)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<long, Call> _sent = [];
    private readonly Dictionary<long, OwnRequest> _own = [];
    private readonly Turns _turns = new(limits);
    private readonly AbandonedCalls _abandoned = new(limits.CancelGrace, time);
    private long _next;
    private string? _ended;

    public int Working => _turns.Working;

    /// <summary>No client's call is worked on, nor one that its client no longer waits for: what the server says now is nobody's alone.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
            {
                return _turns.Working == 0 && !_abandoned.Askers.Any();
            }
        }
    }

    public void Begin(Call call)
    {
        lock (_lock)
        {
            if (call.IsAbandoned)
            {
                return;
            }

            if (_ended is { } why)
            {
                call.Fail(Protocol.Gateway, NeverSent(why), HttpStatusCode.ServiceUnavailable);
            }
            else if (call.IsListening ? MayListen(call) : _turns.TryTake(call))
            {
                if (!Send(call))
                {
                    Done(call);
                }
            }
            else if ((call.IsListening ? "Of the streams that may listen to the server, this caller has its share." : _turns.Wait(call)) is { } full)
            {
                call.Fail(Protocol.Gateway, $"{full} Nothing was sent; try again.", HttpStatusCode.ServiceUnavailable);
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

        try
        {
            return send(frame(id)) ? await request.Answer.Task.WaitAsync(ct) : throw new BridgeException("It does not take its input.");
        }
        catch (Exception e)
        {
            lock (_lock)
            {
                if (_own.Remove(id) && e is OperationCanceledException)
                {
                    _abandoned.Add(id, asker: null);
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
                return _abandoned.Answered(id);
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
    public long? Abandon(Call call)
    {
        lock (_lock)
        {
            call.IsAbandoned = true;
            if (_turns.Remove(call) || !_sent.Remove(call.Id))
            {
                return null;
            }

            _abandoned.Add(call.Id, call.IsListening ? null : call.Asker);
            Done(call);
            return call.Id;
        }
    }

    public IReadOnlyList<Call> All()
    {
        lock (_lock)
        {
            return [.. _sent.Values, .. _turns.Waiting];
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
    /// on one that was cancelled: until it has answered that, or the grace is over, that asker counts too.
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

            return latest is not null && _abandoned.Askers.All(asker => ReferenceEquals(asker, latest.Asker)) ? latest : null;
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
            waiting = [.. _turns.Waiting];
            _sent.Clear();
            _turns.Clear();
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

    /// <returns>False: nothing was sent, and its client was told.</returns>
    private bool Send(Call call)
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
            return false;
        }

        if (!send(frame))
        {
            call.Fail(Protocol.Gateway, "The server does not take its input. Nothing was sent; try again.", HttpStatusCode.ServiceUnavailable);
            return false;
        }

        _sent[call.Id] = call;
        return true;
    }

    /// <summary>Its place is free, and the next one's turn has come.</summary>
    private void Done(Call call)
    {
        if (call.IsListening)
        {
            return;
        }

        _turns.Done(call);
        while (_turns.Next() is { } next)
        {
            if (!Send(next))
            {
                _turns.Done(next);
            }
        }
    }

    /// <summary>As with <see cref="Turns"/>: one caller's streams leave as many places as they take.</summary>
    private bool MayListen(Call call)
    {
        var listening = _sent.Values.Where(other => other.IsListening).ToList();
        return listening.Count(other => other.Caller == call.Caller) < limits.Listeners - listening.Count;
    }
}
