using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// The engine's multiplexed log: frames of an 8-byte header (stream, three zeros, length big endian) and a payload that begins with a
/// time. A line longer than the engine's own 16 KB comes in several frames, each with a time of its own; only the last ends it.
/// </summary>
internal sealed class LogDemuxer(Stream stream)
{
    /// <summary>Characters of one line that are kept; the rest of it is dropped, and said so.</summary>
    public const int LongestLine = 64 * 1024;

    /// <summary>The engine writes frames of a line at most; a larger one is no log.</summary>
    private const int LargestFrame = 4 << 20;

    private readonly byte[] _header = new byte[8];
    private readonly Partial _stdout = new(LogStream.Stdout);
    private readonly Partial _stderr = new(LogStream.Stderr);

    public async IAsyncEnumerable<LogLine> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        while (await NextAsync(ct) is { } frame)
        {
            foreach (var line in frame.Source.Add(frame.Payload))
            {
                yield return line;
            }
        }

        foreach (var rest in new[] { _stdout.End(), _stderr.End() })
        {
            if (rest is not null)
            {
                yield return rest;
            }
        }
    }

    /// <summary>Null at the end; a stream that ends inside a frame has ended too (the container was removed while we read).</summary>
    private async Task<(Partial Source, byte[] Payload)?> NextAsync(CancellationToken ct)
    {
        if (await stream.ReadAtLeastAsync(_header, _header.Length, throwOnEndOfStream: false, ct) < _header.Length)
        {
            return null;
        }

        var length = BinaryPrimitives.ReadUInt32BigEndian(_header.AsSpan(4));
        if (_header[0] > 2 || _header[1] != 0 || _header[2] != 0 || _header[3] != 0 || length > LargestFrame)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "EngineAnswer", "The engine's log is not in the multiplexed form it documents."));
        }

        var payload = new byte[length];
        var read = await stream.ReadAtLeastAsync(payload, payload.Length, throwOnEndOfStream: false, ct);
        return (_header[0] == 2 ? _stderr : _stdout, read == payload.Length ? payload : payload[..read]);
    }

    /// <summary>Nanoseconds, cut and not rounded: a line asked for "since" its own time must be in the answer.</summary>
    private static bool TryTime(ReadOnlySpan<char> text, out DateTimeOffset at)
    {
        var whole = text.Length == "2026-11-22T08:00:00.123456789Z".Length ? $"{text[..27]}Z" : text;
        return DateTimeOffset.TryParse(whole, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out at);
    }

    private sealed class Partial(LogStream stream)
    {
        private readonly StringBuilder _text = new();
        private DateTimeOffset? _at;
        private bool _cut;

        public IEnumerable<LogLine> Add(byte[] payload)
        {
            var text = Encoding.UTF8.GetString(payload);
            var start = 0;
            while (start < text.Length)
            {
                var end = text.IndexOf('\n', start);
                Take(text.AsSpan(start, (end < 0 ? text.Length : end) - start));
                if (end < 0)
                {
                    yield break;
                }

                yield return End()!;
                start = end + 1;
            }
        }

        public LogLine? End()
        {
            if (_at is not { } at)
            {
                return null;
            }

            var line = new LogLine(at, stream, Service: null, _cut ? $"{_text}… (cut at {LongestLine} characters)" : _text.ToString().TrimEnd('\r'));
            _ = _text.Clear();
            _at = null;
            _cut = false;
            return line;
        }

        private void Take(ReadOnlySpan<char> piece)
        {
            var space = piece.IndexOf(' ');
            if (TryTime(space < 0 ? piece : piece[..space], out var at))
            {
                piece = space < 0 ? [] : piece[(space + 1)..];
            }

            _at ??= at;
            var room = LongestLine - _text.Length;
            _cut |= piece.Length > room;
            _ = _text.Append(piece[..Math.Min(piece.Length, room)]);
        }
    }
}
