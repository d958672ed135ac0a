using System.ComponentModel;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using ModelContextProtocol.Server;

namespace McpRuntime.SampleServer;

/// <summary>
/// Tools that try what a guardrail should stop, from inside, and tell what happened: <c>ok: …</c> when it could be done, <c>no: …</c> with
/// the kernel's word when not. They answer instead of failing, so that the acceptance tests read both outcomes in one way.
/// </summary>
internal static class Probes
{
    public static IEnumerable<McpServerTool> All =>
    [
        McpServerTool.Create(WriteFile, new() { Name = "write_file" }),
        McpServerTool.Create(ReadFile, new() { Name = "read_file" }),
        McpServerTool.Create(AllocateMemoryAsync, new() { Name = "allocate_memory" }),
        McpServerTool.Create(ForkAsync, new() { Name = "fork" }),
        McpServerTool.Create(RaisePrivilegesAsync, new() { Name = "raise_privileges" }),
        McpServerTool.Create(UseAsync, new() { Name = "use_capability" }),
        McpServerTool.Create(ResolveAsync, new() { Name = "resolve" }),
        McpServerTool.Create(ConnectAsync, new() { Name = "connect" }),
        McpServerTool.Create(TunnelAsync, new() { Name = "tunnel" }),
        McpServerTool.Create(PerlAsync, new() { Name = "perl" }),
        McpServerTool.Create(FetchAsync, new() { Name = "fetch" }),
        McpServerTool.Create(LogLines, new() { Name = "log_lines" }),
        McpServerTool.Create(Exit, new() { Name = "exit" }),
    ];

    [Description("Writes a file.")]
    private static string WriteFile(string path, string content) => Tried(() =>
    {
        File.WriteAllText(path, content);
        return $"wrote {path}";
    });

    [Description("Reads a file, 4096 characters at the most.")]
    private static string ReadFile(string path) => Tried(() =>
    {
        var text = File.ReadAllText(path);
        return text.Length > 4096 ? text[..4096] : text;
    });

    [Description("Holds this many megabytes in a child process.")]
    private static async Task<string> AllocateMemoryAsync(int megabytes, CancellationToken ct)
    {
        var (exit, output) = await RunAsync(Environment.ProcessPath!, ["hold-memory", megabytes.ToString(System.Globalization.CultureInfo.InvariantCulture)], ct);
        return exit == 0 ? $"ok: {output}" : $"no: the child ended with {exit}";
    }

    [Description("Starts this many processes at once and says how many there were; they are gone when it answers.")]
    private static async Task<string> ForkAsync(int count, CancellationToken ct)
    {
        // Perl is part of every Debian base and needs no thread to fork, so the probe itself survives the limit.
        const string Script = """
            my @children;
            for (1 .. $ARGV[0]) { my $pid = fork; last unless defined $pid; if (!$pid) { sleep 20; exit } push @children, $pid }
            print scalar(@children); kill 9, @children; wait for @children;
            """;
        var (_, output) = await RunAsync("perl", ["-e", Script, count.ToString(System.Globalization.CultureInfo.InvariantCulture)], ct);
        return int.TryParse(output, System.Globalization.CultureInfo.InvariantCulture, out var started) && started == count ? $"ok: {started}" : $"no: {output} of {count}";
    }

    [Description("Runs a program that is set-uid root and says which user it became.")]
    private static async Task<string> RaisePrivilegesAsync(CancellationToken ct)
    {
        var (exit, output) = await RunAsync("/opt/probe/setuid-id", ["-u"], ct);
        return exit == 0 && output == "0" ? "ok: 0" : $"no: uid {output}";
    }

    [Description("Does something that needs a capability: chown, chroot, raw_socket, mount, mknod, bind_low_port.")]
    private static async Task<string> UseAsync(string what, CancellationToken ct)
    {
        var script = what switch
        {
            "chown" => "open my $f, '>', '/tmp/probe-chown' or die $!; chown 12345, 12345, '/tmp/probe-chown' or die $!",
            "chroot" => "chroot '/tmp' or die $!",
            "raw_socket" => "use Socket; socket(my $s, PF_INET, SOCK_RAW, 1) or die $!",
            "mount" => "my ($what, $where, $kind) = ('none', '/tmp', 'tmpfs'); syscall(165, $what, $where, $kind, 0, 0) == 0 or die $!",
            "mknod" => "my $path = '/tmp/probe-null'; syscall(133, $path, 0020666, 0x0103) == 0 or die $!",
            "bind_low_port" => "use Socket; socket(my $s, PF_INET, SOCK_STREAM, 0) or die $!; bind($s, sockaddr_in(81, INADDR_ANY)) or die $!",
            _ => null,
        };
        if (script is null)
        {
            return $"no: unknown probe {what}";
        }

        var (exit, output) = await RunAsync("perl", ["-e", script], ct);
        return exit == 0 ? $"ok: {what}" : $"no: {output}";
    }

    [Description("Resolves a host name.")]
    private static Task<string> ResolveAsync(string host, CancellationToken ct) => TriedAsync(async timeout =>
        string.Join(',', (await Dns.GetHostAddressesAsync(host, timeout)).Select(address => address.ToString())), ct);

    [Description("Opens a TCP connection.")]
    private static Task<string> ConnectAsync(string host, int port, CancellationToken ct) => TriedAsync(async timeout =>
    {
        using var client = new TcpClient();
        await client.ConnectAsync(host, port, timeout);
        return $"connected from {client.Client.LocalEndPoint}";
    }, ct);

    [Description("Makes a TLS connection, through the proxy the environment names if it names one, and holds it for so many seconds.")]
    private static async Task<string> TunnelAsync(string host, int port, string serverName, int seconds, CancellationToken ct)
    {
        try
        {
            return $"ok: {await TlsTunnel.OpenAsync(host, port, serverName, TimeSpan.FromSeconds(seconds), ct)}";
        }
        catch (Exception fault) when (fault is IOException or SocketException or System.Security.Authentication.AuthenticationException or TimeoutException)
        {
            return $"no: {fault.Message}";
        }
    }

    [Description("Runs a Perl script.")]
    private static async Task<string> PerlAsync(string script, string[] arguments, CancellationToken ct)
    {
        var (exit, output) = await RunAsync("perl", ["-e", script, .. arguments], ct);
        return exit == 0 ? $"ok: {output}" : $"no: {output}";
    }

    [Description("Gets a URL, through the proxy the environment names if it names one.")]
    private static Task<string> FetchAsync(string url, CancellationToken ct) => TriedAsync(async timeout =>
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(url), timeout);
        var body = await response.Content.ReadAsStringAsync(timeout);
        return $"{(int)response.StatusCode} {(body.Length > 1024 ? body[..1024] : body)}";
    }, ct);

    [Description("Writes numbered lines to stdout and stderr in turn.")]
    private static string LogLines(string mark, int count)
    {
        for (var line = 1; line <= count; line++)
        {
            (line % 2 == 1 ? Console.Out : Console.Error).WriteLine($"{mark} {line}");
        }

        return $"ok: {count}";
    }

    [Description("Ends the server with this exit code.")]
    private static void Exit(int code) => Environment.Exit(code);

    private static string Tried(Func<string> attempt)
    {
        try
        {
            return $"ok: {attempt()}";
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return $"no: {fault.Message}";
        }
    }

    private static async Task<string> TriedAsync(Func<CancellationToken, Task<string>> attempt, CancellationToken ct)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(ct);
        timeout.CancelAfter(TimeSpan.FromSeconds(3));
        try
        {
            return $"ok: {await attempt(timeout.Token)}";
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return "no: timed out after 3 s";
        }
        catch (Exception fault) when (fault is SocketException or HttpRequestException or UriFormatException)
        {
            return $"no: {fault.Message}";
        }
    }

    private static async Task<(int Exit, string Output)> RunAsync(string program, string[] arguments, CancellationToken ct)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false },
        };
        try
        {
            process.Start();
        }
        catch (System.ComponentModel.Win32Exception fault)
        {
            return (-1, fault.Message);
        }

        var output = process.StandardOutput.ReadToEndAsync(ct);
        var errors = process.StandardError.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return (process.ExitCode, (await output + await errors).Trim());
    }
}
