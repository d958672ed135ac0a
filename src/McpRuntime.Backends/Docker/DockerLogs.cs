using System.Runtime.CompilerServices;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>The engine's own logs of a runtime's containers, its own order within one, by time across several.</summary>
internal sealed class DockerLogs(DockerWire wire, EngineIdentity identity)
{
    /// <exception cref="BackendFault">The engine is away, or breaks off.</exception>
    public async IAsyncEnumerable<LogLine> ReadAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        var containers = await NewestFirstAsync(id, ct);
        if (containers.Count == 0 || query.Stream == LogStream.Build)
        {
            yield break;
        }

        if (query.Follow)
        {
            await foreach (var line in OneAsync(containers[0], query, ct))
            {
                yield return line;
            }

            yield break;
        }

        List<LogLine> lines = [];
        foreach (var container in containers)
        {
            await foreach (var line in OneAsync(container, query, ct))
            {
                lines.Add(line);
            }
        }

        foreach (var line in (containers.Count == 1 ? lines : [.. lines.OrderBy(l => l.At)]).TakeLast(query.Tail))
        {
            yield return line;
        }
    }

    private async IAsyncEnumerable<LogLine> OneAsync(string container, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        var request = new LogRequest(query.Stream is null or LogStream.Stdout, query.Stream is null or LogStream.Stderr, query.Tail, query.Since, query.Until, query.Follow);
        using var reply = await wire.OpenLogsAsync(container, request, ct);
        if (reply is null)
        {
            yield break;
        }

        await using var body = await reply.Content.ReadAsStreamAsync(ct);
        await using var lines = new LogDemuxer(body).ReadAsync(ct).GetAsyncEnumerator(ct);
        while (await NextAsync(lines))
        {
            yield return lines.Current;
        }
    }

    private static async Task<bool> NextAsync(IAsyncEnumerator<LogLine> lines)
    {
        try
        {
            return await lines.MoveNextAsync();
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw new BackendFault(new Fault(FaultKind.Transient, "EngineUnreachable", $"The engine broke off the log: {e.Message}"), e);
        }
    }

    private async Task<IReadOnlyList<string>> NewestFirstAsync(RuntimeIdentity id, CancellationToken ct)
    {
        // The engine's lists are newest first.
        var containers = await wire.ListContainersAsync(ct, DockerNames.Filter(DockerNames.Instance, id.InstanceId), DockerNames.Filter(DockerNames.Record, id.RecordId));
        return [.. containers.Select(c => c.Id)];
    }
}
