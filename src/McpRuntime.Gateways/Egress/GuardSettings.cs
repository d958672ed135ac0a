using System.Collections;
using System.Globalization;
using System.Net;
using McpRuntime.Backends.Docker.Guard;
using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways.Egress;

/// <summary>From the environment, since that is all a container of ours is given. Every error names its variable.</summary>
internal sealed record GuardSettings
{
    public required SecretText Token { get; init; }

    public IPAddress Listen { get; init; } = IPAddress.Any;

    public int ProxyPort { get; init; } = GuardPorts.Proxy;

    public int RelayPort { get; init; } = GuardPorts.Relay;

    public int ControlPort { get; init; } = GuardPorts.Control;

    /// <summary>Null: policies are kept in memory only.</summary>
    public string? StateFolder { get; init; }

    /// <summary>Networks of ours that are not closed runtimes'. Empty: the one of the default route.</summary>
    public IReadOnlyList<IPNetwork> Outer { get; init; } = [];

    /// <summary>Private networks that allowed names may resolve into.</summary>
    public IReadOnlyList<IPNetwork> AllowPrivate { get; init; } = [];

    /// <summary>Networks that nothing may resolve into, whatever is allowed.</summary>
    public IReadOnlyList<IPNetwork> Deny { get; init; } = [];

    public bool SameNetwork { get; init; } = true;

    public GuardLimits Limits { get; init; } = new();

    /// <exception cref="FormatException">Names the variable and what it takes.</exception>
    public static GuardSettings Read(IDictionary environment)
    {
        string? Value(string name) => environment[name] as string is { Length: > 0 } value ? value : null;
        return new GuardSettings
        {
            Token = ReadToken(Value),
            Listen = Value("GUARD_LISTEN") is { } listen ? IPAddress.TryParse(listen, out var ip) ? ip : throw Bad("GUARD_LISTEN", "an IP address") : IPAddress.Any,
            ProxyPort = Number(Value, "GUARD_PROXY_PORT", GuardPorts.Proxy, 0, 65535),
            RelayPort = Number(Value, "GUARD_RELAY_PORT", GuardPorts.Relay, 0, 65535),
            ControlPort = Number(Value, "GUARD_CONTROL_PORT", GuardPorts.Control, 0, 65535),
            StateFolder = Value("GUARD_STATE_DIR"),
            Outer = Networks(Value, "GUARD_OUTER"),
            AllowPrivate = Networks(Value, "GUARD_ALLOW_PRIVATE"),
            Deny = Networks(Value, "GUARD_DENY"),
            SameNetwork = Value("GUARD_SHARED_NETWORK") is not "true",
            Limits = new GuardLimits
            {
                IdleTime = TimeSpan.FromSeconds(Number(Value, "GUARD_IDLE_SECONDS", 300, 1, 86_400)),
                TotalTime = TimeSpan.FromSeconds(Number(Value, "GUARD_TOTAL_SECONDS", 43_200, 1, 604_800)),
                ConnectionsPerNetwork = Number(Value, "GUARD_CONNECTIONS_PER_NETWORK", 128, 1, 65_536),
                ProxyConnections = Number(Value, "GUARD_CONNECTIONS", 2048, 1, 65_536),
                RelayConnections = Number(Value, "GUARD_RELAY_CONNECTIONS", 4096, 1, 65_536),
            },
        };
    }

    // A file is not shown by inspecting the container; the variable is for trying things out.
    private static SecretText ReadToken(Func<string, string?> value)
    {
        const int Shortest = 16;
        var text = value("GUARD_TOKEN_FILE") is { } path ? File.ReadAllText(path).Trim() : value("GUARD_TOKEN");
        return text is { Length: >= Shortest } ? new SecretText(text) : throw Bad("GUARD_TOKEN_FILE", $"a file with a token of at least {Shortest} characters (or set GUARD_TOKEN)");
    }

    private static int Number(Func<string, string?> value, string name, int otherwise, int least, int most) =>
        value(name) is not { } text ? otherwise
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
        : throw Bad(name, string.Create(CultureInfo.InvariantCulture, $"a whole number from {least} to {most}"));

    private static IReadOnlyList<IPNetwork> Networks(Func<string, string?> value, string name) =>
        [.. (value(name) ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Select(n => IPNetwork.TryParse(n, out var network) ? network : throw Bad(name, "networks such as 10.201.0.0/16, comma-separated"))];

    private static FormatException Bad(string name, string takes) => new($"{name}: takes {takes}");
}
