namespace McpRuntime.Server.Tests;

internal static class Eventually
{
    /// <summary>Looks until it holds; fails after ten seconds.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromSeconds(10))
            {
                Assert.Fail("it did not come to hold within 10 s");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }
}
