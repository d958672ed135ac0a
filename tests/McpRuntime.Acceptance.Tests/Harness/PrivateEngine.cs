using System.Diagnostics;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>
/// A second Docker Engine, the test's to stop and start. It keeps its hands off the host's packet filter (the first engine's rules are
/// there), which direct access from this host to its bridges does not need.
/// </summary>
internal sealed class PrivateEngine : IAsyncDisposable
{
    private readonly string _folder;
    private readonly string _bridge = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"mcprte{Environment.ProcessId % 10000}");
    private Process? _process;

    private PrivateEngine(string folder)
    {
        _folder = folder;
        Engine = new Engine(Path.Combine(folder, "docker.sock"));
    }

    public Engine Engine { get; }

    public static async Task<PrivateEngine> StartAsync(params string[] images)
    {
        var engine = new PrivateEngine(Directory.CreateTempSubdirectory("mcpruntime-engine-").FullName);
        await engine.StartAgainAsync();
        var archive = Path.Combine(engine._folder, "images.tar");
        (await Run.Async("docker", ["save", "-o", archive, .. images])).Expect("docker save");
        (await Run.Async("docker", ["-H", $"unix://{engine.Engine.Socket}", "load", "-q", "-i", archive], TimeSpan.FromSeconds(120))).Expect("docker load");
        File.Delete(archive);
        return engine;
    }

    public async Task StartAgainAsync()
    {
        // A default bridge of its own: without one (`none`) an engine removes docker0, which is the first engine's.
        await Run.Async("ip", ["link", "add", _bridge, "type", "bridge"]);
        await Run.Async("ip", ["addr", "add", "198.19.250.1/24", "dev", _bridge]);
        var start = new ProcessStartInfo("dockerd",
        [
            "--data-root", Path.Combine(_folder, "data"),
            "--exec-root", Path.Combine(_folder, "exec"),
            "--pidfile", Path.Combine(_folder, "pid"),
            "--host", $"unix://{Engine.Socket}",
            "--bridge", _bridge,
            "--iptables=false",
            "--ip-masq=false",
        ])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        var log = new List<string>();
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) => log.Add(line.Data ?? "");
        _process.OutputDataReceived += (_, line) => log.Add(line.Data ?? "");
        _process.Start();
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await Eventually.TrueAsync(
            async () => _process.HasExited
                ? throw new InvalidOperationException($"dockerd ended: {string.Join('\n', log)}")
                : (await Run.Async("docker", ["-H", $"unix://{Engine.Socket}", "version"])).Exit == 0,
            TimeSpan.FromSeconds(60),
            "the second engine answers");
    }

    public async Task StopAsync()
    {
        if (_process is { HasExited: false } process)
        {
            await Run.Async("kill", ["-TERM", process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await process.WaitForExitAsync();
        }

        _process?.Dispose();
        _process = null;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Engine.Dispose();
        // Mounts of its containers may outlive it by a moment.
        await Run.Async("sh", ["-c", "grep -F \"$0\" /proc/mounts | cut -d' ' -f2 | sort -r | xargs -r umount -l", _folder]);
        await Run.Async("rm", ["-rf", _folder]);
        await Run.Async("ip", ["link", "del", _bridge]);
    }
}
