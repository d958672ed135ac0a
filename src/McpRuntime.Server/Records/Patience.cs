using McpRuntime.Core.Records;

namespace McpRuntime.Server.Records;

/// <summary>
/// What each call through the gateway asks of the database. One that does not answer costs a call a second at most, and for the next
/// few seconds nothing at all: what was known last is used at once, so that what runs stays reachable.
/// </summary>
internal sealed class Patience(TimeProvider time)
{
    private static readonly TimeSpan AtMost = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(3);

    // 0: it answered last.
    private long _failedAt;

    /// <param name="known">The answer while there is none to be had.</param>
    public async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, T known, CancellationToken ct)
    {
        if (Interlocked.Read(ref _failedAt) is > 0 and var failed && time.GetElapsedTime(failed) < Pause)
        {
            return known;
        }

        using var late = new CancellationTokenSource(AtMost, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(ct, late.Token);
        try
        {
            // Waited for with the token too: a driver that hangs in a closed socket does not see it.
            var answer = await ask(either.Token).WaitAsync(either.Token);
            Interlocked.Exchange(ref _failedAt, 0);
            return answer;
        }
        catch (Exception away) when (!ct.IsCancellationRequested && away is OperationCanceledException or Refusal { Kind: RefusalKind.Unavailable })
        {
            Interlocked.Exchange(ref _failedAt, time.GetTimestamp());
            return known;
        }
    }
}
