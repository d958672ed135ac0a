using McpRuntime.Core.Guardrails;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// What the guard lets out of a network. The network is named after it: two revisions with different lists never share one, so that
/// while one takes over from the other each has its own list and no more.
/// </summary>
/// <param name="Hosts">As the guard takes them, in order, each once.</param>
/// <param name="Strict">A tunnel must be TLS with a readable server name that equals the host asked for.</param>
internal sealed record WayOut(IReadOnlyList<string> Hosts, bool Strict)
{
    public const string Open = "open";

    /// <summary>Open, and its containers reach one another.</summary>
    public const string Shared = "shared";

    public const string Closed = "closed";

    /// <summary>The name that the guard answers to on a closed network; the engine's own resolver there tells its address.</summary>
    public const string GuardName = "mcp-guard";

    private const int NameLength = 12;

    // Hosts may be reached without TLS under the two profiles that are not made to keep secrets in; any other is strict, an admin's own too.
    private static readonly HashSet<string> Lenient = new(StringComparer.Ordinal) { "standard", "unrestricted" };

    public string Canonical => $"strict={Strict}\n{string.Join('\n', Hosts)}";

    /// <summary>In the network's name, from which a policy that was exchanged by hand is told.</summary>
    public string Name => DockerNames.Digest("way\n" + Canonical)[..NameLength];

    /// <summary>Null: everything gets out, or nothing; neither needs a policy.</summary>
    public static WayOut? Of(EffectiveGuardrails guardrails) => Egress.Of(guardrails.Config.Network).Match<WayOut?>(
        none: _ => null,
        hosts: hosts => new WayOut([.. hosts.Set.Select(h => h.ToString()).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)], !Lenient.Contains(guardrails.Profile)),
        all: _ => null);

    public static string NameOf(EffectiveGuardrails guardrails) => Egress.Of(guardrails.Config.Network).Match(
        none: _ => Closed,
        hosts: _ => Of(guardrails)!.Name,
        all: _ => Open);

    /// <summary>What a server needs to find the way; whoever ignores it has none.</summary>
    /// <param name="neighbours">Names on its own networks, which no proxy stands before.</param>
    public static IEnumerable<KeyValuePair<string, string>> Variables(IEnumerable<string> neighbours)
    {
        var direct = string.Join(',', neighbours.Order(StringComparer.Ordinal).Prepend(Loopback));
        var proxy = $"http://{GuardName}:{Guard.GuardPorts.Proxy}";
        return
        [
            new("HTTP_PROXY", proxy), new("http_proxy", proxy), new("HTTPS_PROXY", proxy), new("https_proxy", proxy),
            new("NO_PROXY", direct), new("no_proxy", direct),
            // Node 24 and later read the variables only when they are told to.
            new("NODE_USE_ENV_PROXY", "1"),
        ];
    }

    private const string Loopback = "localhost,127.0.0.1,::1";
}
