using System.Globalization;
using System.Runtime.CompilerServices;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>What the server wrote, by the Pod log endpoint, with what the cluster says of a Pod that does not run. Standard output and error come as one there.</summary>
internal sealed class KubernetesLogs(KubernetesWire wire, ClusterIdentity identity, KubernetesOptions options, TimeProvider time)
{
    /// <exception cref="BackendFault">The cluster can't be seen.</exception>
    public async IAsyncEnumerable<LogLine> ReadAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        if (query.Stream == LogStream.Build)
        {
            yield break;
        }

        var pods = (await wire.ListAsync(KubeKind.Pod, options.Namespace, KubernetesNames.Selector(id), ct)).Items.OrderBy(p => p.CreatedAt).ToList();
        if (query.Stream is not null)
        {
            yield return Say("Kubernetes does not tell standard output from standard error: both follow.");
        }

        var readable = pods.Where(HasStarted).ToList();
        foreach (var pod in pods.Except(readable))
        {
            yield return Say($"Pod {pod.Name} has written nothing yet: {PodHealth.Server(pod)?["state"]?["waiting"]?["reason"].AsText() ?? pod.Text("status", "phase")}.");
        }

        if (query.Follow && readable.Count > 0)
        {
            await foreach (var line in OfPodAsync(readable[^1], query, previous: false, ct))
            {
                yield return line;
            }

            yield break;
        }

        foreach (var line in await WholeAsync(readable, query, ct))
        {
            yield return line;
        }
    }

    private async Task<IReadOnlyList<LogLine>> WholeAsync(List<KubeObject> pods, LogQuery query, CancellationToken ct)
    {
        List<LogLine> lines = [];
        foreach (var pod in pods)
        {
            // Its last words before a restart are why somebody looks.
            foreach (var previous in PodHealth.Server(pod)?["restartCount"].AsNumber() > 0 ? (bool[])[true, false] : [false])
            {
                try
                {
                    await foreach (var line in OfPodAsync(pod, query, previous, ct))
                    {
                        lines.Add(pods.Count == 1 ? line : line with { Service = pod.Name });
                    }
                }
                catch (BackendFault fault) when (fault.Fault.Kind is FaultKind.Refused || fault.Fault.Reason == "NotFound")
                {
                    lines.Add(Say($"Pod {pod.Name}: {fault.Fault.Message}"));
                }
            }
        }

        // Stable: lines of one instant stay in the order they were written.
        return [.. lines.OrderBy(l => l.At).TakeLast(query.Tail)];
    }

    private async IAsyncEnumerable<LogLine> OfPodAsync(KubeObject pod, LogQuery query, bool previous, [EnumeratorCancellation] CancellationToken ct)
    {
        // With an upper end the last lines of the log are not the last lines asked for.
        int? tail = query.Until is null ? query.Tail : null;
        await foreach (var text in wire.LogAsync(options.Namespace, pod.Name, KubernetesNames.Server, tail, query.Since, query.Follow, previous, ct))
        {
            var space = text.IndexOf(' ', StringComparison.Ordinal);
            var at = DateTimeOffset.TryParse(space < 0 ? text : text[..space], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : (DateTimeOffset?)null;
            // The server cuts by whole seconds.
            if (at is { } when && when >= (query.Since ?? DateTimeOffset.MinValue) && when <= (query.Until ?? DateTimeOffset.MaxValue))
            {
                yield return new LogLine(when, LogStream.Stdout, Service: null, space < 0 ? "" : text[(space + 1)..]);
            }
        }
    }

    private static bool HasStarted(KubeObject pod) => PodHealth.Server(pod) is { } server && (server["state"]?["running"] ?? server["state"]?["terminated"] ?? server["lastState"]?["terminated"]) is not null;

    private LogLine Say(string words) => new(time.GetUtcNow(), LogStream.Stdout, KubernetesBackend.BackendName, words);
}
