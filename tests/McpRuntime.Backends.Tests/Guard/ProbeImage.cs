using System.Diagnostics;

namespace McpRuntime.Backends.Tests.Guard;

/// <summary>A few hundred kilobytes that serve, and that try from inside whatever a test names. Built once a run, from <c>probe.c</c>.</summary>
internal static class ProbeImage
{
    public const string Name = "mcpruntime-test/probe:guard";

    private static readonly Lazy<Task> Built = new(BuildAsync);

    public static Task EnsureAsync() => Built.Value;

    private static async Task BuildAsync()
    {
        var folder = Directory.CreateTempSubdirectory("probe-").FullName;
        try
        {
            var source = Path.Combine(TestContext.CurrentContext.TestDirectory, "Guard", "probe.c");
            await RunAsync("gcc", "-static", "-Os", "-s", "-o", Path.Combine(folder, "probe"), source);
            await File.WriteAllTextAsync(Path.Combine(folder, "Dockerfile"), "FROM scratch\nCOPY probe /probe\nENTRYPOINT [\"/probe\"]\n");
            await RunAsync("docker", "build", "--quiet", "--tag", Name, folder);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true, UseShellExecute = false };
        using var process = Process.Start(start)!;
        var words = await Task.WhenAll(process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        await process.WaitForExitAsync();
        process.ExitCode.Should().Be(0, $"{program}: {words[0]}{words[1]}");
    }
}
