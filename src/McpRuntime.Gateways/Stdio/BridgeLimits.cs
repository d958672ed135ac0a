namespace McpRuntime.Gateways.Stdio;

/// <summary>What one stdio server, and its clients together, may take of this process. Each runtime has its own: none can starve another.</summary>
public sealed record BridgeLimits
{
    /// <summary>Bytes of one line, in either direction. 4 MiB is what the SDKs' own HTTP servers take of a message.</summary>
    public int FrameBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Calls that the server works on at once; the rest wait their turn. Of these, as of the next two, one caller gets at most as many as
    /// it leaves free (<see cref="Turns"/>): 128 when it is alone, which keeps any process busy.
    /// </summary>
    public int InFlight { get; init; } = 256;

    /// <summary>Calls that wait for their turn; further ones are refused, to be tried again.</summary>
    public int Waiting { get; init; } = 4096;

    /// <summary>Streams that listen for changes (<c>subscriptions/listen</c>).</summary>
    public int Listeners { get; init; } = 1000;

    /// <summary>
    /// What a server says for so long after a call was cancelled may still be about that call, and is shown to no other client. The SDKs'
    /// servers stop at once, and answer nothing; the longer this is, the longer others wait for their own sampling and logs.
    /// </summary>
    public TimeSpan CancelGrace { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Requests of the server that one session has not answered.</summary>
    public int Asked { get; init; } = 64;

    /// <summary>Times that a server may ask for further input for one call.</summary>
    public int InputRounds { get; init; } = 16;

    public int Sessions { get; init; } = 2000;

    /// <summary>One caller can't take all sessions from the others.</summary>
    public int SessionsPerCaller { get; init; } = 1000;

    /// <summary>A session without a call or an open stream for this long has ended.</summary>
    public TimeSpan SessionIdle { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Messages for one stream that its client has not read. Further notifications are dropped; an answer never is.</summary>
    public int UnreadMessages { get; init; } = 512;

    public long UnreadBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Bytes of one session's streams that are over and are kept for a client that was cut off.</summary>
    public long KeptBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Bytes written for the server that it has not read.</summary>
    public long UnwrittenBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>A server that takes nothing of what waits for it for this long is started anew.</summary>
    public TimeSpan WriteStall { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Lines a second that are no answers; a server that writes more is read more slowly.</summary>
    public int NoticesPerSecond { get; init; } = 1000;

    /// <summary>Interpreters with a quarter of a core need 10 s and more for their imports.</summary>
    public TimeSpan Start { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A server that never heard of <c>server/discover</c> and says nothing at all to it is asked the older way after this.</summary>
    public TimeSpan Discover { get; init; } = TimeSpan.FromSeconds(8);
}
