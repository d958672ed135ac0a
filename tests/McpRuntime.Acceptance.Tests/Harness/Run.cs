using System.Diagnostics;

namespace McpRuntime.Acceptance.Tests.Harness;

internal sealed record Ran(int Exit, string Output, string Errors)
{
    public string Expect(string what) => Exit == 0 ? Output : throw new InvalidOperationException($"{what} ended with {Exit}: {Errors} {Output}");
}

/// <summary>A short-lived program with an argument list, never a shell line.</summary>
internal static class Run
{
    public static async Task<Ran> Async(string program, IEnumerable<string> arguments, TimeSpan? atMost = null, string? folder = null)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
                UseShellExecute = false,
                WorkingDirectory = folder ?? Path.GetTempPath(),
            },
        };
        process.Start();
        process.StandardInput.Close();
        using var timeout = new CancellationTokenSource(atMost ?? TimeSpan.FromSeconds(60));
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var errors = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            return new Ran(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException fault)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} {string.Join(' ', arguments)} took too long", fault);
        }
    }
}
