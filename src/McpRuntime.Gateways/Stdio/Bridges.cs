using System.Collections.Concurrent;
using System.Net;
using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways.Embedded;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// All stdio servers' bridges, here and at other replicas. To those who send it is one more way to a server, as HTTP is: who holds the
/// server's stdin is found out, taken over or made, and the request goes there.
/// </summary>
internal sealed partial class Bridges(IEnumerable<IStdioChannels> channels, IBridgeTable table, ReplicaLink link, GatewayOptions options, BridgeClock clock) : IHostedService, IAsyncDisposable
{
    /// <summary>As for the lease: an owner that gave no sign for this long is gone.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private static readonly TimeSpan BeatEvery = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, IStdioChannels> _channels = channels.ToDictionary(one => one.Scheme, StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Slot> _slots = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private Task _beating = Task.CompletedTask;

    /// <summary>When the table could last not be written.</summary>
    private long _tableAway = clock.Time.GetTimestamp() - (long)(Silence.TotalSeconds * clock.Time.TimestampFrequency);
    private bool _disposed;

    /// <summary>Of this process's life.</summary>
    public string Owner { get; } = Guid.NewGuid().ToString("n");

    public bool Reaches(UpstreamAddress address) => _channels.ContainsKey(address.Scheme);

    /// <summary>Answers as a streamable HTTP server would. Throws only what the request's own body does, and cancellation.</summary>
    public Task<HttpResponseMessage> SendAsync(UpstreamAddress to, HttpRequestMessage request, CancellationToken ct) => OrRefusedAsync(request, async () =>
    {
        var slot = _slots.GetOrAdd(to.Host, server => new Slot(server));
        for (var tries = 0; tries < 3; tries++)
        {
            var (bridge, elsewhere) = await FindAsync(slot, to, ct);
            if (bridge is not null)
            {
                return await new BridgeEndpoint(bridge, await bridge.FactsAsync(ct)).HandleAsync(request, CallerOf(request), ct);
            }

            var reply = await link.SendAsync(elsewhere!, to, request, CallerOf(request), ct);
            if (reply.StatusCode != ReplicaLink.NotOwner)
            {
                return reply;
            }

            // Another process answers at the owner's address, or it has lost the server since: then the table tells to whom.
            reply.Dispose();
            if ((await table.FindAsync(to.Host, ct))?.Owner == elsewhere!.Owner)
            {
                throw new OwnerAwayException($"The replica that speaks to it is not the one found at {elsewhere.Address}. It was restarted, and is replaced within {Silence.TotalSeconds:0} s; or several replicas have that address (RUNTIME_REPLICA_URL).");
            }
        }

        throw new BridgeException("Its owner changes faster than it can be found.");
    });

    /// <summary>What another replica sends on to us as the owner: a bridge that ended is opened again, by nobody else. <see cref="ReplicaLink.NotOwner"/> where we are not the owner.</summary>
    public Task<HttpResponseMessage> ServeAsync(UpstreamAddress to, HttpRequestMessage request, string caller, CancellationToken ct)
    {
        if (!Reaches(to))
        {
            return Task.FromResult(Reply.Empty(ReplicaLink.NotOwner));
        }

        return OrRefusedAsync(request, async () =>
        {
            var (bridge, _) = await FindAsync(_slots.GetOrAdd(to.Host, server => new Slot(server)), to, ct);
            return bridge is null ? Reply.Empty(ReplicaLink.NotOwner) : await new BridgeEndpoint(bridge, await bridge.FactsAsync(ct)).HandleAsync(request, caller, ct);
        });
    }

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _beating = Task.Run(BeatAsync, cancellationToken);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _beating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var slot in _slots.Values)
        {
            if (slot.Bridge is { } bridge)
            {
                await bridge.DisposeAsync();
            }
        }

        try
        {
            await table.ReleaseAsync(Owner, cancellationToken);
        }
        catch (Exception e) when (e is Refusal or OperationCanceledException)
        {
            // Others then take over once they have watched us being silent.
            Log.NotReleased(clock.Logger, e.Message);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true))
        {
            return;
        }

        await _stop.CancelAsync();
        _stop.Dispose();
    }

    private static async Task<HttpResponseMessage> OrRefusedAsync(HttpRequestMessage request, Func<Task<HttpResponseMessage>> answer)
    {
        try
        {
            return await answer();
        }
        catch (BridgeException e)
        {
            return Refused(request, e.Message);
        }
        catch (OwnerAwayException e)
        {
            return Away(e.Message);
        }
        catch (BackendFault e)
        {
            return Refused(request, e.Fault.Message);
        }
        catch (Refusal e)
        {
            // Who has the server can't be read just now: that is no end of anybody's session.
            return Away(e.Detail);
        }
    }

    private async Task<(Bridge? Here, BridgeClaim? Elsewhere)> FindAsync(Slot slot, UpstreamAddress to, CancellationToken ct)
    {
        if (slot.Bridge is { } live)
        {
            return (live, null);
        }

        await slot.Opening.WaitAsync(ct);
        try
        {
            if (slot.Bridge is { } opened)
            {
                return (opened, null);
            }

            _stop.Token.ThrowIfCancellationRequested();
            var claim = await table.FindAsync(slot.Server, ct);
            return IsAlive(slot, claim) ? (null, claim) : (await OpenAsync(slot, claim, _channels[to.Scheme], ct), null);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new BridgeException("This replica is stopping.");
        }
        finally
        {
            slot.Opening.Release();
        }
    }

    /// <summary>
    /// By its signs of life alone, where nobody knows better: that its address refuses a connection, or is ours, says nothing of it. While the table was away no owner
    /// could give a sign: that time is nobody's silence.
    /// </summary>
    private bool IsAlive(Slot slot, BridgeClaim? claim) =>
        claim is { Owner.Length: > 0 }
        && claim.Owner != Owner
        && !table.IsSurelyGone(claim.Owner)
        && (slot.Unchanged(claim, clock.Time) < Silence || clock.Time.GetElapsedTime(Volatile.Read(ref _tableAway)) < Silence);

    private async Task<Bridge> OpenAsync(Slot slot, BridgeClaim? claim, IStdioChannels backend, CancellationToken ct)
    {
        var running = await backend.InstanceAsync(slot.Server, ct) ?? throw new BridgeException("The server does not run just now; it is being started again.");
        if (running == claim?.Instance)
        {
            Pause(slot);
        }
        else
        {
            slot.Restarts = 0;
        }

        if (!await table.ClaimAsync(slot.Server, claim, Owner, link.Address, ct))
        {
            throw new BridgeException("Another replica is taking it over.");
        }

        var channel = await backend.OpenAsync(slot.Server, claim?.Instance, ct) ?? throw new BridgeException("The server does not run just now; it is being started again.");
        try
        {
            if (!await table.UseAsync(slot.Server, Owner, channel.Instance, ct))
            {
                throw new BridgeException("Another replica is taking it over.");
            }
        }
        catch
        {
            await channel.DisposeAsync();
            throw;
        }

        var bridge = new Bridge(channel, options, clock.Time, clock.Logger);
        slot.Bridge = bridge;
        Log.Opened(clock.Logger, slot.Server, bridge.Instance);
        bridge.Start(mayDiscover: !slot.FearsDiscover);
        _ = WatchAsync(slot, bridge);
        return bridge;
    }

    /// <summary>A process that is of no use is not started over and over: after a few tries with growing pauses.</summary>
    private void Pause(Slot slot)
    {
        var pause = slot.Restarts == 0 ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(LongestPause.TotalSeconds, Math.Pow(2, slot.Restarts - 1)));
        if (clock.Time.GetElapsedTime(slot.RestartedAt) < pause)
        {
            throw new BridgeException($"{slot.LastEnd ?? "Its bridge was lost."} It is started again after a pause.");
        }

        slot.Restarts++;
        slot.RestartedAt = clock.Time.GetTimestamp();
    }

    private async Task WatchAsync(Slot slot, Bridge bridge)
    {
        var shaken = false;
        try
        {
            _ = await bridge.FactsAsync(CancellationToken.None);
            shaken = true;
        }
        catch (Exception e) when (e is BridgeException or OperationCanceledException)
        {
            shaken = false;
        }

        var why = await bridge.End;
        slot.LastEnd = why;
        slot.FearsDiscover |= !shaken && !_stop.IsCancellationRequested;
        if (shaken)
        {
            slot.Restarts = Math.Min(slot.Restarts, 1);
        }

        slot.Bridge = null;
        Log.Ended(clock.Logger, slot.Server, bridge.Instance, why);
        await bridge.DisposeAsync();
    }

    private async Task BeatAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                await Task.Delay(BeatEvery, clock.Time, _stop.Token);
                if (!_slots.IsEmpty)
                {
                    await table.BeatAsync(Owner, _stop.Token);
                }
            }
            catch (Exception e) when (e is Refusal)
            {
                // The database is away: nobody can take over either, and the servers go on.
                Volatile.Write(ref _tableAway, clock.Time.GetTimestamp());
                Log.NoBeat(clock.Logger, e.Message);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Broad on purpose: without a sign of life every server here would be taken for lost.
                Volatile.Write(ref _tableAway, clock.Time.GetTimestamp());
                Log.BeatFailed(clock.Logger, e);
            }
        }
    }

    private static string CallerOf(HttpRequestMessage request) => request.Options.TryGetValue(ReplicaLink.Caller, out var caller) ? caller : ReplicaLink.Ourselves;

    /// <summary>A session with a server that is not there has ended; everything else may be tried again.</summary>
    private static HttpResponseMessage Refused(HttpRequestMessage request, string why) => BridgeEndpoint.Header(request, HeaderPolicy.SessionId) is null
        ? Reply.Error(HttpStatusCode.ServiceUnavailable, null, Protocol.Gateway, $"The server can't be talked to: {why} Nothing was sent to it; try again.")
        : Reply.Error(HttpStatusCode.NotFound, null, Protocol.SessionNotFound, "Session not found: it has ended, or the server was replaced. Initialize again.");

    private static HttpResponseMessage Away(string why) =>
        Reply.Error(HttpStatusCode.ServiceUnavailable, null, Protocol.Gateway, $"{why} Nothing was sent to the server; try again.");

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "Bridging {Server} ({Instance})")]
        public static partial void Opened(ILogger logger, string server, string instance);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The bridge to {Server} ({Instance}) ended. {Why}")]
        public static partial void Ended(ILogger logger, string server, string instance, string why);

        [LoggerMessage(Level = LogLevel.Warning, Message = "The sign of life of this replica's bridges could not be written: {Why}")]
        public static partial void NoBeat(ILogger logger, string why);

        [LoggerMessage(Level = LogLevel.Error, Message = "The sign of life of this replica's bridges failed unexpectedly: a defect")]
        public static partial void BeatFailed(ILogger logger, Exception e);

        [LoggerMessage(Level = LogLevel.Warning, Message = "This replica's bridges could not be released: {Why}")]
        public static partial void NotReleased(ILogger logger, string why);
    }
}
