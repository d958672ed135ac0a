using System.Runtime.CompilerServices;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>
/// What the server wrote, by the route that IBM's CLI takes, or from Cloud Logs; and before it always what the platform says of app,
/// revisions and instances. Where no line can be had, the reason stands in its place: an empty answer would say that the server is silent.
/// </summary>
internal sealed class CodeEngineLogs(CodeEngineWire wire, ProjectIdentity identity, ProjectPods pods, CloudLogs cloud, CodeEngineOptions options, TimeProvider time)
{
    private const int MostInstances = 8;

    /// <exception cref="BackendFault">The project can't be seen.</exception>
    public async IAsyncEnumerable<LogLine> ReadAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        var apps = (await wire.AppsAsync(ct)).Where(a => CodeEngineNames.IsOurs(id, a.Marks)).OrderByDescending(a => a.CreatedAt, StringComparer.Ordinal).ToList();
        if (query.Stream == LogStream.Build)
        {
            await foreach (var line in BuildsAsync(id, ct))
            {
                yield return line;
            }

            yield break;
        }

        if (apps.Count == 0)
        {
            yield return Say("There is no app of this runtime in the project (yet), so that nothing can have written anything.");
        }

        foreach (var app in apps)
        {
            var instances = await wire.InstancesAsync(app.Name, ct);
            foreach (var line in await DiagnosticsAsync(app, instances, ct))
            {
                yield return line;
            }

            await foreach (var line in OfAppAsync(app, instances, query, ct))
            {
                yield return line;
            }
        }
    }

    private async IAsyncEnumerable<LogLine> OfAppAsync(App app, IReadOnlyList<AppInstance> instances, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        if (query.Stream is not null)
        {
            yield return Say("Code Engine's log does not tell standard output from standard error: both follow.");
        }

        if (query.Follow)
        {
            if (instances.Count == 0)
            {
                yield return Say($"{app.Name} has no instance to follow: it is scaled to zero until the next call. {Hint(app)}");
                yield break;
            }

            await foreach (var line in FollowAsync(app, instances[0], query, ct))
            {
                yield return line;
            }

            yield break;
        }

        foreach (var line in await WholeAsync(app, instances, query, ct))
        {
            yield return line;
        }
    }

    private async Task<IReadOnlyList<LogLine>> WholeAsync(App app, IReadOnlyList<AppInstance> instances, LogQuery query, CancellationToken ct)
    {
        List<LogLine> lines = [];
        var why = instances.Count == 0 ? "it has no instance now (scaled to zero, or not started), and what earlier ones wrote went with them" : null;
        foreach (var instance in instances.Take(MostInstances))
        {
            try
            {
                await foreach (var line in pods.ReadAsync(instance.Name, query, ct))
                {
                    lines.Add(instances.Count == 1 ? line : line with { Service = instance.Name });
                }
            }
            catch (BackendFault fault)
            {
                why = $"the way to the log of {instance.Name} that IBM's CLI takes (inferred, not documented) does not answer: {fault.Fault.Message}";
            }
        }

        if (why is null)
        {
            return lines.Count == 0 ? [Say($"{app.Name} was asked, and has written nothing in the time asked for.")] : [.. lines.OrderBy(l => l.At).TakeLast(query.Tail)];
        }

        return [.. lines.OrderBy(l => l.At).TakeLast(query.Tail), Say($"No live log of {app.Name}: {why}. {Hint(app)}"), .. await DelayedAsync(app, query, ct)];
    }

    private async IAsyncEnumerable<LogLine> FollowAsync(App app, AppInstance instance, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var lines = pods.ReadAsync(instance.Name, query, ct).GetAsyncEnumerator(ct);
        while (true)
        {
            LogLine? line = null;
            string? why = null;
            try
            {
                line = await lines.MoveNextAsync() ? lines.Current : null;
            }
            catch (BackendFault fault)
            {
                why = fault.Fault.Message;
            }

            if (line is null)
            {
                yield return Say(why is null ? $"{instance.Name} has ended." : $"{app.Name} can't be followed: {why}. {Hint(app)}");
                yield break;
            }

            yield return line;
        }
    }

    private async Task<IReadOnlyList<LogLine>> DelayedAsync(App app, LogQuery query, CancellationToken ct)
    {
        if (!cloud.IsConfigured)
        {
            return [];
        }

        try
        {
            return [Say("From IBM Cloud Logs, which is five to ten minutes late:"), .. await cloud.ReadAsync(app.Name, query, ct)];
        }
        catch (BackendFault fault)
        {
            return [Say($"IBM Cloud Logs has no answer either: {fault.Fault.Message}.")];
        }
    }

    private async Task<IReadOnlyList<LogLine>> DiagnosticsAsync(App app, IReadOnlyList<AppInstance> instances, CancellationToken ct)
    {
        List<LogLine> lines = [Say($"app {app.Name}: {app.Status} ({app.StatusDetails?.Reason}), {instances.Count} instances")];
        foreach (var revision in (await wire.RevisionsAsync(app.Name, ct)).OrderBy(r => r.Name, StringComparer.Ordinal))
        {
            lines.Add(Say($"revision {revision.Name}: {revision.Status} ({revision.StatusDetails?.Reason}){(revision.Status is "ready" ? "" : " " + PlatformReasons.OfApp(revision.StatusDetails?.Reason).Message)}"));
        }

        foreach (var instance in instances)
        {
            var ended = AppHealth.End(instance.StatusDetails?.UserContainer);
            lines.Add(Say($"instance {instance.Name}: {instance.Status}, {instance.StatusDetails?.Restarts ?? 0} restarts{(ended is null ? "" : $", last ended with {ended.ExitCode} ({ended.Reason})")}"));
        }

        return lines;
    }

    private async IAsyncEnumerable<LogLine> BuildsAsync(RuntimeIdentity id, [EnumeratorCancellation] CancellationToken ct)
    {
        var runs = (await wire.RunsAsync(build: null, ct)).Where(r => CodeEngineNames.IsOurs(id, r.Marks)).ToList();
        foreach (var run in runs)
        {
            yield return Say($"build run {run.Name}: {run.Status} ({run.StatusDetails?.Reason}) {PlatformReasons.OfBuild(run.StatusDetails?.Reason).Message}") with { Stream = LogStream.Build };
        }

        yield return Say($"The log of a build is not given out by Code Engine's API: see https://cloud.ibm.com/codeengine/project/{options.Region}/{options.ProjectId}/image-builds.") with { Stream = LogStream.Build };
    }

    private string Hint(App app) => $"In the console: https://cloud.ibm.com/codeengine/project/{options.Region}/{options.ProjectId}/application/{app.Name}/logs, or `ibmcloud ce application logs --application {app.Name}`.";

    /// <summary>Marked as the platform's word: no server wrote it.</summary>
    private LogLine Say(string text) => new(time.GetUtcNow(), LogStream.Stdout, CodeEngineBackend.BackendName, $"[code engine] {text}");
}
