using System.Text;

namespace McpRuntime.Backends.Docker.Wire;

/// <summary>Lines of a stream, each at most so long; a longer one is an error (it is never a valid JSON message cut in two).</summary>
internal sealed class LineReader(Stream stream, int longest)
{
    private byte[] _buffer = new byte[8_192];
    private int _start;
    private int _end;

    /// <summary>Without its line end; null at the end of the stream.</summary>
    public async Task<string?> ReadAsync(CancellationToken ct)
    {
        var searched = _start;
        while (true)
        {
            var at = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                return Take(searched + at, skip: 1);
            }

            searched = MakeRoom();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), ct);
            if (read == 0)
            {
                return _end > _start ? Take(_end, skip: 0) : null;
            }

            _end += read;
        }
    }

    private string Take(int end, int skip)
    {
        var line = Encoding.UTF8.GetString(_buffer, _start, end - _start).TrimEnd('\r');
        _start = end + skip;
        return line;
    }

    /// <summary>Returns where the search goes on.</summary>
    private int MakeRoom()
    {
        var held = _end - _start;
        if (held >= longest)
        {
            throw new IOException($"The engine sent a line longer than {longest} bytes");
        }

        var target = held * 2 > _buffer.Length ? new byte[Math.Min(_buffer.Length * 2, longest + 1)] : _buffer;
        _buffer.AsSpan(_start, held).CopyTo(target);
        _buffer = target;
        _start = 0;
        _end = held;
        return held;
    }
}
