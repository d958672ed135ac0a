using ModelContextProtocol.Client;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>One running server, tried from inside through its own tools. Answers begin with <c>ok:</c> or <c>no:</c>.</summary>
internal sealed class Inside(McpClient client, RuntimeShown runtime, bool listed)
{
    private const string Prelude = """
        use Socket; use POSIX (); $| = 1; $SIG{ALRM} = sub { print "timed out"; POSIX::_exit(1) }; alarm 2;
        sub tcp { my ($h, $p) = @_; my $a = inet_aton($h) or die "no such name: $h\n"; socket(my $s, PF_INET, SOCK_STREAM, 0) or die "$!\n";
          connect($s, sockaddr_in($p, $a)) or die "connect: $!\n"; select((select($s), $| = 1)[0]); return $s }

        """;

    public RuntimeShown Runtime { get; } = runtime;

    /// <summary>It has a host list, and so a proxy.</summary>
    public bool IsListed { get; } = listed;

    public Task<string> ToolAsync(string tool, params (string Name, object? Value)[] arguments) => McpClients.CallAsync(client, tool, arguments);

    /// <summary>Perl is part of every Debian base, and small enough for the tightest limits.</summary>
    public Task<string> PerlAsync(string script, params object[] arguments) =>
        ToolAsync("perl", ("script", Prelude + script), ("arguments", arguments.Select(a => FormattableString.Invariant($"{a}")).ToArray()));

    public Task<string> ConnectAsync(string host, int port) => PerlAsync("tcp(@ARGV); print 'connected'", host, port);

    /// <summary>A TLS handshake with whatever answers there, through the proxy if the environment names one.</summary>
    public Task<string> TunnelAsync(string host, int port, string? serverName = null) =>
        ToolAsync("tunnel", ("host", host), ("port", port), ("serverName", serverName ?? host), ("seconds", 0));

    /// <summary>What the proxy answers to this head; without a proxy there is nobody to ask.</summary>
    public Task<string> ProxyAsync(string head) => PerlAsync(
        """my $s = tcp('mcp-guard', 3128); print $s $ARGV[0] =~ s/\|/\r\n/gr, "\r\n\r\n"; my $line = <$s>; print $line; exit($line =~ / 200 / ? 0 : 1)""", head);
}
