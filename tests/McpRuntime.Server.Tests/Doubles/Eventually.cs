namespace McpRuntime.Server.Tests;

internal static class Eventually
{
    /// <summary>Looks until it holds; fails after half a minute, or what is said.</summary>
    public static async Task HoldsAsync(Func<Task<bool>> condition, TimeSpan? atMost = null)
    {
        var patience = atMost ?? TimeSpan.FromSeconds(30);
        var started = TimeProvider.System.GetTimestamp();
        while (!await condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > patience)
            {
                Assert.Fail($"it did not come to hold within {patience.TotalSeconds:0} s");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }
}
