namespace McpRuntime.Server.Tests.Records;

/// <summary>Waits for a condition of the world, not for a time.</summary>
internal static class Eventually
{
    public static async Task BecomesAsync(Func<Task<bool>> holds, TimeSpan atMost)
    {
        var deadline = TimeProvider.System.GetTimestamp();
        while (!await holds())
        {
            TimeProvider.System.GetElapsedTime(deadline).Should().BeLessThan(atMost, "the condition should hold by then");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
        }
    }
}
