using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace McpRuntime.Acceptance.Tests.Harness;

/// <summary>
/// A small internet of the test's own: a network namespace with two hosts and a cloud's metadata address, and a name server that knows
/// them. TLS on 443, plain TCP on 80, echoed datagrams on 7655, and for measurements echoed words or as many megabytes as asked for on 7656.
/// </summary>
internal sealed class Internet : IAsyncDisposable
{
    public const int UdpPort = 7655;
    public const int SourcePort = 7656;
    public const string Metadata = "169.254.169.254";

    private const string Script = """
        use Socket; $SIG{CHLD} = 'IGNORE';
        if (fork) {
          socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, sockaddr_in(80, INADDR_ANY)) or die $!; listen($s, 64);
          while (accept(my $c, $s)) { my ($p, $a) = sockaddr_in(getsockname $c); print $c inet_ntoa($a), "\n"; close $c }
        } elsif (fork) {
          socket(my $s, PF_INET, SOCK_STREAM, 0); setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1); bind($s, sockaddr_in(7656, INADDR_ANY)) or die $!; listen($s, 64);
          my $chunk = 'x' x 1048576;
          while (accept(my $c, $s)) { setsockopt($c, 6, 1, 1); next if fork; while (sysread($c, my $b, 16)) { if ($b =~ /^s(\d+)/) { for (1 .. $1) { my $o = 0; $o += syswrite($c, $chunk, 1048576 - $o, $o) while $o < 1048576 } } else { syswrite($c, $b) } } exit }
        } else {
          socket(my $u, PF_INET, SOCK_DGRAM, 0); bind($u, sockaddr_in(7655, INADDR_ANY)) or die $!;
          while (my $from = recv($u, my $b, 512, 0)) { send($u, $b, 0, $from) }
        }
        """;

    private readonly string _name = string.Create(CultureInfo.InvariantCulture, $"mcpnet{Environment.ProcessId % 200}");
    private readonly string _folder = Directory.CreateTempSubdirectory("mcpruntime-internet-").FullName;
    private readonly List<Process> _listeners = [];
    private readonly ConcurrentQueue<string> _asked = new();
    private readonly CancellationTokenSource _stop = new();
    private Socket? _names;
    private Task _answering = Task.CompletedTask;

    private Internet()
    {
        var number = Environment.ProcessId % 200;
        (HostAddress, A, B) = ($"198.19.{number}.1", $"198.19.{number}.2", $"198.19.{number}.3");
    }

    /// <summary>This host's own address there, and the name server's.</summary>
    public string HostAddress { get; }

    /// <summary>Of <c>a.test</c>.</summary>
    public string A { get; }

    /// <summary>Of <c>b.test</c>.</summary>
    public string B { get; }

    /// <summary>Every name that anybody asked the name server for.</summary>
    public IReadOnlyCollection<string> Asked => _asked;

    public static async Task<Internet> StartAsync()
    {
        var internet = new Internet();
        await internet.RemoveAsync();
        await IpAsync("netns", "add", internet._name);
        await IpAsync("link", "add", internet._name + "h", "type", "veth", "peer", "name", internet._name + "n", "netns", internet._name);
        await IpAsync("addr", "add", internet.HostAddress + "/24", "dev", internet._name + "h");
        await IpAsync("link", "set", internet._name + "h", "up");
        foreach (var address in new[] { internet.A + "/24", internet.B + "/24", Metadata + "/32" })
        {
            await IpAsync("-n", internet._name, "addr", "add", address, "dev", internet._name + "n");
        }

        await IpAsync("-n", internet._name, "link", "set", internet._name + "n", "up");
        await IpAsync("-n", internet._name, "link", "set", "lo", "up");
        await IpAsync("-n", internet._name, "route", "add", "default", "via", internet.HostAddress);
        await IpAsync("route", "replace", Metadata + "/32", "via", internet.A);
        await internet.ListenAsync();
        return internet;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _names?.Dispose();
        await _answering;
        foreach (var listener in _listeners)
        {
            listener.Kill(entireProcessTree: true);
            await listener.WaitForExitAsync();
            listener.Dispose();
        }

        await RemoveAsync();
        _stop.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task ListenAsync()
    {
        var (key, certificate) = (Path.Combine(_folder, "key"), Path.Combine(_folder, "certificate"));
        (await Run.Async("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=outside", "-keyout", key, "-out", certificate])).Expect("openssl req");
        _listeners.Add(Process.Start("ip", ["netns", "exec", _name, "perl", "-e", Script]));
        _listeners.Add(Process.Start(new ProcessStartInfo("ip", ["netns", "exec", _name, "openssl", "s_server", "-quiet", "-www", "-accept", "443", "-key", key, "-cert", certificate]) { RedirectStandardOutput = true, UseShellExecute = false })!);
        _names = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        _names.Bind(new IPEndPoint(IPAddress.Parse(HostAddress), 53));
        _answering = AnswerAsync(_names);
        foreach (var port in new[] { 80, 443, SourcePort })
        {
            await Eventually.TrueAsync(() => ListensAsync(port), TimeSpan.FromSeconds(20), $"{A}:{port} listens");
        }
    }

    private async Task<bool> ListensAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(A, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private IPAddress? AddressOf(string name) => name switch
    {
        "a.test" => IPAddress.Parse(A),
        "b.test" => IPAddress.Parse(B),
        // A public name whose owner lets it lead inside.
        "rebind.test" => IPAddress.Parse(HostAddress),
        "loopback.test" => IPAddress.Loopback,
        "metadata.test" => IPAddress.Parse(Metadata),
        _ when name.EndsWith(".tunnel.test", StringComparison.Ordinal) => IPAddress.Parse(A),
        _ => null,
    };

    private async Task AnswerAsync(Socket socket)
    {
        var query = new byte[512];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var came = await socket.ReceiveFromAsync(query, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                await socket.SendToAsync(Answer(query.AsSpan(0, came.ReceivedBytes)), came.RemoteEndPoint, _stop.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                continue;
            }
        }
    }

    private byte[] Answer(ReadOnlySpan<byte> query)
    {
        var name = new StringBuilder();
        var at = 12;
        while (query[at] != 0)
        {
            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(query.Slice(at + 1, query[at])));
            at += query[at] + 1;
        }

        var asked = name.ToString().ToLowerInvariant();
        _asked.Enqueue(asked);
        var wantsV4 = query[at + 2] == 1;
        var address = AddressOf(asked);
        var question = query[12..(at + 5)];
        var reply = new List<byte>(query[..2].ToArray()) { 0x81, (byte)(address is null ? 0x83 : 0x80), 0, 1, 0, (byte)(address is not null && wantsV4 ? 1 : 0), 0, 0, 0, 0 };
        reply.AddRange(question);
        if (address is not null && wantsV4)
        {
            var record = new byte[12];
            BinaryPrimitives.WriteUInt16BigEndian(record, 0xC00C);
            (record[3], record[5], record[11]) = (1, 1, 4);
            reply.AddRange(record);
            reply.AddRange(address.GetAddressBytes());
        }

        return [.. reply];
    }

    private async Task RemoveAsync()
    {
        await Run.Async("ip", ["netns", "del", _name]);
        await Run.Async("ip", ["link", "del", _name + "h"]);
    }

    private static async Task IpAsync(params string[] arguments) => (await Run.Async("ip", arguments)).Expect($"ip {string.Join(' ', arguments)}");
}
