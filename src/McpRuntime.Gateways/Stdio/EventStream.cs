using System.Globalization;
using System.Text;

namespace McpRuntime.Gateways.Stdio;

/// <summary>An outbox as a stream of events. Disposing it, which the client's end does, tells <paramref name="closed"/>.</summary>
/// <param name="after">The number of the last event that the client has; 0 for none.</param>
/// <param name="numbered">Whether events get ids, by which a client can come back.</param>
internal sealed class EventStream(Outbox outbox, long after, bool numbered, Action closed) : Stream
{
    private readonly long _reader = outbox.Open();
    private ReadOnlyMemory<byte> _rest;
    private long _after = after;
    private bool _closed;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_rest.IsEmpty)
        {
            if (await outbox.NextAsync(_reader, _after, cancellationToken) is not { } item)
            {
                return 0;
            }

            _after = item.Number;
            _rest = Event(item);
        }

        var length = Math.Min(buffer.Length, _rest.Length);
        _rest[..length].CopyTo(buffer);
        _rest = _rest[length..];
        return length;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_closed)
        {
            _closed = true;
            outbox.Close(_reader);
            closed();
        }

        base.Dispose(disposing);
    }

    private byte[] Event(Outbox.Item item)
    {
        var head = numbered ? string.Create(CultureInfo.InvariantCulture, $"event: message\nid: {outbox.Name}-{item.Number}\ndata: ") : "event: message\ndata: ";
        var bytes = new byte[head.Length + item.Message.Length + 2];
        Encoding.ASCII.GetBytes(head, bytes);
        item.Message.CopyTo(bytes, head.Length);
        bytes[^2] = bytes[^1] = (byte)'\n';
        return bytes;
    }
}
