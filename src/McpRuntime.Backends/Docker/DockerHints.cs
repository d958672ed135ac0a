using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Backends.Docker;

/// <summary>Record ids that something happened to: the engine's events, and the ends of our own pulls. Only "look again".</summary>
internal sealed partial class DockerHints(DockerWire wire, DockerInstallation installation, TimeProvider time, Random random, ILogger<DockerHints> logger)
{
    /// <summary>A half-open connection says nothing for ever; asking anew, from the last event on, costs nothing.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan SlowestRetry = TimeSpan.FromSeconds(15);

    private readonly Channel<string> _pulled = Channel.CreateBounded<string>(new BoundedChannelOptions(10_000) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly ConcurrentDictionary<string, string> _recordOfPrefix = new(StringComparer.Ordinal);

    public void Changed(string recordId) => _ = _pulled.Writer.TryWrite(recordId);

    /// <summary>Events of networks and volumes carry names, not labels; names carry only a part of the record's id.</summary>
    public void Know(RuntimeIdentity id) => _recordOfPrefix[DockerNames.Prefix(id)] = id.RecordId;

    public async IAsyncEnumerable<string> ReadAsync([EnumeratorCancellation] CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var listening = ListenAsync(_pulled.Writer, stop.Token);
        try
        {
            await foreach (var record in _pulled.Reader.ReadAllAsync(ct))
            {
                yield return record;
            }
        }
        finally
        {
            await stop.CancelAsync();
            await listening.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListenAsync(ChannelWriter<string> hints, CancellationToken ct)
    {
        long? since = null;
        var failures = 0;
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var instance = await installation.InstanceId(ct);
                await foreach (var e in wire.EventsAsync(since, Longest, ct))
                {
                    since = e.TimeNano > 0 ? e.TimeNano + 1 : since;
                    failures = 0;
                    foreach (var record in RecordsOf(e, instance))
                    {
                        await hints.WriteAsync(record, ct);
                    }
                }
            }
            catch (Exception e) when (!ct.IsCancellationRequested)
            {
                // Whatever it is (the engine, the database that knows our id): this loop must go on, and the resync covers meanwhile.
                failures++;
                Log.Lost(logger, e.Message);
            }

            if (failures > 0)
            {
                await Task.Delay(Pause(failures), time, ct);
                // An engine that was restarted has forgotten its events: all that are known are looked at again.
                foreach (var record in _recordOfPrefix.Values)
                {
                    await hints.WriteAsync(record, ct);
                }
            }
        }
    }

    private IEnumerable<string> RecordsOf(EngineEvent e, string instance)
    {
        var attributes = e.Actor?.Attributes;
        if (e.Action is null || e.Action.StartsWith("exec_", StringComparison.Ordinal) || e.Action is "attach" or "top" or "archive-path" or "extract-to-dir")
        {
            return [];
        }

        if (e.Type == "container")
        {
            if (attributes?.GetValueOrDefault(DockerNames.Instance) != instance)
            {
                return [];
            }

            // The guard serves every closed runtime.
            return attributes.GetValueOrDefault(DockerNames.Record) is { Length: > 0 } record ? [record] : _recordOfPrefix.Values;
        }

        var name = e.Type == "volume" ? e.Actor?.Id : attributes?.GetValueOrDefault("name");
        return name is { Length: > 15 } && _recordOfPrefix.TryGetValue(name[..15], out var owner) ? [owner] : [];
    }

    private TimeSpan Pause(int failures)
    {
        var ceiling = Math.Min(SlowestRetry.TotalMilliseconds, 250 * Math.Pow(2, Math.Min(failures - 1, 10)));
        return TimeSpan.FromMilliseconds(ceiling * (0.75 + (0.5 * random.NextDouble())));
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Warning, Message = "The engine's events are lost for now; runtimes are looked at by the resync alone. {Message}")]
        public static partial void Lost(ILogger logger, string message);
    }
}
