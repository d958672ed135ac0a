using System.Buffers;
using System.Net.Sockets;
using System.Text;

namespace McpRuntime.Gateways.Egress;

internal enum HeadVerdict
{
    Read,
    Bad,
    TooLarge,

    /// <summary>The peer closed before it had said anything whole.</summary>
    Gone,
}

/// <summary>What has been received of one client and not yet passed on. Rented memory: lives as long as the handler.</summary>
internal sealed class Inbound(Socket socket, int capacity) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(capacity);
    private int _start;
    private int _end;

    public Socket Socket { get; } = socket;

    public ReadOnlyMemory<byte> Pending => _buffer.AsMemory(_start, _end - _start);

    public bool IsFull => _end - _start >= capacity;

    public void Consume(int count) => _start += count;

    /// <summary>Receives more behind what is pending; false at the end of the stream.</summary>
    public async ValueTask<bool> ReceiveAsync(CancellationToken ct)
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _start = 0;
        }

        var read = await Socket.ReceiveAsync(_buffer.AsMemory(_end, capacity - _end), SocketFlags.None, ct);
        _end += read;
        return read > 0;
    }

    /// <param name="max">Bytes a head may have.</param>
    public async Task<(HeadVerdict Verdict, RequestHead? Head)> ReadHeadAsync(int max, CancellationToken ct)
    {
        while (true)
        {
            var length = RequestHead.LengthOf(Pending.Span);
            if (length > max || (length < 0 && (Pending.Length >= max || IsFull)))
            {
                return (HeadVerdict.TooLarge, null);
            }

            if (length > 0)
            {
                var head = RequestHead.Parse(Pending.Span[..length]);
                Consume(length);
                return (head is null ? HeadVerdict.Bad : HeadVerdict.Read, head);
            }

            if (!await ReceiveAsync(ct))
            {
                return (Pending.IsEmpty ? HeadVerdict.Gone : HeadVerdict.Bad, null);
            }
        }
    }

    /// <summary>Early, once all is passed on: a quiet tunnel should hold no memory.</summary>
    public void Dispose()
    {
        var buffer = _buffer;
        (_buffer, _start, _end) = ([], 0, 0);
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}

/// <summary>Answers in the guard's own name. A person debugging a server reads the body; programs read the reason field.</summary>
internal static class Answer
{
    public static readonly ReadOnlyMemory<byte> Established = "HTTP/1.1 200 Connection established\r\n\r\n"u8.ToArray();

    /// <summary>Alert, fatal, access_denied (RFC 8446 §6): what a TLS client understands.</summary>
    public static readonly ReadOnlyMemory<byte> TlsAccessDenied = new byte[] { 21, 3, 3, 0, 2, 2, 49 };

    public static ReadOnlyMemory<byte> Of(int status, string phrase, string reason, string message, string extraField = "")
    {
        var body = $"guard: {message}\n";
        return Encoding.UTF8.GetBytes(
            $"HTTP/1.1 {status} {phrase}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\nConnection: close\r\n" +
            $"X-Guard-Reason: {reason}\r\n{extraField}\r\n{body}");
    }
}
