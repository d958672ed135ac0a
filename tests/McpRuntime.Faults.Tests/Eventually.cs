using System.Diagnostics;

namespace McpRuntime.Faults.Tests;

/// <summary>Waits for a condition with a deadline; never for a time.</summary>
internal static class Eventually
{
    public static async Task HoldsAsync(Func<bool> condition, string what, double seconds = 20)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            if (clock.Elapsed.TotalSeconds > seconds)
            {
                Assert.Fail($"It did not come to be within {seconds} s that {what}.");
            }

            await Task.Delay(5);
        }
    }
}
