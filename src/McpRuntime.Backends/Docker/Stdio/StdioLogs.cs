using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Text;
using McpRuntime.Backends.Docker.Wire;

namespace McpRuntime.Backends.Docker.Stdio;

/// <summary>
/// What stdio servers write to stderr. The engine keeps nothing of theirs (its log would hold every answer), so it is kept here: the
/// last lines of each container, from before its first start.
/// </summary>
internal sealed class StdioLogs(DockerWire wire, TimeProvider time) : IDisposable
{
    /// <summary>The least recently written go first; at <see cref="KeptLog.MostCharacters"/> each, 250 MB at worst.</summary>
    private const int MostContainers = 500;

    private readonly ConcurrentDictionary<string, KeptLog> _logs = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>Listens to a container's stderr until it ends, once; idempotent while it does.</summary>
    /// <param name="containerId">The engine's own id: a container made again under the same name has a log of its own.</param>
    public async Task ListenAsync(string containerId, CancellationToken ct)
    {
        var log = LogOf(containerId);
        if (!log.TryBegin())
        {
            return;
        }

        Stream? stderr = null;
        try
        {
            stderr = await wire.AttachAsync(containerId, stdin: false, stdout: false, stderr: true, ct);
        }
        finally
        {
            if (stderr is null)
            {
                log.End();
            }
        }

        if (stderr is not null)
        {
            _ = PumpAsync(stderr, log);
        }
    }

    public void Note(string containerId, LogStream stream, string line) => LogOf(containerId).Add(new LogLine(time.GetUtcNow(), stream, Service: null, line));

    /// <summary>False: it is not a container that was listened to here.</summary>
    public bool Knows(string containerId) => _logs.ContainsKey(containerId);

    public async IAsyncEnumerable<LogLine> ReadAsync(string containerId, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!_logs.TryGetValue(containerId, out var log))
        {
            yield break;
        }

        var (lines, last) = log.Since(0);
        foreach (var line in lines.Where(l => Asked(l, query)).TakeLast(query.Tail))
        {
            yield return line;
        }

        while (query.Follow)
        {
            await log.ChangedSince(last).WaitAsync(ct);
            (lines, last) = log.Since(last);
            foreach (var line in lines.Where(l => Asked(l, query)))
            {
                yield return line;
            }
        }
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
    }

    private static bool Asked(LogLine line, LogQuery query) =>
        (query.Stream is null || query.Stream == line.Stream) && (query.Since is null || line.At >= query.Since) && (query.Until is null || line.At <= query.Until);

    private KeptLog LogOf(string containerId)
    {
        if (_logs.TryGetValue(containerId, out var known))
        {
            return known;
        }

        while (_logs.Count >= MostContainers && _logs.Where(log => !log.Value.IsListening).OrderBy(log => log.Value.LastAt).FirstOrDefault() is { Key: not null } oldest)
        {
            _logs.TryRemove(oldest);
        }

        return _logs.GetOrAdd(containerId, _ => new KeptLog());
    }

    private async Task PumpAsync(Stream stderr, KeptLog log)
    {
        try
        {
            await using (stderr)
            using (var text = new StreamReader(new OutputFrames(stderr, 2), Encoding.UTF8))
            {
                var piece = new char[4096];
                var line = new StringBuilder();
                while (await text.ReadAsync(piece, _stopping.Token) is var read and > 0)
                {
                    foreach (var c in piece.AsSpan(0, read))
                    {
                        if (c == '\n' || line.Length >= LogDemuxer.LongestLine)
                        {
                            log.Add(new LogLine(time.GetUtcNow(), LogStream.Stderr, Service: null, line.ToString().TrimEnd('\r')));
                            line.Clear();
                        }

                        if (c != '\n')
                        {
                            line.Append(c);
                        }
                    }
                }

                if (line.Length > 0)
                {
                    log.Add(new LogLine(time.GetUtcNow(), LogStream.Stderr, Service: null, line.ToString()));
                }
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or InvalidDataException or ObjectDisposedException)
        {
            log.Add(new LogLine(time.GetUtcNow(), LogStream.Stderr, Service: null, "(what follows was not heard: the connection to the engine ended)"));
        }
        finally
        {
            log.End();
        }
    }
}

/// <summary>The last lines of one container.</summary>
internal sealed class KeptLog
{
    public const int MostCharacters = 512 * 1024;

    private const int MostLines = 5000;

    private readonly Lock _lock = new();
    private readonly Queue<LogLine> _lines = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _count;
    private long _characters;
    private bool _listening;

    public bool IsListening
    {
        get
        {
            lock (_lock)
            {
                return _listening;
            }
        }
    }

    public DateTimeOffset LastAt { get; private set; }

    public bool TryBegin()
    {
        lock (_lock)
        {
            var begins = !_listening;
            _listening = true;
            return begins;
        }
    }

    public void End()
    {
        lock (_lock)
        {
            _listening = false;
        }
    }

    public void Add(LogLine line)
    {
        TaskCompletionSource changed;
        lock (_lock)
        {
            _lines.Enqueue(line);
            _count++;
            LastAt = line.At;
            _characters += line.Text.Length;
            while (_lines.Count > MostLines || _characters > MostCharacters)
            {
                _characters -= _lines.Dequeue().Text.Length;
            }

            changed = _changed;
            _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        changed.TrySetResult();
    }

    public (IReadOnlyList<LogLine> Lines, long Last) Since(long last)
    {
        lock (_lock)
        {
            return ([.. _lines.Skip((int)Math.Max(0, _lines.Count - (_count - last)))], _count);
        }
    }

    public Task ChangedSince(long last)
    {
        lock (_lock)
        {
            return _count > last ? Task.CompletedTask : _changed.Task;
        }
    }
}
