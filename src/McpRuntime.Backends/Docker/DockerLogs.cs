using System.Runtime.CompilerServices;
using System.Threading.Channels;
using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Backends.Docker.Stdio;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>The engine's own logs of a runtime's containers, its own order within one, by time across several.</summary>
internal sealed class DockerLogs(DockerWire wire, EngineIdentity identity, StdioLogs stdio, BuildLogs builds, TimeProvider time)
{
    /// <summary>Characters of one container's answer: 5,000 lines of 64 KB would be 600 MB.</summary>
    private const int LargestAnswer = 8 << 20;

    /// <summary>A record has one or two a service; more only while something goes wrong.</summary>
    private const int MostContainers = 16;

    private static readonly TimeSpan LongestAnswer = TimeSpan.FromSeconds(30);

    /// <exception cref="BackendFault">The engine is away, or breaks off.</exception>
    public async IAsyncEnumerable<LogLine> ReadAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        if (query.Stream == LogStream.Build)
        {
            await foreach (var line in builds.ReadAsync(id, query, ct))
            {
                yield return line;
            }

            yield break;
        }

        _ = await identity.VerifyAsync(ct);
        var containers = await NewestFirstAsync(id, query.Service, ct);
        if (containers.Count == 0)
        {
            yield break;
        }

        // One that is followed has no end; the reader's own cancellation bounds it.
        if (query.Follow)
        {
            await foreach (var line in TogetherAsync([.. containers.DistinctBy(c => c.Service, StringComparer.Ordinal)], query, ct))
            {
                yield return line;
            }

            yield break;
        }

        foreach (var line in await MergedAsync(containers, query, ct))
        {
            yield return line;
        }
    }

    /// <summary>By time across containers; the oldest lines go first where there is more than is asked for, or than fits.</summary>
    private async Task<IEnumerable<LogLine>> MergedAsync(IReadOnlyList<Writer> containers, LogQuery query, CancellationToken ct)
    {
        List<LogLine> merged = [];
        foreach (var container in containers.Take(MostContainers))
        {
            var lines = new Queue<LogLine>();
            var held = 0;
            await foreach (var line in OneAsync(container, query, ct))
            {
                lines.Enqueue(line);
                held += line.Text.Length;
                while (held > LargestAnswer && lines.TryDequeue(out var oldest))
                {
                    held -= oldest.Text.Length;
                }
            }

            merged.AddRange(lines);
        }

        return (containers.Count == 1 ? merged : [.. merged.OrderBy(l => l.At)]).TakeLast(query.Tail);
    }

    /// <summary>The newest container of each service, followed at once: each in its own order, the lines as they come.</summary>
    private async IAsyncEnumerable<LogLine> TogetherAsync(IReadOnlyList<Writer> containers, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        // Bounded: a reader that is slow slows the engine's streams, and holds no more than this.
        var lines = Channel.CreateBounded<LogLine>(64);
        var readers = containers.Select(c => PumpAsync(c, query, lines.Writer, stop.Token)).ToArray();
        var ended = Task.WhenAll(readers).ContinueWith(all => lines.Writer.TryComplete(all.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        try
        {
            await foreach (var line in lines.Reader.ReadAllAsync(ct))
            {
                yield return line;
            }
        }
        finally
        {
            await stop.CancelAsync();
            _ = await ended;
        }
    }

    private async Task PumpAsync(Writer container, LogQuery query, ChannelWriter<LogLine> lines, CancellationToken ct)
    {
        await foreach (var line in OneAsync(container, query, ct))
        {
            await lines.WriteAsync(line, ct);
        }
    }

    private async IAsyncEnumerable<LogLine> OneAsync(Writer container, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        if (container.OverStdio)
        {
            await foreach (var line in stdio.ReadAsync(container.Id, query, ct))
            {
                yield return line;
            }

            yield break;
        }

        var request = new LogRequest(query.Stream is null or LogStream.Stdout, query.Stream is null or LogStream.Stderr, query.Tail, query.Since, query.Until, query.Follow);
        using var reply = await wire.OpenLogsAsync(container.Id, request, ct);
        if (reply is null)
        {
            yield break;
        }

        using var clock = new CancellationTokenSource(query.Follow ? Timeout.InfiniteTimeSpan : LongestAnswer, time);
        using var limited = CancellationTokenSource.CreateLinkedTokenSource(ct, clock.Token);
        await using var body = await reply.Content.ReadAsStreamAsync(limited.Token);
        await using var lines = new LogDemuxer(body).ReadAsync(limited.Token).GetAsyncEnumerator(limited.Token);
        while (await NextAsync(lines, ct))
        {
            yield return lines.Current with { Service = container.Service };
        }
    }

    private static async Task<bool> NextAsync(IAsyncEnumerator<LogLine> lines, CancellationToken ct)
    {
        try
        {
            return await lines.MoveNextAsync();
        }
        catch (OperationCanceledException e) when (!ct.IsCancellationRequested)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "EngineTimeout", "The engine did not finish the log in time."), e);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "EngineUnreachable", $"The engine broke off the log: {e.Message}"), e);
        }
    }

    private async Task<IReadOnlyList<Writer>> NewestFirstAsync(RuntimeIdentity id, string? service, CancellationToken ct)
    {
        string[] own = [DockerNames.Filter(DockerNames.Instance, id.InstanceId), DockerNames.Filter(DockerNames.Record, id.RecordId)];
        // The engine's lists are newest first.
        var containers = await wire.ListOwnContainersAsync(ct, service is null ? own : [.. own, DockerNames.Filter(DockerNames.Service, service)]);
        return
        [
            .. containers.Select(c => new Writer(
                c.Id, DockerNames.ServiceOf(c.Labels), c.Labels?.GetValueOrDefault(DockerNames.Port) == DockerNames.Text(DockerNames.NoPort))),
        ];
    }

    /// <summary>A container that writes. What a stdio server's container writes is not the engine's to keep.</summary>
    private sealed record Writer(string Id, string? Service, bool OverStdio);
}
