using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>When to try again, and what is worth waking a record for. Pure.</summary>
/// <remarks>
/// A server that wedges right after a passed handshake is asked again after at most 60 s, fails at 68, 78 and 88 s, and so has three
/// failures, after which it loses Verified, within the promised 90 s. Pauses count from the start of one try to the start of the next.
/// </remarks>
internal static class ProbeSchedule
{
    public static readonly TimeSpan TryTimeout = TimeSpan.FromSeconds(10);
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(50);

    /// <summary>Of a server that may have to be started by the very call: no platform publishes how long that takes.</summary>
    public static readonly TimeSpan WakingTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Between doubts in one server: calls that fail by the hundred are one reason to ask.</summary>
    public static readonly TimeSpan BetweenDoubts = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan First = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan AfterFailure = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LongestAsleep = TimeSpan.FromHours(1);

    /// <summary>About two minutes' worth of tries: what has not answered by then is not starting any more.</summary>
    private const int FailuresWhileStarting = 30;

    /// <summary>The planner takes Verified away after three failures and the container after six: it is told of each up to there.</summary>
    private const int FailuresOfInterest = 6;

    /// <param name="settled">Between tries that pass; what follows a failure is shortened along with it.</param>
    public static TimeSpan Pause(Handshake word, bool everPassed, Random random, TimeSpan settled) => word.Verdict switch
    {
        // Early by up to a tenth: servers started together are not asked together for ever.
        HandshakeVerdict.Passed or HandshakeVerdict.Challenged => settled * (1 - (random.NextDouble() / 10)),
        HandshakeVerdict.Failed when everPassed => Least(AfterFailure, settled / 6),
        HandshakeVerdict.Failed or HandshakeVerdict.Pending => Doubled(word.Failures - 1),
    };

    /// <summary>Of what sleeps when idle: every try starts an instance, so one that never answers is asked ever less.</summary>
    public static TimeSpan PauseAsleep(Handshake word, bool everPassed, Random random, TimeSpan settled)
    {
        var pause = Pause(word, everPassed, random, settled);
        var beyond = word.Failures - FailuresWhileStarting;
        return beyond <= 0 ? pause : Least(Longest * Math.Pow(2, Math.Min(beyond, 20)), LongestAsleep);
    }

    public static bool IsNews(Handshake before, Handshake after, bool everPassed) =>
        before.Verdict != after.Verdict
        || (everPassed && after.Verdict == HandshakeVerdict.Failed && after.Failures <= FailuresOfInterest)
        || before.ToolsHash != after.ToolsHash
        || before.Path != after.Path
        || before.ServerVersion != after.ServerVersion;

    /// <summary>Of a server that is known to answer.</summary>
    public static TimeSpan RecheckTimeout(TimeSpan settled) => Least(TimeSpan.FromSeconds(8), settled / 7.5);

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;

    private static TimeSpan Doubled(int times)
    {
        var pause = First * Math.Pow(2, Math.Clamp(times, 0, 10));
        return pause < Longest ? pause : Longest;
    }
}
