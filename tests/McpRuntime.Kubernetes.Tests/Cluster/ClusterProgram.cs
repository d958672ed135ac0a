using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Kubernetes.Tests.Cluster;

/// <summary>One program of the cluster: started, watched over, stopped; its last words kept for whoever waits for it in vain.</summary>
internal sealed class ClusterProgram(string path, IReadOnlyList<string> arguments) : IAsyncDisposable
{
    private const int Kept = 400;

    private readonly ConcurrentQueue<string> _words = new();
    private Process? _process;

    public string Name { get; } = Path.GetFileName(path);

    public string LastWords => string.Join('\n', _words);

    public void Start()
    {
        var process = new Process
        {
            StartInfo = new ProcessStartInfo(path, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false },
        };
        process.OutputDataReceived += (_, line) => Keep(line.Data);
        process.ErrorDataReceived += (_, line) => Keep(line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _process = process;
    }

    public async Task UntilAsync(Func<Task<bool>> ready, string what)
    {
        try
        {
            await Eventually.TrueAsync(
                async () => _process is { HasExited: false } ? await ready() : throw new InvalidOperationException($"{Name} has ended"), TimeSpan.FromSeconds(120), what);
        }
        catch (Exception fault) when (fault is TimeoutException or InvalidOperationException)
        {
            throw new InvalidOperationException($"{fault.Message}\n--- {Name}\n{string.Join('\n', _words.TakeLast(40))}", fault);
        }
    }

    /// <summary>SIGTERM, and SIGKILL where that does not end it within ten seconds.</summary>
    public async Task StopAsync()
    {
        if (_process is not { } process)
        {
            return;
        }

        _process = null;
        if (!process.HasExited)
        {
            await Run.Async("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]);
            using var clock = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            try
            {
                await process.WaitForExitAsync(clock.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill();
            }
        }

        process.Dispose();
    }

    /// <summary>SIGSTOP or SIGCONT: a program that is there and says nothing.</summary>
    public async Task SignalAsync(string signal) => (await Run.Async("kill", [$"-{signal}", _process!.Id.ToString(CultureInfo.InvariantCulture)])).Expect("kill");

    public async ValueTask DisposeAsync() => await StopAsync();

    private void Keep(string? line)
    {
        if (line is null)
        {
            return;
        }

        _words.Enqueue(line);
        while (_words.Count > Kept)
        {
            _ = _words.TryDequeue(out _);
        }
    }
}
