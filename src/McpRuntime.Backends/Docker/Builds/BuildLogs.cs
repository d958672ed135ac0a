using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>The logs of builds: of those under way in memory, of ended ones a file each for two weeks, or until the image goes.</summary>
internal sealed class BuildLogs(DockerOptions options, TimeProvider time)
{
    private static readonly TimeSpan Kept = TimeSpan.FromDays(14);

    private readonly ConcurrentDictionary<string, BuildLog> _open = new(StringComparer.Ordinal);

    public BuildLog Open(RuntimeIdentity id, string resourceId, IEnumerable<string> secrets)
    {
        Sweep();
        return _open[id.RecordId] = new BuildLog(FileOf(id, resourceId), secrets, time);
    }

    public void Remove(RuntimeIdentity id, string resourceId)
    {
        if (_open.TryGetValue(id.RecordId, out var open) && open.IsClosed)
        {
            _ = _open.TryRemove(id.RecordId, out _);
        }

        File.Delete(FileOf(id, resourceId));
    }

    /// <summary>Of the newest build.</summary>
    public async IAsyncEnumerable<LogLine> ReadAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!_open.TryGetValue(id.RecordId, out var open))
        {
            var newest = Directory.Exists(options.BuildLogFolder)
                ? new DirectoryInfo(options.BuildLogFolder).GetFiles(id.RecordId + ".*.log").MaxBy(f => f.LastWriteTimeUtc)
                : null;
            foreach (var line in newest is null ? [] : Asked(await BuildLog.ReadAsync(newest.FullName, ct), query))
            {
                yield return line;
            }

            yield break;
        }

        var (lines, next, more) = open.After(0);
        foreach (var line in Asked(lines, query))
        {
            yield return line;
        }

        while (query.Follow)
        {
            await more.WaitAsync(ct);
            var closed = open.IsClosed;
            (lines, next, more) = open.After(next);
            foreach (var line in lines)
            {
                yield return line;
            }

            if (closed)
            {
                yield break;
            }
        }
    }

    private static IEnumerable<LogLine> Asked(IReadOnlyList<LogLine> lines, LogQuery query) =>
        lines.Where(l => (query.Since is null || l.At >= query.Since) && (query.Until is null || l.At <= query.Until)).TakeLast(query.Tail);

    private string FileOf(RuntimeIdentity id, string resourceId) => Path.Combine(options.BuildLogFolder, $"{id.RecordId}.{resourceId}.log");

    private void Sweep()
    {
        if (!Directory.Exists(options.BuildLogFolder))
        {
            return;
        }

        foreach (var old in new DirectoryInfo(options.BuildLogFolder).EnumerateFiles().Where(f => time.GetUtcNow().UtcDateTime - f.LastWriteTimeUtc > Kept))
        {
            old.Delete();
        }
    }
}
