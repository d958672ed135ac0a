using System.Diagnostics;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>Asks until the answer is right or the time is up. The only wait there is in these tests: none of them sleeps and hopes.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    /// <returns>How long it took.</returns>
    public static async Task<TimeSpan> TrueAsync(Func<Task<bool>> condition, TimeSpan atMost, string what)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            if (await condition())
            {
                return watch.Elapsed;
            }

            if (watch.Elapsed > atMost)
            {
                throw new TimeoutException($"After {atMost.TotalSeconds:0.#} s this was still not so: {what}");
            }

            await Task.Delay(Pause, TimeProvider.System);
        }
    }

    public static async Task<T> IsAsync<T>(Func<Task<T>> ask, Func<T, bool> right, TimeSpan atMost, Func<T?, string> what)
    {
        T? last = default;
        try
        {
            await TrueAsync(async () => right(last = await ask()), atMost, "");
        }
        catch (TimeoutException fault)
        {
            throw new TimeoutException($"After {atMost.TotalSeconds:0.#} s: {what(last)}", fault);
        }

        return last!;
    }
}
