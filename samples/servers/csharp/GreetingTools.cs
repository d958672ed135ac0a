using System.ComponentModel;
using ModelContextProtocol.Server;

namespace McpRuntime.SampleServer;

/// <summary>What the five-minute tour calls.</summary>
internal static class GreetingTools
{
    public static IEnumerable<McpServerTool> All =>
    [
        McpServerTool.Create(Echo, new() { Name = "echo", ReadOnly = true }),
        McpServerTool.Create(Add, new() { Name = "add", ReadOnly = true }),
        McpServerTool.Create(WhoAmI, new() { Name = "whoami", ReadOnly = true }),
        McpServerTool.Create(EnvironmentNames, new() { Name = "environment_names", ReadOnly = true }),
    ];

    [Description("Says back what it is told.")]
    private static string Echo([Description("What to say.")] string message)
    {
        Console.WriteLine($"echo: {message}");
        return message;
    }

    [Description("Adds two numbers.")]
    private static double Add(double a, double b) => a + b;

    [Description("The process as the kernel sees it: user, groups, capabilities, seccomp mode, no-new-privileges.")]
    private static string WhoAmI() => string.Join('\n', File.ReadLines("/proc/self/status").Where(IsIdentity));

    [Description("The names, never the values, of the environment variables the server was given.")]
    private static IReadOnlyList<string> EnvironmentNames() =>
        [.. Environment.GetEnvironmentVariables().Keys.Cast<string>().Order(StringComparer.Ordinal)];

    private static bool IsIdentity(string line) =>
        line.Split(':')[0] is "Uid" or "Gid" or "Groups" or "CapInh" or "CapPrm" or "CapEff" or "CapBnd" or "NoNewPrivs" or "Seccomp";
}
