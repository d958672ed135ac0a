using System.Net;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// What goes to a client on one stream, numbered from 1. Read by one reader at a time, the latest; what it read is kept for a while,
/// so that a reader that was cut off can go on behind the last message it has.
/// </summary>
/// <param name="name">Unique in its session: with the number it is the event's id.</param>
internal sealed class Outbox(string name, BridgeLimits limits)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Item> _items = [];
    private TaskCompletionSource _changed = New();
    private long _next = 1;
    private long _bytes;
    private long _read;
    private long _reader;

    public string Name => name;

    /// <summary>What of it is in memory.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>The number of the last message that a reader took; 0 for none.</summary>
    public long LastRead => Volatile.Read(ref _read);

    public bool IsDone { get; private set; }

    /// <summary>With which the last message is best answered, if it is the only one.</summary>
    public HttpStatusCode Status { get; private set; } = HttpStatusCode.OK;

    /// <summary>Whether a reader has hold of it.</summary>
    public bool IsRead { get; private set; }

    /// <returns>False: its client does not read, and this one is dropped; or it is done.</returns>
    public bool TrySend(byte[] message) => Add(message, last: false);

    /// <summary>The answer, or null for none. Later ones are ignored: nobody is answered twice.</summary>
    public void Finish(byte[]? message, HttpStatusCode status = HttpStatusCode.OK)
    {
        lock (_lock)
        {
            if (IsDone)
            {
                return;
            }

            Status = status;
        }

        Add(message, last: true);
    }

    /// <summary>Completes with the first message, or the end.</summary>
    public async Task<(byte[]? Message, bool IsOnly)> FirstAsync(CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_items.First is { } first)
                {
                    return (first.Value.Message, IsDone && _items.Count == 1 && _next == 2);
                }

                if (IsDone)
                {
                    return (null, true);
                }

                changed = _changed.Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    /// <returns>A number to read by; readers before are told that it is over.</returns>
    public long Open()
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _reader++;
            IsRead = true;
            (changed, _changed) = (_changed, New());
        }

        changed.TrySetResult();
        return _reader;
    }

    public void Close(long reader)
    {
        lock (_lock)
        {
            IsRead &= reader != _reader;
        }
    }

    /// <returns>Null: there will be no more for this reader.</returns>
    public async ValueTask<Item?> NextAsync(long reader, long after, CancellationToken ct)
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (reader != _reader)
                {
                    return null;
                }

                for (var at = _items.First; at is not null; at = at.Next)
                {
                    if (at.Value.Number > after)
                    {
                        _read = Math.Max(_read, at.Value.Number);
                        return at.Value;
                    }
                }

                if (IsDone)
                {
                    return null;
                }

                Forget();
                changed = _changed.Task;
            }

            await changed.WaitAsync(ct);
        }
    }

    private bool Add(byte[]? message, bool last)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            if (IsDone)
            {
                return false;
            }

            Forget();
            if (!last && (_items.Count >= limits.UnreadMessages || _bytes + message!.Length > limits.UnreadBytes))
            {
                return false;
            }

            if (message is not null)
            {
                _items.AddLast(new Item(_next++, message));
                _bytes += message.Length;
            }

            IsDone = last;
            (changed, _changed) = (_changed, New());
        }

        changed.TrySetResult();
        return true;
    }

    /// <summary>Keeps a few of those that were read.</summary>
    private void Forget()
    {
        const int Kept = 64;
        while (_items.First is { } oldest && oldest.Value.Number <= _read - Kept)
        {
            _bytes -= oldest.Value.Message.Length;
            _items.RemoveFirst();
        }

        while (_bytes > limits.UnreadBytes / 2 && _items.First is { } large && large.Value.Number <= _read)
        {
            _bytes -= large.Value.Message.Length;
            _items.RemoveFirst();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal sealed record Item(long Number, byte[] Message);
}
