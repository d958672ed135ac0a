using System.Globalization;

namespace McpRuntime.Gateways.Egress;

/// <summary>Counts a request body as it streams by, and says where it ends. Not thread-safe; one a request.</summary>
internal sealed class BodyFraming
{
    private const int MaxChunkLine = 256;
    private const int MaxTrailers = 8 * 1024;

    private readonly bool _stated;
    private readonly bool _chunked;
    private State _state;
    private long _left;
    private int _line;
    private int _trailers;

    private BodyFraming(long length, bool stated, bool chunked)
    {
        _left = length;
        _stated = stated;
        _chunked = chunked;
        _state = chunked ? State.Size : length == 0 ? State.Done : State.Data;
        Field = chunked ? "Transfer-Encoding: chunked\r\n" : stated ? string.Create(CultureInfo.InvariantCulture, $"Content-Length: {length}\r\n") : "";
    }

    private enum State
    {
        Data,
        Size,
        Extension,
        SizeEnd,
        DataCr,
        DataLf,
        TrailerStart,
        Trailer,
        TrailerLf,
        LastLf,
        Done,
        Broken,
    }

    /// <summary>The header line that tells the next hop the same.</summary>
    public string Field { get; }

    public bool IsDone => _state == State.Done;

    public bool IsBroken => _state == State.Broken;

    public static BodyFraming Of(long length, bool stated) => new(length, stated, chunked: false);

    public static BodyFraming Chunked() => new(0, stated: false, chunked: true);

    /// <summary>How many of these bytes belong to the body; fewer than given only at its end, or where it is broken.</summary>
    public int Take(ReadOnlySpan<byte> bytes)
    {
        var taken = 0;
        while (taken < bytes.Length && !IsDone && !IsBroken)
        {
            if (_state == State.Data)
            {
                var step = (int)Math.Min(_left, bytes.Length - taken);
                taken += step;
                _left -= step;
                if (_left == 0)
                {
                    _state = _chunked ? State.DataCr : State.Done;
                }
            }
            else
            {
                _state = Next(bytes[taken]);
                taken += IsBroken ? 0 : 1;
            }
        }

        return taken;
    }

    private State Next(byte b) => _state switch
    {
        State.Size => Size(b),
        State.Extension => Extension(b),
        State.SizeEnd => b != '\n' ? State.Broken : StartOfChunk(),
        State.DataCr => b == '\r' ? State.DataLf : State.Broken,
        State.DataLf => b == '\n' ? StartOfSize() : State.Broken,
        State.TrailerStart => b == '\r' ? State.LastLf : Trailer(b),
        State.Trailer => Trailer(b),
        State.TrailerLf => b == '\n' ? State.TrailerStart : State.Broken,
        State.LastLf => b == '\n' ? State.Done : State.Broken,
        State.Data or State.Done or State.Broken => State.Broken,
    };

    private State StartOfSize()
    {
        _line = 0;
        return State.Size;
    }

    private State StartOfChunk() => _left == 0 ? State.TrailerStart : State.Data;

    private State Size(byte b)
    {
        if (char.IsAsciiHexDigit((char)b))
        {
            _left = _line == 0 ? 0 : _left;
            _left = (_left << 4) | (uint)Convert.ToInt32(((char)b).ToString(), 16);
            // 15 digits keep it inside a long.
            return ++_line <= 15 ? State.Size : State.Broken;
        }

        return _line == 0 ? State.Broken
            : b == '\r' ? State.SizeEnd
            : b is (byte)';' or (byte)' ' or (byte)'\t' ? State.Extension
            : State.Broken;
    }

    private State Extension(byte b) => b == '\r' ? State.SizeEnd
        : b == '\n' || ++_line > MaxChunkLine ? State.Broken
        : State.Extension;

    private State Trailer(byte b) => b == '\r' ? State.TrailerLf
        : b == '\n' || ++_trailers > MaxTrailers ? State.Broken
        : State.Trailer;
}
