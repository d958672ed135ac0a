using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace McpRuntime.Gateways.Egress;

/// <summary>The <c>guard</c> verb of the one executable.</summary>
public static class GuardProgram
{
    private const int BadSettings = 78;
    private const int LoopEnded = 70;
    private const int Threads = 64;

    /// <summary>Runs until cancelled or told to stop (SIGTERM, SIGINT). 0 = stopped when asked; 70 = something of ours ended by itself, so that whoever started us does it again; 78 = settings are wrong, told on stderr.</summary>
    /// <param name="args">None are taken: the environment says it all (<c>GUARD_*</c>).</param>
    public static async Task<int> RunAsync(string[] args, CancellationToken ct)
    {
        GuardSettings settings;
        try
        {
            settings = args.Length == 0 ? GuardSettings.Read(Environment.GetEnvironmentVariables()) : throw new FormatException($"guard takes no argument such as \"{args[0]}\": see GUARD_* in its documentation");
        }
        catch (Exception e) when (e is FormatException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return BadSettings;
        }

        using var logging = LoggerFactory.Create(b => b.AddJsonConsole(o => o.UseUtcTimestamp = true).SetMinimumLevel(LogLevel.Information));
        var time = TimeProvider.System;
        await using var host = new GuardHost(settings, new LiveNetworks(settings.Outer, time), new SystemNames(), time, logging.CreateLogger("McpRuntime.Guard"));
        // More than the look-ups that may block at once: the pool's slow growth must not be what traffic waits for.
        ThreadPool.SetMinThreads(Threads, Threads);
        await host.StartAsync(ct);
        var asked = StopAskedAsync(ct);
        return await Task.WhenAny(asked, host.Completion) == asked ? 0 : LoopEnded;
    }

    private static async Task StopAskedAsync(CancellationToken ct)
    {
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            asked.TrySetResult();
        }

        using var term = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var cancelled = ct.Register(() => asked.TrySetResult());
        await asked.Task;
    }
}
