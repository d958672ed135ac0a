using System.Buffers.Binary;

namespace McpRuntime.Backends.Docker.Stdio;

/// <summary>
/// One of the two outputs out of the frames of an attached container: 8 bytes of header (stream, three zeros, length big endian), then
/// the bytes. Frames of the other stream are skipped.
/// </summary>
/// <param name="source">1 = stdout, 2 = stderr.</param>
internal sealed class OutputFrames(Stream attached, byte source) : Stream
{
    private readonly byte[] _header = new byte[8];
    private readonly byte[] _skipped = new byte[4096];
    private long _left;

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
        while (_left == 0)
        {
            if (await attached.ReadAtLeastAsync(_header, _header.Length, throwOnEndOfStream: false, cancellationToken) < _header.Length)
            {
                return 0;
            }

            if (_header[0] > 2 || _header[1] != 0 || _header[2] != 0 || _header[3] != 0)
            {
                throw new InvalidDataException("The engine's output is not in the frames it documents.");
            }

            _left = BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(4));
            if (_header[0] != source)
            {
                await SkipAsync(cancellationToken);
            }
        }

        var read = await attached.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read;
        return read;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override void Flush() => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private async ValueTask SkipAsync(CancellationToken ct)
    {
        while (_left > 0)
        {
            var read = await attached.ReadAsync(_skipped.AsMemory(0, (int)Math.Min(_skipped.Length, _left)), ct);
            _left = read == 0 ? 0 : _left - read;
        }
    }
}
