using System.Collections.Concurrent;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>
/// Keeps a word on every server that runs. Each watched container has a loop of its own; so many handshakes at a time, and a record is
/// woken only when there is news.
/// </summary>
internal sealed partial class Prober(Handshaker handshaker, IWakeUp wakeUp, GatewayMetrics metrics, GatewayOptions options, TimeProvider time, Random random, ILogger<Prober> logger) : IProber, IHostedService, IDisposable
{
    /// <summary>Handshakes at a time: enough for 1,000 servers a minute that answer within 2 s, few enough not to be a load.</summary>
    private const int Concurrency = 32;

    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, Watched>> _records = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _slots = new(Concurrency);
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _watching = new();
    private bool _disposed;

    public IReadOnlyDictionary<string, Handshake> Results(string recordId) => _records.TryGetValue(recordId, out var containers)
        ? containers.ToDictionary(pair => pair.Key, pair => pair.Value.Word, StringComparer.Ordinal)
        : System.Collections.Frozen.FrozenDictionary<string, Handshake>.Empty;

    public void Watch(string recordId, Endpoint endpoint, string instance, UpstreamAddress address)
    {
        lock (_watching)
        {
            if (_stopping.IsCancellationRequested)
            {
                return;
            }

            var containers = _records.GetOrAdd(recordId, _ => new(StringComparer.Ordinal));
            if (containers.TryGetValue(endpoint.ContainerId, out var known))
            {
                if (known.Instance == instance && known.Address == address && known.Endpoint == endpoint)
                {
                    known.AskedAt = time.GetTimestamp();
                    return;
                }

                known.Stop();
            }

            var watched = new Watched(recordId, endpoint, instance, address, time, _stopping.Token);
            containers[endpoint.ContainerId] = watched;
            watched.Loop = Task.Run(() => LoopAsync(watched, watched.Token), watched.Token);
        }
    }

    public void Recheck(string recordId) => Nudge(recordId, _ => true);

    public void Doubt(string recordId) => Nudge(recordId, watched => watched.IsLeftAsleep && time.GetUtcNow() - watched.Word.At > ProbeSchedule.BetweenDoubts);

    public void Forget(string recordId)
    {
        lock (_watching)
        {
            if (_records.TryRemove(recordId, out var containers))
            {
                foreach (var watched in containers.Values)
                {
                    watched.Stop();
                }
            }
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task[] loops;
        lock (_watching)
        {
            _stopping.Cancel();
            loops = [.. _records.Values.SelectMany(containers => containers.Values).Select(watched => watched.Loop)];
            _records.Clear();
        }

        await Task.WhenAll(loops).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Idempotent: the container knows this object under three names, and disposes of each.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        _stopping.Cancel();
        _stopping.Dispose();
        _slots.Dispose();
    }

    private async Task LoopAsync(Watched watched, CancellationToken ct)
    {
        try
        {
            while (!watched.IsForgotten(time))
            {
                var started = time.GetTimestamp();
                var before = watched.Word;
                watched.Take(await TryAsync(watched, ct), time);
                if (ProbeSchedule.IsNews(before, watched.Word, watched.EverPassed))
                {
                    Log.News(logger, watched.RecordId, watched.Endpoint.ContainerId, watched.Word.Verdict, watched.Word.Message);
                    watched.WokenAt = time.GetTimestamp();
                    wakeUp.Wake(watched.RecordId);
                }

                var pause = PauseOf(watched) - time.GetElapsedTime(started);
                do
                {
                    await RestAsync(watched, pause > ProbeSchedule.Shortest ? pause : ProbeSchedule.Shortest, ct);
                }
                while (watched.IsLeftAsleep && !watched.IsForgotten(time));
            }
        }
        catch (OperationCanceledException) when (ct.IsCancellationRequested)
        {
            return;
        }

        Drop(watched);
    }

    private TimeSpan PauseOf(Watched watched) => watched.Endpoint.SleepsWhenIdle
        ? ProbeSchedule.PauseAsleep(watched.Word, watched.EverPassed, random, options.ProbeInterval)
        : ProbeSchedule.Pause(watched.Word, watched.EverPassed, random, options.ProbeInterval);

    private async Task RestAsync(Watched watched, TimeSpan pause, CancellationToken ct)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        watched.WasNudged = false;
        var nudge = watched.Nudge.WaitAsync(over.Token);
        await Task.WhenAny(Task.Delay(pause, time, over.Token), nudge);
        watched.WasNudged = nudge.IsCompletedSuccessfully;
        await over.CancelAsync();
        ct.ThrowIfCancellationRequested();
    }

    private TimeSpan TimeoutOf(Watched watched) =>
        watched.Endpoint.SleepsWhenIdle ? ProbeSchedule.WakingTimeout
        : watched.EverPassed ? ProbeSchedule.RecheckTimeout(options.ProbeInterval)
        : ProbeSchedule.TryTimeout;

    private async Task<HandshakeWord> TryAsync(Watched watched, CancellationToken ct)
    {
        await _slots.WaitAsync(ct);
        try
        {
            // What it was known to speak is asked for first and only; after a failure everything is found out anew.
            var known = watched.Word.Verdict == HandshakeVerdict.Failed ? null : watched.Server;
            var word = await handshaker.TryAsync(watched.Endpoint, watched.Address, known, TimeoutOf(watched), ct);
            metrics.Probed(word.Verdict.ToString());
            return word;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // A loop that died silently would leave the last word standing for ever: whatever it was, it is no passed handshake.
            Log.Unexpected(logger, watched.RecordId, e);
            return Handshaker.Failed($"the probe itself failed: {Words.Plain(e.Message, 200)}");
        }
        finally
        {
            _slots.Release();
        }
    }

    private void Nudge(string recordId, Func<Watched, bool> which)
    {
        if (!_records.TryGetValue(recordId, out var containers))
        {
            return;
        }

        lock (_watching)
        {
            foreach (var watched in containers.Values.Where(watched => watched.Nudge.CurrentCount == 0 && which(watched)))
            {
                watched.Nudge.Release();
            }
        }
    }

    private void Drop(Watched watched)
    {
        lock (_watching)
        {
            if (_records.TryGetValue(watched.RecordId, out var containers))
            {
                containers.TryRemove(new(watched.Endpoint.ContainerId, watched));
                if (containers.IsEmpty)
                {
                    _records.TryRemove(watched.RecordId, out _);
                }
            }

            watched.Stop();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Handshake of {RecordId} with {ContainerId}: {Verdict}. {Why}")]
        public static partial void News(ILogger logger, string recordId, string containerId, HandshakeVerdict verdict, string? why);

        [LoggerMessage(Level = LogLevel.Error, Message = "A probe of {RecordId} ended in a way it never should")]
        public static partial void Unexpected(ILogger logger, string recordId, Exception e);
    }
}
