namespace McpRuntime.Gateways.Egress;

/// <summary>A compiled list of allowed hosts: one hash look-up for an exact name, one per parent domain for a wildcard.</summary>
internal sealed class AllowedHosts
{
    private const int MaxEntries = 1024;
    private static readonly int[] DefaultPorts = [443, 80];

    private readonly HashSet<(string Host, int Port)> _exact = [];
    private readonly HashSet<(string Parent, int Port)> _below = [];

    private AllowedHosts()
    {
    }

    /// <param name="problem">What is wrong, naming the entry; null when it compiled.</param>
    public static AllowedHosts? Compile(IReadOnlyList<string> entries, out string? problem)
    {
        var hosts = new AllowedHosts();
        problem = entries.Count > MaxEntries ? $"allowed_hosts: {entries.Count} entries; at most {MaxEntries} are kept" : null;
        foreach (var entry in entries)
        {
            problem ??= hosts.TryAdd(entry)
                ? null
                : $"allowed_hosts: \"{entry}\" is none of host, *.host, host:port, *.host:port (ASCII names; an address in its plain form)";
        }

        return problem is null ? hosts : null;
    }

    public bool Allows(HostName host, int port)
    {
        if (_exact.Contains((host.Text, port)))
        {
            return true;
        }

        if (host.Address is not null || _below.Count == 0)
        {
            return false;
        }

        for (var dot = host.Text.IndexOf('.', StringComparison.Ordinal); dot >= 0; dot = host.Text.IndexOf('.', dot + 1))
        {
            if (_below.Contains((host.Text[(dot + 1)..], port)))
            {
                return true;
            }
        }

        return false;
    }

    private bool TryAdd(string entry)
    {
        var wildcard = entry.StartsWith("*.", StringComparison.Ordinal);
        var rest = entry.AsSpan(wildcard ? 2 : 0);
        IReadOnlyList<int> ports = DefaultPorts;
        // The colon inside "[v6]" is no port's; the one behind the bracket is.
        var colon = rest.LastIndexOf(':');
        if (colon >= 0 && colon > rest.LastIndexOf(']'))
        {
            if (!HostName.TryPort(rest[(colon + 1)..], out var port))
            {
                return false;
            }

            ports = [port];
            rest = rest[..colon];
        }

        if (HostName.Parse(rest) is not { } host || (wildcard && host.Address is not null))
        {
            return false;
        }

        foreach (var port in ports)
        {
            (wildcard ? _below : _exact).Add((host.Text, port));
        }

        return true;
    }
}
