using System.Globalization;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>A client of the era with sessions. Its state is here alone: the server knows of none.</summary>
/// <param name="capabilities">As the client declared them.</param>
internal sealed class Session(string id, string caller, string version, JsonElement capabilities, BridgeLimits limits)
{
    /// <summary>Streams that nobody reads and that are over are kept for who comes back; so many at most.</summary>
    private const int MostStreams = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Call> _calls = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ServerRequest> _asked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _subscriptions = new(StringComparer.Ordinal);
    private readonly List<Outbox> _streams = [];
    private long _nextStream;
    private long _nextRequest;

    public string Id => id;

    public string Caller => caller;

    public string Version => version;

    /// <summary>What concerns no call: the stream that the client opens with GET.</summary>
    public Outbox Stream { get; } = new("0", limits);

    /// <summary>Index in <see cref="Protocol.LogLevels"/>; null until the client sets one.</summary>
    public int? LogLevel { get; set; }

    public long LastUsed { get; set; }

    public bool HasEnded { get; private set; }

    public bool IsBusy
    {
        get
        {
            lock (_lock)
            {
                return _calls.Count > 0 || Stream.IsRead;
            }
        }
    }

    public IReadOnlyList<Call> Calls
    {
        get
        {
            lock (_lock)
            {
                return [.. _calls.Values];
            }
        }
    }

    public bool Can(string capability) => capabilities.ValueKind == JsonValueKind.Object && capabilities.TryGetProperty(capability, out var declared) && declared.ValueKind == JsonValueKind.Object;

    public Outbox NewStream()
    {
        lock (_lock)
        {
            var outbox = new Outbox((++_nextStream).ToString(CultureInfo.InvariantCulture), limits);
            _streams.Add(outbox);

            // One that still runs is its call's; only the way back to it is forgotten.
            _streams.RemoveRange(0, Math.Max(0, _streams.Count - MostStreams));
            return outbox;
        }
    }

    /// <summary>Nobody can come back to it: its client was never told an event's id.</summary>
    public void Drop(Outbox stream)
    {
        lock (_lock)
        {
            _streams.Remove(stream);
        }
    }

    /// <summary>Of the streams that are over the oldest go, until all together are within bounds.</summary>
    public void Trim()
    {
        lock (_lock)
        {
            var excess = _streams.Sum(stream => stream.Bytes) - limits.KeptBytes;
            foreach (var stream in _streams.Where(stream => stream.IsDone).ToList())
            {
                if (excess <= 0)
                {
                    return;
                }

                excess -= stream.Bytes;
                _streams.Remove(stream);
            }
        }
    }

    /// <summary>By the text of a last event id; null when it is not (or no longer) known.</summary>
    public (Outbox Stream, long After)? Resume(string lastEventId)
    {
        var dash = lastEventId.IndexOf('-', StringComparison.Ordinal);
        if (dash <= 0 || !long.TryParse(lastEventId.AsSpan(dash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var after))
        {
            return null;
        }

        lock (_lock)
        {
            var name = lastEventId[..dash];
            return name == Stream.Name ? (Stream, after) : _streams.Find(stream => stream.Name == name) is { } stream ? (stream, after) : null;
        }
    }

    /// <returns>False: a call of that id is being worked on already, or the session has ended.</returns>
    public bool TryAdd(Call call)
    {
        lock (_lock)
        {
            return !HasEnded && _calls.TryAdd(call.ClientId, call);
        }
    }

    /// <summary>Whatever it has become with the server.</summary>
    public void Remove(Call call)
    {
        lock (_lock)
        {
            if (_calls.GetValueOrDefault(call.ClientId) is { } known && known.Outbox == call.Outbox)
            {
                _calls.Remove(call.ClientId);
            }
        }
    }

    /// <summary>The client's one call goes on as another one of the server's.</summary>
    /// <returns>False: it has been cancelled, or ended otherwise, and does not go on.</returns>
    public bool Replace(Call call, Call by)
    {
        lock (_lock)
        {
            if (_calls.GetValueOrDefault(call.ClientId) is not { } known || known.Outbox != call.Outbox)
            {
                return false;
            }

            _calls[call.ClientId] = by;
            return true;
        }
    }

    public Call? FindCall(string clientId)
    {
        lock (_lock)
        {
            return _calls.GetValueOrDefault(clientId);
        }
    }

    /// <summary>Puts a server's request under an id of ours, so that no client can answer what it was not asked.</summary>
    /// <returns>The id, as JSON; null when the session has ended, or leaves too much unanswered.</returns>
    public string? Ask(ServerRequest request)
    {
        lock (_lock)
        {
            if (HasEnded || _asked.Count >= limits.Asked)
            {
                return null;
            }

            var name = string.Create(CultureInfo.InvariantCulture, $"\"server-{++_nextRequest}\"");
            _asked[name] = request;
            return name;
        }
    }

    public ServerRequest? TakeAsked(string id)
    {
        lock (_lock)
        {
            return _asked.Remove(id, out var request) ? request : null;
        }
    }

    /// <summary>Takes those that were asked on behalf of a call (of any, when null).</summary>
    public IReadOnlyList<ServerRequest> TakeAskedFor(Call? call)
    {
        lock (_lock)
        {
            var taken = _asked.Where(asked => call is null || asked.Value.For == call).ToList();
            taken.ForEach(asked => _asked.Remove(asked.Key));
            return [.. taken.Select(asked => asked.Value)];
        }
    }

    /// <summary>By the server's own id of it.</summary>
    public string? AskedAs(string serverId)
    {
        lock (_lock)
        {
            return _asked.FirstOrDefault(asked => asked.Value.ServerId == serverId).Key;
        }
    }

    public void Subscribe(string uri, bool on)
    {
        const int MostSubscriptions = 1000;
        lock (_lock)
        {
            _ = on ? _subscriptions.Count < MostSubscriptions && _subscriptions.Add(uri) : _subscriptions.Remove(uri);
        }
    }

    public bool IsSubscribedTo(string uri)
    {
        lock (_lock)
        {
            return _subscriptions.Contains(uri);
        }
    }

    /// <returns>What it leaves behind.</returns>
    public (IReadOnlyList<Call> Calls, IReadOnlyList<string> Subscriptions) End()
    {
        lock (_lock)
        {
            HasEnded = true;
            Stream.Finish(null);
            Call[] calls = [.. _calls.Values];
            string[] subscriptions = [.. _subscriptions];
            _calls.Clear();
            _subscriptions.Clear();
            return (calls, subscriptions);
        }
    }
}

/// <summary>Something the server asked of the client behind a call.</summary>
/// <param name="ServerId">As JSON; empty where it came within an answer.</param>
/// <param name="Answered">Given the client's answer, or null when there will be none.</param>
internal sealed record ServerRequest(string ServerId, Call For, Action<JsonRpcMessage?> Answered);
