using System.Buffers;
using System.Text;

namespace McpRuntime.Gateways.Embedded;

/// <summary>
/// Passes a stream of events on, but for one kind: <c>endpoint</c>, by which a server of the HTTP+SSE transport tells the client where
/// to post. That one is replaced wherever it stands: a client follows each of them with its credentials, so a server could otherwise
/// point it at any address of ours.
/// </summary>
/// <remarks>
/// What kind an event is may be said by its last line, so it is held until it is whole (a client can't use less either), up to 64 KiB.
/// A longer one is passed on as it comes; should it then call itself an endpoint, the stream is cut. Line ends become LF.
/// </remarks>
/// <param name="outcome">Reads along; null where nobody asks how the call went.</param>
/// <param name="judge">Data of an event → what of it is passed on; throws where it can't tell. Null where all may pass. With it, events
/// are held up to <see cref="MaxJudged"/>, a longer one cuts the stream, and only the lines that the standard knows are passed.</param>
/// <param name="rewrite">The server's address → the one the client is given; null refuses it and cuts the stream.</param>
internal sealed class SseRewriter(Func<string, string?> rewrite, Tools.CallOutcome? outcome = null, Func<string, string>? judge = null)
{
    public const int MaxHeld = 64 * 1024;
    public const int MaxJudged = Probing.McpAnswer.MaxBytes;

    /// <summary><c>event: endpoint</c> with room for blanks; no honest event line is longer.</summary>
    private const int MaxEventLine = 64;

    // Holding: the lines of the current event, each with its LF, and the line that is not whole yet.
    // Passing: only the line that is not whole yet, while it is short enough to be an event line.
    private readonly ArrayBufferWriter<byte> _held = new(1024);
    private int _lineStart;
    private bool _isEndpoint;
    private bool _passing;
    private bool _lineIsHarmless;
    private bool _afterCarriageReturn;
    private bool _atStart = true;

    /// <summary>Where some clients wrongly end a line: behind one a comment would go on as data.</summary>
    private static readonly SearchValues<char> OtherLineEnds = SearchValues.Create("\v\f\u001c\u001d\u001e\u0085\u2028\u2029");

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>Nothing of the current event was passed on, so that a comment may go between.</summary>
    public bool AtBoundary => !_passing;

    /// <exception cref="SseRefusedException">The stream must be cut.</exception>
    public void Write(ReadOnlySpan<byte> chunk, IBufferWriter<byte> to)
    {
        while (!chunk.IsEmpty)
        {
            if (_afterCarriageReturn && chunk[0] == (byte)'\n')
            {
                chunk = chunk[1..];
                _afterCarriageReturn = false;
                continue;
            }

            var end = chunk.IndexOfAny((byte)'\r', (byte)'\n');
            Text(end < 0 ? chunk : chunk[..end], to);
            if (end < 0)
            {
                _afterCarriageReturn = false;
                return;
            }

            LineEnd(to);
            _afterCarriageReturn = chunk[end] == (byte)'\r';
            chunk = chunk[(end + 1)..];
        }
    }

    /// <summary>The stream ended. What is held was no whole event; it is passed on for clients that are lenient, unless it is an endpoint.</summary>
    public void Complete(IBufferWriter<byte> to)
    {
        ReadLine(_held.WrittenSpan[_lineStart..]);
        if (!_isEndpoint)
        {
            Pass(to);
        }

        _held.ResetWrittenCount();
    }

    private void Text(ReadOnlySpan<byte> piece, IBufferWriter<byte> to)
    {
        if (_lineIsHarmless)
        {
            to.Write(piece);
            return;
        }

        _held.Write(piece);
        if (!_passing && _held.WrittenCount > (judge is null ? MaxHeld : MaxJudged))
        {
            StartPassing(to);
        }

        if (_passing && _held.WrittenCount > MaxEventLine)
        {
            if (EventOf(_held.WrittenSpan) is not null)
            {
                throw new SseRefusedException("an event line that does not end");
            }

            to.Write(_held.WrittenSpan);
            _held.ResetWrittenCount();
            _lineIsHarmless = true;
        }
    }

    private void LineEnd(IBufferWriter<byte> to)
    {
        var line = _held.WrittenSpan[_lineStart..];
        var isBlank = line.IsEmpty && !_lineIsHarmless;
        ReadLine(line);
        if (_passing)
        {
            if (_isEndpoint)
            {
                throw new SseRefusedException("an endpoint event of more than 64 KiB");
            }

            to.Write(line);
            to.Write("\n"u8);
            _held.ResetWrittenCount();
            _lineIsHarmless = false;
            _passing = !isBlank;
            return;
        }

        var isComment = _lineStart == 0 && !line.IsEmpty && line[0] == (byte)':';
        _held.Write("\n"u8);
        _lineStart = _held.WrittenCount;

        // A comment between events has nothing to be decided, and is somebody's sign of life.
        if (isBlank || isComment)
        {
            Emit(to);
        }
    }

    private void ReadLine(ReadOnlySpan<byte> line)
    {
        if (_atStart && line.StartsWith(ByteOrderMark))
        {
            line = line[ByteOrderMark.Length..];
        }

        _atStart = false;
        if (EventOf(line) is { } type)
        {
            _isEndpoint = type.Equals("endpoint", StringComparison.OrdinalIgnoreCase);
        }
    }

    private void Emit(IBufferWriter<byte> to)
    {
        if (_isEndpoint)
        {
            // Without data there is no event; passed on, the word alone would make an endpoint of the next event for clients that forget to forget it.
            if (DataOf(Encoding.UTF8.GetString(_held.WrittenSpan)) is { Length: > 0 } data)
            {
                var address = rewrite(data) ?? throw new SseRefusedException("an endpoint event without a usable address");
                to.Write(Encoding.ASCII.GetBytes($"event: endpoint\ndata: {address}\n\n"));
            }
        }
        else
        {
            Pass(to);
            outcome?.SeeEvent(_held.WrittenSpan);
        }

        _held.ResetWrittenCount();
        _lineStart = 0;
        _isEndpoint = false;
    }

    private void Pass(IBufferWriter<byte> to)
    {
        if (judge is null || _held.WrittenCount == 0)
        {
            to.Write(_held.WrittenSpan);
            return;
        }

        var head = new StringBuilder();
        var data = new List<string>();
        foreach (var line in Encoding.UTF8.GetString(_held.WrittenSpan).TrimStart('\ufeff').Split('\n'))
        {
            if (line.StartsWith("data:", StringComparison.Ordinal))
            {
                data.Add(line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line[5..]);
            }
            else if (line.AsSpan().IndexOfAny(OtherLineEnds) < 0 && (line.StartsWith(':') || line.StartsWith("id:", StringComparison.Ordinal) || line.StartsWith("event:", StringComparison.Ordinal) || line.StartsWith("retry:", StringComparison.Ordinal)))
            {
                head.Append(line).Append('\n');
            }
        }

        foreach (var line in data.Count == 0 ? [] : judge(string.Join('\n', data)).Split('\n'))
        {
            head.Append("data: ").Append(line).Append('\n');
        }

        to.Write(Encoding.UTF8.GetBytes(head.Append('\n').ToString()));
    }

    private void StartPassing(IBufferWriter<byte> to)
    {
        if (_isEndpoint)
        {
            throw new SseRefusedException("an endpoint event of more than 64 KiB");
        }

        if (judge is not null)
        {
            throw new SseRefusedException($"an event of more than the {MaxJudged} bytes that are read of one (RUNTIME_TOOLS_PIN=quarantine)");
        }

        outcome?.SeeLongEvent();
        var line = _held.WrittenSpan[_lineStart..].ToArray();
        to.Write(_held.WrittenSpan[.._lineStart]);
        _held.ResetWrittenCount();
        _held.Write(line);
        _lineStart = 0;
        _passing = true;
    }

    /// <summary>The value of an <c>event</c> field; null for any other line. Blanks are forgiven where some clients forgive them.</summary>
    private static string? EventOf(ReadOnlySpan<byte> line)
    {
        line = line.Trim(" \t\0"u8);
        if (!line.StartsWith("event"u8))
        {
            return null;
        }

        var rest = line["event"u8.Length..].TrimStart(" \t"u8);
        return rest.IsEmpty ? "" : rest[0] == (byte)':' ? Encoding.UTF8.GetString(rest[1..]).Trim() : null;
    }

    private static string DataOf(string text) => string.Join('\n', text
        .Split('\n')
        .Where(line => line.StartsWith("data", StringComparison.Ordinal))
        .Select(line => line["data".Length..].TrimStart(':').Trim()));
}

/// <summary>A stream that would lead a client astray.</summary>
internal sealed class SseRefusedException(string message) : IOException($"the server's stream holds {message}");
