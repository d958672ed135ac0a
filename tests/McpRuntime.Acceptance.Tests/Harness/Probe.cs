
namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>What one probe may meet beside the server it runs in.</summary>
/// <param name="HostProcess">A process of the host's.</param>
/// <param name="SharedMemory">The key of a segment in the host's IPC namespace.</param>
/// <param name="Secret">In the environment of the sibling.</param>
internal sealed record Surroundings(Internet Internet, int ServicePort, int HostProcess, int SharedMemory, string SiblingName, string SiblingAddress, string Secret);

/// <summary>Something a server might try.</summary>
/// <param name="Control">The control that is there to stop it; null: nothing of the profile, but what no container may do.</param>
/// <param name="Expected">
/// Under unrestricted, standard, restricted, airgapped, and restricted with a host list: <c>ok</c>, <c>no</c>, or <c>ok~</c> where the control
/// is enforced and leaves this much.
/// </param>
internal sealed record Probe(string Name, string? Control, string Expected, Func<Inside, Surroundings, Task<string>> TryAsync)
{
    private const string NoWhere = "no no no no no";

    /// <summary>Mostly waits for an answer that does not come: several may be tried at once.</summary>
    public bool IsOfNetwork => Control is "egress" or "metadata" or "dns" or "peers" or "host_ports" or "ingress";

    public string Under(int column) => Expected.Split(' ')[column];

    public static IReadOnlyList<Probe> All { get; } =
    [
        new("writes to the root", "read_only_root", "ok no no no no", (i, _) => i.PerlAsync("open(my $f, '>', '/probe') or die \"$!\\n\"")),
        new("writes to /tmp", null, "ok ok ok ok ok", (i, _) => i.PerlAsync("open(my $f, '>', '/tmp/probe') or die \"$!\\n\"")),
        new("runs a program from /tmp", "read_only_root", "ok no no no no", (i, _) => i.PerlAsync("system('cp /bin/true /tmp/t && chmod 755 /tmp/t') == 0 or die \"$!\\n\"; exec '/tmp/t' or die \"$!\\n\"")),
        new("gains by a set-uid program", "no_new_privileges", "ok no no no no", (i, _) => i.PerlAsync(
            """POSIX::setgid(1000); POSIX::setuid(1000); my ($real, $now) = `/opt/probe/setuid-cat /proc/self/status` =~ /^Uid:\t(\d+)\t(\d+)/m; print "$real $now"; exit($real != 0 && $now == 0 ? 0 : 1)""")),
        new("opens a raw socket", "drop_capabilities", "ok no no no no", (i, _) => i.PerlAsync("socket(my $s, PF_INET, SOCK_RAW, 1) or die \"$!\\n\"")),
        new("mounts", null, NoWhere, (i, _) => i.ToolAsync("use_capability", ("what", "mount"))),
        new("traces a process of the host", null, NoWhere, (i, s) => i.PerlAsync("syscall(101, 16, $ARGV[0] + 0, 0, 0) == 0 or die \"$!\\n\"", s.HostProcess)),
        new("forks without end", "pids", "ok no no no no", (i, _) => i.ToolAsync("fork", ("count", 400))),
        new("takes 600 MB", "memory", "ok~ no no no no", (i, _) => i.ToolAsync("allocate_memory", ("megabytes", 600))),
        new("reaches an allowed host", "egress", "ok ok no no ok~", (i, s) => i.TunnelAsync(i.IsListed ? "a.test" : s.Internet.A, 443)),
        new("reaches a host that is not listed", "egress", "ok ok no no no", (i, s) => i.TunnelAsync(i.IsListed ? "b.test" : s.Internet.B, 443)),
        new("reaches an allowed host by its address", "egress", "ok ok no no no", (i, s) => i.ConnectAsync(s.Internet.A, 443)),
        new("reaches an allowed host by its address through the proxy", "egress", NoWhere, (i, s) => i.ProxyAsync($"CONNECT {s.Internet.A}:443 HTTP/1.1|Host: a.test:443")),
        new("reaches an IPv6 address", "egress", NoWhere, (i, s) => i.PerlAsync(
            "socket(my $s, Socket::PF_INET6(), SOCK_STREAM, 0) or die \"$!\\n\"; connect($s, Socket::pack_sockaddr_in6(443, Socket::inet_pton(Socket::AF_INET6(), $ARGV[0]))) or die \"$!\\n\"", "2001:4860:4860::8888")),
        new("reaches a mapped address through the proxy", "egress", NoWhere, (i, s) => i.ProxyAsync($"CONNECT [::ffff:{s.Internet.A}]:443 HTTP/1.1|Host: a.test:443")),
        new("forges the Host of a plain request", "egress", NoWhere, (i, _) => i.ProxyAsync("GET http://b.test/ HTTP/1.1|Host: a.test")),
        new("asks for another server inside a tunnel", "egress", "ok ok no no no", (i, s) => i.TunnelAsync(i.IsListed ? "a.test" : s.Internet.A, 443, "b.test")),
        new("has an allowed name lead inside", "egress", NoWhere, (i, _) => i.TunnelAsync("rebind.test", 443)),
        new("reaches the metadata address", "metadata", "ok ok no no no", (i, _) => i.ConnectAsync(Internet.Metadata, 80)),
        new("sends data out in names", "dns", "ok ok no no no", (i, s) => i.PerlAsync(
            """
            my @label = map { chr(length) . $_ } split /\./, $ARGV[1]; my $q = pack('n6', 7, 256, 1, 0, 0, 0) . join('', @label) . "\0" . pack('n2', 1, 1);
            if (!fork) { $SIG{ALRM} = 'DEFAULT'; alarm 1; gethostbyname($ARGV[1]); POSIX::_exit(0) }
            socket(my $s, PF_INET, SOCK_DGRAM, 0) or die "$!\n"; send($s, $q, 0, sockaddr_in(53, inet_aton($ARGV[0]))) or die "$!\n"; recv($s, my $b, 512, 0); print length $b
            """,
            s.Internet.HostAddress,
            $"secret-of-{i.Runtime.Name}.tunnel.test")),
        new("sends datagrams", "egress", "ok ok no no no", (i, s) => i.PerlAsync(
            "socket(my $s, PF_INET, SOCK_DGRAM, 0) or die \"$!\\n\"; send($s, 'x', 0, sockaddr_in($ARGV[1], inet_aton($ARGV[0]))) or die \"$!\\n\"; recv($s, my $b, 9, 0); print $b", s.Internet.A, Internet.UdpPort)),
        new("pings", "egress", "ok ok no no no", (i, s) => i.PerlAsync(
            """socket(my $s, PF_INET, SOCK_DGRAM, 1) or die "$!\n"; send($s, pack('C2n3', 8, 0, 0xf7fe, 0, 1), 0, sockaddr_in(0, inet_aton($ARGV[0]))) or die "$!\n"; recv($s, my $b, 64, 0); print length $b""", s.Internet.A)),
        new("reaches another server by its name", "peers", NoWhere, (i, s) => i.ConnectAsync(s.SiblingName, 8080)),
        new("reaches another server by its address", "peers", NoWhere, (i, s) => i.ConnectAsync(s.SiblingAddress, 8080)),
        new("reaches the service's API on the host", "host_ports", "ok ok no no no", (i, s) => i.ConnectAsync(s.Internet.HostAddress, s.ServicePort)),
        new("reaches the service's API on its gateway address", "host_ports", "ok ok no no no", (i, s) => i.PerlAsync(
            """open(my $r, '<', '/proc/net/route'); my ($gw) = grep { $_ } map { (split)[1] eq '00000000' ? join('.', reverse map { hex } (split)[2] =~ /../g) : () } <$r>; tcp($gw || die("no gateway\n"), $ARGV[0]); print $gw""", s.ServicePort)),
        new("reaches the engine's socket", null, NoWhere, (i, _) => i.PerlAsync("socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die \"$!\\n\"; connect($s, sockaddr_un('/var/run/docker.sock')) or die \"$!\\n\"")),
        new("writes to /proc and /sys", null, NoWhere, (i, _) => i.PerlAsync(
            "for my $p ('/proc/sys/kernel/core_pattern', '/proc/sysrq-trigger', '/sys/kernel/mm/ksm/run', '/sys/fs/cgroup/pids.max', '/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/pids/pids.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes', '/sys/fs/cgroup/devices/devices.allow') { open(my $f, '+<', $p) and die_ok($p) } sub die_ok { print @_; POSIX::_exit(0) } die \"$!\\n\"")),
        new("sees the host's processes", null, NoWhere, (i, s) => i.PerlAsync("open(my $f, '<', \"/proc/$ARGV[0]/cmdline\") or die \"$!\\n\"; kill(0, $ARGV[0]) or die \"$!\\n\"", s.HostProcess)),
        new("sees the host's shared memory", null, NoWhere, (i, s) => i.PerlAsync("defined(shmget($ARGV[0], 16, 0)) or die \"$!\\n\"", s.SharedMemory)),
        new("dumps another server's environment", null, NoWhere, (i, s) => i.PerlAsync(
            "for my $p (glob '/proc/[0-9]*/environ') { open(my $f, '<', $p) or next; local $/; my $e = <$f>; if ($e =~ /^[^=]*=?\\Q$ARGV[0]\\E/m || index($e, $ARGV[0]) >= 0) { print $p; exit 0 } } die \"not found\\n\"", s.Secret)),
        new("reaches the guard's own ports", "ingress", NoWhere, (i, _) => i.PerlAsync("for my $p (8610, 8611) { my $s = tcp('mcp-guard', $p); print $s \"GET /healthz HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n\"; my $l = <$s>; if (defined $l) { print $l; exit 0 } } die \"closed\\n\"")),
    ];
}
