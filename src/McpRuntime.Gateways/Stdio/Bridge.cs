using McpRuntime.Backends;
using McpRuntime.Gateways.Embedded;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Stdio;

/// <summary>One incarnation of a stdio server, and everybody who talks to it. It lives as long as the server's process does.</summary>
internal sealed partial class Bridge : IStdioListener, IAsyncDisposable
{
    private static readonly TimeSpan SweepEvery = TimeSpan.FromSeconds(30);

    private readonly StdioPeer _peer;
    private readonly ServerRequests _asked;
    private readonly Notices _notices;
    private readonly GatewayOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ITimer _sweep;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<string> _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task<ServerFacts> _facts = Task.FromException<ServerFacts>(new BridgeException("It was not started."));
    private long _strays;

    public Bridge(IStdioChannel channel, GatewayOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _time, _logger) = (options, time, logger);
        _peer = new StdioPeer(channel, options.Stdio, time, this, logger);
        Calls = new CallTable(options.Stdio, time, _peer.TrySend);
        Sessions = new SessionTable(options.Stdio, time);
        _notices = new Notices(Calls, Sessions, Listeners, this, logger);
        _asked = new ServerRequests(Calls, _peer.TrySend);
        Subscriptions = new Subscriptions(this);
        _sweep = time.CreateTimer(_ => Sweep(), state: null, SweepEvery, SweepEvery);
    }

    public string Instance => _peer.Instance;

    public CallTable Calls { get; }

    public SessionTable Sessions { get; }

    public ListenerTable Listeners { get; } = new();

    public Subscriptions Subscriptions { get; }

    public BridgeLimits Limits => _options.Stdio;

    public TimeProvider Time => _time;

    /// <summary>Completes with the reason when the server's process has ended, or the way to it.</summary>
    public Task<string> End => _end.Task;

    public void Start(bool mayDiscover)
    {
        _peer.Start();
        _facts = new Handshake(Calls, _peer.TrySend, _options.Stdio, _time).RunAsync(mayDiscover, _stop.Token);
        _ = WatchAsync(_facts);
    }

    /// <exception cref="BridgeException">It is no MCP server, or has ended.</exception>
    public Task<ServerFacts> FactsAsync(CancellationToken ct) => _facts.WaitAsync(ct);

    public bool Send(byte[] frame) => _peer.TrySend(frame);

    /// <summary>Ends a call that nobody waits for any more; the server is told.</summary>
    public void Cancel(Call call, string reason)
    {
        if (Calls.Abandon(call) is { } id)
        {
            _peer.TrySend(Frames.Notification("notifications/cancelled", to =>
            {
                to.WriteNumber("requestId"u8, id);
                to.WriteString("reason"u8, reason);
            }));
        }

        call.Finish(null);
    }

    public void EndSession(Session session)
    {
        if (!Sessions.Remove(session))
        {
            return;
        }

        var (calls, subscriptions) = session.End();
        foreach (var call in calls)
        {
            Cancel(call, "The client ended its session.");
        }

        foreach (var request in session.TakeAskedFor(call: null))
        {
            request.Answered(null);
        }

        foreach (var uri in subscriptions)
        {
            Subscriptions.Dropped(uri);
        }
    }

    public void Heard(JsonRpcMessage message)
    {
        switch (message.Kind)
        {
            case MessageKind.Response:
                if (!message.Id!.Value.TryGetId(out var id) || !Calls.Answer(id, message))
                {
                    // By the power of two: a server that answers what nobody asked must not fill the log.
                    if (System.Numerics.BitOperations.IsPow2(++_strays))
                    {
                        Log.Stray(_logger, Instance, _strays);
                    }
                }

                break;
            case MessageKind.Request:
                _asked.Ask(message);
                break;
            case MessageKind.Notification:
                _notices.Deliver(message);
                break;
        }
    }

    public void HeardTooMuch(JsonRpcEnvelope beginning)
    {
        if (long.TryParse(beginning.Id, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var id) && Calls.Find(id) is { } call)
        {
            Calls.Abandon(call);
            call.Fail(Protocol.Gateway, $"The server's answer is longer than the {Limits.FrameBytes} bytes that are read of one.");
        }
        else if (beginning.Method is null)
        {
            // It may be the answer to any of the calls, and one of them would wait for ever.
            _peer.End("It wrote a message that is too long, and it can't be told whose answer that is.");
        }
    }

    public void Ended(string why)
    {
        Calls.End(why);
        foreach (var session in Sessions.All)
        {
            Sessions.Remove(session);
            session.End();
        }

        foreach (var listener in Listeners.All)
        {
            listener.Outbox.Finish(null);
        }

        _end.TrySetResult(why);
    }

    public void Kill(string why) => _peer.End(why);

    public async ValueTask DisposeAsync()
    {
        await _sweep.DisposeAsync();
        await _stop.CancelAsync();
        await _peer.DisposeAsync();
        _stop.Dispose();
    }

    /// <summary>A server that can't be shaken hands with is of no use to anybody.</summary>
    private async Task WatchAsync(Task<ServerFacts> facts)
    {
        try
        {
            var known = await facts;
            Log.Ready(_logger, Instance, known.Version);
        }
        catch (Exception e) when (e is BridgeException or OperationCanceledException)
        {
            _peer.End(e.Message);
        }
    }

    private void Sweep()
    {
        foreach (var session in Sessions.Idle())
        {
            EndSession(session);
        }

        // A call that waits for its client's input is the server's no more, and its session's still.
        foreach (var call in Calls.All().Concat(Sessions.All.SelectMany(session => session.Calls)).Distinct().Where(call => !call.IsListening && _time.GetElapsedTime(call.StartedAt) > _options.TotalTimeout))
        {
            if (Calls.Abandon(call) is { } id)
            {
                _peer.TrySend(Frames.Notification("notifications/cancelled", to => to.WriteNumber("requestId"u8, id)));
            }

            call.Fail(Protocol.Gateway, "It was not answered in time (RUNTIME_GATEWAY_TOTAL_TIMEOUT_SECONDS).");
        }
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "The bridge to {Instance} is ready: MCP {Version}")]
        public static partial void Ready(ILogger logger, string instance, string version);

        [LoggerMessage(Level = LogLevel.Warning, Message = "{Instance} answered what it was not asked, or twice; {Count} such answers were dropped")]
        public static partial void Stray(ILogger logger, string instance, long count);
    }
}

internal static class Ids
{
    public static bool TryGetId(this System.Text.Json.JsonElement id, out long value)
    {
        value = 0;
        return id.ValueKind == System.Text.Json.JsonValueKind.Number && id.TryGetInt64(out value);
    }
}
