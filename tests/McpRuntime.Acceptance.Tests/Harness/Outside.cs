using System.Diagnostics;
using System.Globalization;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>
/// A host that is not this one: a network namespace behind a pair of virtual interfaces, with a listener in it. What reaches it has
/// really gone out; no address of the internet is needed to prove it.
/// </summary>
internal sealed class Outside : IAsyncDisposable
{
    public const int Port = 7654;

    private readonly string _name;
    private readonly string _link;
    private Process? _listener;

    private Outside(int number)
    {
        _name = string.Create(CultureInfo.InvariantCulture, $"mcprt{number}");
        _link = string.Create(CultureInfo.InvariantCulture, $"mcprt{number}h");
        Address = string.Create(CultureInfo.InvariantCulture, $"198.18.{number}.2");
        HostAddress = string.Create(CultureInfo.InvariantCulture, $"198.18.{number}.1");
    }

    /// <summary>Of 198.18.0.0/15, the block set aside for tests of networks.</summary>
    public string Address { get; }

    /// <summary>This host's own address on the link.</summary>
    public string HostAddress { get; }

    public static async Task<Outside> StartAsync()
    {
        var outside = new Outside(Environment.ProcessId % 250);
        await outside.RemoveAsync();
        string peer = outside._name + "n";
        await IpAsync("netns", "add", outside._name);
        await IpAsync("link", "add", outside._link, "type", "veth", "peer", "name", peer, "netns", outside._name);
        await IpAsync("addr", "add", outside.HostAddress + "/30", "dev", outside._link);
        await IpAsync("link", "set", outside._link, "up");
        await IpAsync("-n", outside._name, "addr", "add", outside.Address + "/30", "dev", peer);
        await IpAsync("-n", outside._name, "link", "set", peer, "up");
        await IpAsync("-n", outside._name, "link", "set", "lo", "up");
        await IpAsync("-n", outside._name, "route", "add", "default", "via", outside.HostAddress);
        outside.Listen();
        return outside;
    }

    public async ValueTask DisposeAsync()
    {
        if (_listener is { HasExited: false })
        {
            _listener.Kill(entireProcessTree: true);
            await _listener.WaitForExitAsync();
        }

        _listener?.Dispose();
        await RemoveAsync();
    }

    private void Listen()
    {
        const string Script = """
            use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
            bind($s, sockaddr_in($ARGV[0], INADDR_ANY)) or die $!; listen($s, 16); while (accept(my $c, $s)) { print $c "outside\n"; close $c }
            """;
        _listener = Process.Start("ip", ["netns", "exec", _name, "perl", "-e", Script, Port.ToString(CultureInfo.InvariantCulture)]);
    }

    private async Task RemoveAsync()
    {
        await Run.Async("ip", ["netns", "del", _name]);
        await Run.Async("ip", ["link", "del", _link]);
    }

    private static async Task IpAsync(params string[] arguments) => (await Run.Async("ip", arguments)).Expect($"ip {string.Join(' ', arguments)}");
}
