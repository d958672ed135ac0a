using System.Net;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine.Wire;

/// <summary>Until when nobody calls: told to slow down, every record's turn does, for the limit is the project's or the key's, not one call's.</summary>
internal sealed class Pause(TimeProvider time)
{
    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);

    private long _until;

    /// <summary>How long a 429 asks for, in seconds or as a date; null for any other answer.</summary>
    /// <param name="usual">When it does not say.</param>
    public TimeSpan? AskedBy(HttpResponseMessage reply, TimeSpan usual)
    {
        if (reply.StatusCode != HttpStatusCode.TooManyRequests)
        {
            return null;
        }

        var asked = reply.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - time.GetUtcNow(),
            _ => usual,
        };
        return asked < Shortest ? Shortest : asked > Longest ? Longest : asked;
    }

    /// <summary>The longest one holds, whichever was told last.</summary>
    public void Hold(TimeSpan asked)
    {
        var until = (time.GetUtcNow() + asked).UtcTicks;
        for (var known = Interlocked.Read(ref _until); known < until;)
        {
            var found = Interlocked.CompareExchange(ref _until, until, known);
            if (found == known)
            {
                return;
            }

            known = found;
        }
    }

    /// <exception cref="BackendFault">It is not over.</exception>
    public void ThrowWhileHeld()
    {
        var left = Interlocked.Read(ref _until) - time.GetUtcNow().UtcTicks;
        if (left > 0)
        {
            throw new BackendFault(new Fault(FaultKind.Throttled, "CodeEngineThrottled", "Code Engine or IAM asked for fewer calls; none is made until its pause is over.", TimeSpan.FromTicks(left)));
        }
    }
}
