using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>One incarnation of a container under watch. Its word is written by its own loop only.</summary>
internal sealed class Watched
{
    /// <summary>Turns ask again at each resync (every 5 min); what nobody asked for in three of them is gone.</summary>
    private static readonly TimeSpan Unasked = TimeSpan.FromMinutes(16);

    /// <summary>After it failed its record was woken, and the turn would have asked again within this: it did not, so it is gone.</summary>
    private static readonly TimeSpan UnaskedAfterWaking = TimeSpan.FromSeconds(45);

    private readonly CancellationTokenSource _stop;
    private bool _stopped;

    public Watched(string recordId, Endpoint endpoint, string instance, UpstreamAddress address, TimeProvider time, CancellationToken stopping)
    {
        RecordId = recordId;
        Endpoint = endpoint;
        Instance = instance;
        Address = address;
        AskedAt = time.GetTimestamp();
        Word = new Handshake(instance, HandshakeVerdict.Pending, 0, time.GetUtcNow());
        _stop = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Token = _stop.Token;
    }

    public string RecordId { get; }

    public Endpoint Endpoint { get; }

    public string Instance { get; }

    public UpstreamAddress Address { get; }

    public CancellationToken Token { get; }

    public Task Loop { get; set; } = Task.CompletedTask;

    public Handshake Word { get; private set; }

    public KnownServer? Server { get; private set; }

    public bool EverPassed { get; private set; }

    public long AskedAt { get; set; }

    public long? WokenAt { get; set; }

    /// <summary>The last pause was ended by somebody, not by the clock.</summary>
    public bool WasNudged { get; set; }

    /// <summary>It answered, and to ask it by the clock would start an instance of what nobody uses.</summary>
    public bool IsLeftAsleep => Endpoint.SleepsWhenIdle && !WasNudged && Word.Verdict is HandshakeVerdict.Passed or HandshakeVerdict.Challenged;

    /// <summary>Ends the pause between two tries.</summary>
    public SemaphoreSlim Nudge { get; } = new(0, 1);

    public void Take(HandshakeWord word, TimeProvider time)
    {
        var failed = word.Verdict == HandshakeVerdict.Failed;
        EverPassed |= !failed;
        Server = word.Server ?? Server;

        // While it fails, what it said last is still the best known of it; its path stays with its route.
        Word = new Handshake(
            Instance,
            word.Verdict,
            failed ? Word.Failures + 1 : 0,
            time.GetUtcNow(),
            word.Message,
            failed ? Word.ServerName : word.ServerName,
            failed ? Word.ServerVersion : word.ServerVersion,
            failed ? Word.ProtocolVersion : word.ProtocolVersion,
            failed ? Word.Path : word.Server?.Path,
            failed ? Word.Transport : word.Server?.Transport,
            failed ? Word.Tools : word.Tools?.Names,
            failed ? Word.ToolsHash : word.Tools?.Hash())
        {
            Definitions = failed ? Word.Definitions : word.Tools?.Definitions(),
        };
    }

    public bool IsForgotten(TimeProvider time)
    {
        var unasked = time.GetElapsedTime(AskedAt);
        return unasked > Unasked
            || (Word.Verdict == HandshakeVerdict.Failed && WokenAt is { } woken && AskedAt < woken && time.GetElapsedTime(woken) > UnaskedAfterWaking && unasked > UnaskedAfterWaking);
    }

    /// <summary>Idempotent: a loop that ends by itself may be replaced at the same moment.</summary>
    public void Stop()
    {
        if (Interlocked.Exchange(ref _stopped, true))
        {
            return;
        }

        _stop.Cancel();
        _stop.Dispose();
    }
}
