namespace McpRuntime.Gateways.Stdio;

/// <summary>What one stdio server, and its clients together, may take of this process. Each runtime has its own: none can starve another.</summary>
public sealed record BridgeLimits
{
    /// <summary>Bytes of one line, in either direction. 4 MiB is what the SDKs' own HTTP servers take of a message.</summary>
    public int FrameBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Calls that the server works on at once. One process seldom gains by more; the rest wait their turn.</summary>
    public int InFlight { get; init; } = 256;

    /// <summary>Calls that wait for their turn; further ones are refused, to be tried again.</summary>
    public int Waiting { get; init; } = 4096;

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
