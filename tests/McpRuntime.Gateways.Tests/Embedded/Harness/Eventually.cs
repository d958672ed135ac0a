using System.Diagnostics;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

/// <summary>Asks until it is so, or the time is up: the only wait in these tests.</summary>
internal static class Eventually
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    public static Task TrueAsync(Func<bool> condition, string what) => TrueAsync(() => Task.FromResult(condition()), what);

    public static async Task TrueAsync(Func<Task<bool>> condition, string what)
    {
        var watch = Stopwatch.StartNew();
        while (!await condition())
        {
            if (watch.Elapsed > Patience)
            {
                throw new TimeoutException($"After {Patience.TotalSeconds} s this was still not so: {what}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>A task that must end by itself, soon.</summary>
    public static Task<T> InTime<T>(this Task<T> task) => task.WaitAsync(Patience, TimeProvider.System);

    public static Task InTime(this Task task) => task.WaitAsync(Patience, TimeProvider.System);
}
