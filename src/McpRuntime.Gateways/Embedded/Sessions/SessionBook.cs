using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Records;
using Microsoft.Extensions.Logging;

namespace McpRuntime.Gateways.Embedded.Sessions;

/// <summary>
/// Opens the session that a request names. The sealed id alone says whose it is and what it stands for; the book adds what an id can't
/// hold: whether it has ended, whether it has acted, and where it went when its container was replaced.
/// </summary>
/// <remarks>
/// A session that has only listed and read is opened anew on the new container, once, whichever replicas are asked at a time; all
/// others get the 404 by which the protocol tells a client to initialize again. While the database is away, sessions go on by their
/// sealed ids, none is opened anew, and limits do not hold.
/// </remarks>
internal sealed partial class SessionBook(ISessionStore store, SessionSeal seal, Reopener reopener, GatewayOptions options, TimeProvider time, ILogger<SessionBook> logger)
{
    /// <summary>How long another replica's word (it has ended) may be missed; the server itself knows at once.</summary>
    internal static readonly TimeSpan Fresh = TimeSpan.FromSeconds(30);

    private const int MaxRemembered = 50_000;

    private readonly ConcurrentDictionary<string, OpenSession> _known = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Lazy<Task<(string? Upstream, GatewayError? Error)>>> _reopening = new(StringComparer.Ordinal);

    public IEnumerable<OpenSession> Known => _known.Values;

    /// <summary>Fills in what the session of <paramref name="text"/> stands for at the server now.</summary>
    /// <returns>Why not; null when it is open.</returns>
    public async Task<GatewayError?> OpenAsync(ForwardedCall call, string text, string? version, CancellationToken ct)
    {
        var inner = seal.Open(SealPurpose.Session, call.Route, call.Subject, text, out var sealedAt);
        var hash = HashOf(text);
        var known = await FindAsync(hash, reload: inner is null, ct);
        if (known is { HasEnded: true } || (known is null && inner is not null && IsForgotten(sealedAt)))
        {
            return GatewayError.SessionEnded;
        }

        if (inner is null)
        {
            (inner, var error) = await ReopenAsync(call, hash, version, ct);
            if (inner is null)
            {
                return error;
            }

            call.IsReopened = true;
        }

        call.SessionText = text;
        call.SessionId = inner;
        call.Session = known;
        if (known is not null)
        {
            known.UsedAt = time.GetTimestamp();
            known.IsTold = false;
            await NoteAsync(call, known, ct);
        }

        return null;
    }

    /// <summary>Before an <c>initialize</c> is sent on. The caller's own oldest session makes room; another's never does.</summary>
    public async Task<GatewayError?> MakeRoomAsync(ForwardedCall call, CancellationToken ct)
    {
        try
        {
            var (ofRuntime, ofCaller) = await store.CountAsync(call.Route.RecordId, call.Subject, ct);
            if (ofCaller >= options.MaxSessionsPerCaller && await store.OldestAsync(call.Route.RecordId, call.Subject, ct) is { } oldest)
            {
                await EndAsync(oldest.Hash, ct);
                await reopener.CloseAsync(call.Route, oldest, ct);
                Log.MadeRoom(logger, call.Subject, call.Route.Name, options.MaxSessionsPerCaller);
                ofRuntime--;
            }

            return ofRuntime >= options.MaxSessionsPerRuntime ? GatewayError.TooManySessions(call.Route.Name, options.MaxSessionsPerRuntime) : null;
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            return null;
        }
    }

    /// <summary>The server gave it an id: what the client will call it by is written down before the client knows it.</summary>
    public async Task RegisterAsync(ForwardedCall call, string text, string inner, CancellationToken ct)
    {
        if (seal.Seal(SealPurpose.Session, call.Route, call.Subject, inner) is not { } upstream)
        {
            return;
        }

        var now = time.GetUtcNow();
        var session = new StoredSession(HashOf(text), call.Route.RecordId, call.Subject, call.Route.Instance, call.Envelope.Initialize, upstream, HasActed: false, now, now, HasEnded: false);
        try
        {
            await store.AddAsync(session, ct);
            Remember(session);
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            Log.Untold(logger, call.Route.Name, away.Detail);
        }
    }

    /// <summary>Its client or its server has ended it.</summary>
    public async Task EndAsync(string hash, CancellationToken ct)
    {
        if (_known.TryGetValue(hash, out var known))
        {
            known.HasEnded = true;
        }

        try
        {
            await store.EndAsync(hash, ct);
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            // The server has ended it, and answers so; the row ends by idling.
        }
    }

    public Task EndAsync(ForwardedCall call, CancellationToken ct) => call.SessionText is { } text ? EndAsync(HashOf(text), ct) : Task.CompletedTask;

    /// <summary>What need not be remembered: the database has it, and nobody uses it now.</summary>
    public void Forget(TimeSpan unusedFor)
    {
        foreach (var (hash, known) in _known)
        {
            if (known is { IsStreaming: false, IsTold: true } && time.GetElapsedTime(known.UsedAt) > unusedFor)
            {
                _known.TryRemove(hash, out _);
            }
        }
    }

    public static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private bool IsForgotten(DateTimeOffset sealedAt) => time.GetUtcNow() - sealedAt > options.SessionIdle + options.SessionIdle;

    /// <summary>That it acts is written down before it does: it must never be opened anew after that, on any replica.</summary>
    private async Task NoteAsync(ForwardedCall call, OpenSession known, CancellationToken ct)
    {
        if (known.HasActed || call.IsSilent || !SessionMethods.Acts(call.Envelope))
        {
            return;
        }

        known.HasActed = true;
        try
        {
            await store.ActedAsync(known.Hash, ct);
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            // Of the two promises, that what runs stays reachable is kept. The row would have to outlive this process, the outage and
            // the container to be opened anew wrongly, and even then nothing is executed twice.
            Log.Untold(logger, call.Route.Name, away.Detail);
        }
    }

    private async Task<OpenSession?> FindAsync(string hash, bool reload, CancellationToken ct)
    {
        if (!reload && _known.TryGetValue(hash, out var known) && time.GetElapsedTime(known.LoadedAt) < Fresh)
        {
            return known;
        }

        try
        {
            return await store.FindAsync(hash, ct) is { } stored ? Remember(stored) : null;
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            return _known.GetValueOrDefault(hash);
        }
    }

    private OpenSession Remember(StoredSession stored)
    {
        if (_known.Count >= MaxRemembered)
        {
            Forget(TimeSpan.Zero);
        }

        var known = _known.GetOrAdd(stored.Hash, hash => new OpenSession(hash, stored.RecordId, stored.HasActed, time.GetTimestamp()));
        known.HasActed |= stored.HasActed;
        known.HasEnded |= stored.HasEnded;
        known.LoadedAt = time.GetTimestamp();
        return known;
    }

    private async Task<(string? Upstream, GatewayError? Error)> ReopenAsync(ForwardedCall call, string hash, string? version, CancellationToken ct)
    {
        var flight = $"{hash} {call.Route.Instance}";
        var opening = _reopening.GetOrAdd(flight, _ => new(() => ReopenOnceAsync(call, hash, version)));
        try
        {
            return await opening.Value.WaitAsync(ct);
        }
        finally
        {
            _reopening.TryRemove(new(flight, opening));
        }
    }

    /// <summary>Not cancelled by the one of its askers that goes first.</summary>
    private async Task<(string? Upstream, GatewayError? Error)> ReopenOnceAsync(ForwardedCall call, string hash, string? version)
    {
        using var limit = new CancellationTokenSource(options.IdleTimeout, time);
        try
        {
            if (await store.FindAsync(hash, limit.Token) is not { HasEnded: false } stored || stored.RecordId != call.Route.RecordId || stored.Subject != call.Subject)
            {
                return (null, GatewayError.SessionEnded);
            }

            if (stored.Instance == call.Route.Instance)
            {
                // Another replica (or another of its requests) was here before.
                return seal.Open(SealPurpose.Session, call.Route, call.Subject, stored.Upstream) is { } there ? (there, null) : (null, GatewayError.SessionEnded);
            }

            return stored.HasActed || stored.Initialize is not { } parameters ? (null, GatewayError.SessionEnded) : await MoveAsync(call, stored, parameters, version, limit.Token);
        }
        catch (Refusal away) when (away.Kind == RefusalKind.Unavailable)
        {
            return (null, GatewayError.RoutesAway);
        }
        catch (OperationCanceledException)
        {
            return (null, GatewayError.Late(call.Route.Name));
        }
    }

    private async Task<(string? Upstream, GatewayError? Error)> MoveAsync(ForwardedCall call, StoredSession stored, string parameters, string? version, CancellationToken ct)
    {
        var (inner, error) = await reopener.OpenAsync(call.Route, call.Subject, parameters, version, ct);
        if (inner is null)
        {
            return (null, error ?? GatewayError.SessionEnded);
        }

        if (seal.Seal(SealPurpose.Session, call.Route, call.Subject, inner) is { } upstream && await store.MoveAsync(stored.Hash, stored.Instance, call.Route.Instance, upstream, ct))
        {
            Log.Reopened(logger, call.Route.Name, call.Subject);
            return (inner, null);
        }

        // Another replica was faster: its session is the one, and ours is closed again.
        await reopener.CloseAsync(call.Route, call.Subject, inner, ct);
        return await store.FindAsync(stored.Hash, ct) is { HasEnded: false } moved && moved.Instance == call.Route.Instance
            && seal.Open(SealPurpose.Session, call.Route, call.Subject, moved.Upstream) is { } theirs
            ? (theirs, null)
            : (null, GatewayError.SessionEnded);
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Information, Message = "A session of {Subject} on {Name} had only listed and read, and was opened anew on the new container")]
        public static partial void Reopened(ILogger logger, string name, string subject);

        [LoggerMessage(Level = LogLevel.Information, Message = "{Subject} has {Limit} sessions on {Name}; the one used least recently made room (RUNTIME_GATEWAY_MAX_SESSIONS_PER_CALLER)")]
        public static partial void MadeRoom(ILogger logger, string subject, string name, int limit);

        [LoggerMessage(Level = LogLevel.Warning, Message = "A session on {Name} could not be written down: {Why}")]
        public static partial void Untold(ILogger logger, string name, string why);
    }
}
