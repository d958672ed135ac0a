using System.Globalization;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>What one build says, its last lines kept, arguments that may be secrets taken out before anything is kept.</summary>
internal sealed class BuildLog(string file, IEnumerable<string> secrets, TimeProvider time)
{
    private const int MostLines = 5_000;
    private const int MostCharacters = 1 << 20;
    private const int LongestLine = 16 << 10;

    /// <summary>Shorter ones are words that occur anyway, and would only be pointed at.</summary>
    private const int ShortestSecret = 4;

    private readonly string[] _secrets =
        [.. secrets.SelectMany(s => s.Split('\n', StringSplitOptions.TrimEntries)).Where(s => s.Length >= ShortestSecret).Distinct(StringComparer.Ordinal).OrderByDescending(s => s.Length)];

    private readonly Lock _lock = new();
    private readonly Queue<LogLine> _lines = new();
    private string _unfinished = "";
    private long _first;
    private int _held;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool IsClosed { get; private set; }

    /// <summary>As it comes: lines may arrive in parts.</summary>
    public void Add(string text)
    {
        lock (_lock)
        {
            var lines = (_unfinished + text).Split('\n');
            _unfinished = lines[^1].Length > LongestLine ? "" : lines[^1];
            foreach (var line in lines.SkipLast(1).Concat(_unfinished.Length == 0 && lines[^1].Length > 0 ? [lines[^1]] : Array.Empty<string>()))
            {
                Keep(line.TrimEnd('\r'));
            }

            Tell();
        }
    }

    public async Task CloseAsync(string last)
    {
        lock (_lock)
        {
            if (_unfinished.Length > 0)
            {
                Keep(_unfinished);
            }

            _unfinished = "";
            Keep(last);
            IsClosed = true;
            Tell();
        }

        await SaveAsync();
    }

    /// <summary>So that it is there also after this process.</summary>
    public async Task SaveAsync()
    {
        string[] lines;
        lock (_lock)
        {
            lines = [.. _lines.Select(l => string.Create(CultureInfo.InvariantCulture, $"{l.At.ToUnixTimeMilliseconds()} {l.Text}"))];
        }

        try
        {
            _ = Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllLinesAsync(file + ".new", lines);
            File.Move(file + ".new", file, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A full disk must not stop a build from being ended; the lines are still in memory.
        }
    }

    /// <summary>Lines from a place on, where the next ones will be, and what to wait for until there are any.</summary>
    public (IReadOnlyList<LogLine> Lines, long Next, Task More) After(long place)
    {
        lock (_lock)
        {
            return ([.. _lines.Skip((int)Math.Max(0, place - _first))], _first + _lines.Count, IsClosed ? Task.CompletedTask : _more.Task);
        }
    }

    public static async Task<IReadOnlyList<LogLine>> ReadAsync(string path, CancellationToken ct)
    {
        List<LogLine> lines = [];
        foreach (var line in await File.ReadAllLinesAsync(path, ct))
        {
            var space = line.IndexOf(' ', StringComparison.Ordinal);
            if (space > 0 && long.TryParse(line.AsSpan(0, space), NumberStyles.None, CultureInfo.InvariantCulture, out var at))
            {
                lines.Add(new LogLine(DateTimeOffset.FromUnixTimeMilliseconds(at), LogStream.Build, null, line[(space + 1)..]));
            }
        }

        return lines;
    }

    /// <summary>Whether any line that is kept says any of this.</summary>
    public bool Holds(params ReadOnlySpan<string> words)
    {
        lock (_lock)
        {
            foreach (var word in words)
            {
                if (_lines.Any(l => l.Text.Contains(word, StringComparison.OrdinalIgnoreCase)))
                {
                    return true;
                }
            }

            return false;
        }
    }

    public string Redact(string text) => _secrets.Aggregate(text, (t, secret) => t.Replace(secret, "***", StringComparison.Ordinal));

    private void Keep(string line)
    {
        var text = Redact(line.Length > LongestLine ? line[..LongestLine] + "…" : line);
        _lines.Enqueue(new LogLine(time.GetUtcNow(), LogStream.Build, null, text));
        _held += text.Length;
        while (_lines.Count > MostLines || _held > MostCharacters)
        {
            _held -= _lines.Dequeue().Text.Length;
            _first++;
        }
    }

    private void Tell()
    {
        var more = _more;
        _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        more.SetResult();
    }
}
