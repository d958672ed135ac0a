using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Benchmarks;

/// <summary>The egress proxy beside tinyproxy, in turns and to the same host in a network namespace: bytes a second through a tunnel, and what a small exchange takes longer than without.</summary>
internal static class Proxying
{
    private const int Rounds = 3;
    private const int Megabytes = 400;
    private const int Exchanges = 4_000;
    private const string Token = "a-token-for-this-bench-alone";

    public static async Task RunAsync(Sheet sheet)
    {
        await using var internet = await Internet.StartAsync();
        var (guardPort, controlPort, tinyPort) = (Places.FreePort(), Places.FreePort(), Places.FreePort());
        using var guard = Guard(internet, guardPort, controlPort);
        using var tiny = await TinyAsync(internet.HostAddress, tinyPort);
        try
        {
            await AllowAsync(controlPort, internet);
            await Eventually.TrueAsync(() => AnswersAsync(internet.HostAddress, tinyPort), TimeSpan.FromSeconds(20), "tinyproxy listens");
            var direct = await LatencyAsync(internet, via: null);
            List<double> ours = [], theirs = [], ourSpeed = [], theirSpeed = [];
            for (var round = 0; round < Rounds; round++)
            {
                ours.Add(await LatencyAsync(internet, guardPort));
                theirs.Add(await LatencyAsync(internet, tinyPort));
                ourSpeed.Add(await SpeedAsync(internet, guardPort));
                theirSpeed.Add(await SpeedAsync(internet, tinyPort));
            }

            var (mine, other) = (Sheet.Percentile(ours, 0.5), Sheet.Percentile(theirs, 0.5));
            var (fast, reference) = (Sheet.Percentile(ourSpeed, 0.5), Sheet.Percentile(theirSpeed, 0.5));
            sheet.Add("egress proxy: throughput ÷ tinyproxy's", $"{fast / reference:0.00} ({fast:0} ÷ {reference:0} MB/s)", "≥ 1.0");
            sheet.Add("egress proxy: added latency of an exchange ÷ tinyproxy's, p50", $"{(mine - direct) / (other - direct):0.00} ({mine - direct:0.0} ÷ {other - direct:0.0} µs over {direct:0.0})", "≤ 1.0");
        }
        finally
        {
            guard.Kill();
            tiny.Kill();
        }
    }

    private static Process Guard(Internet internet, int proxy, int control)
    {
        var start = new ProcessStartInfo("dotnet", [Places.Service, "guard"]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var (name, value) in new (string, string)[]
        {
            ("GUARD_TOKEN", Token), ("GUARD_LISTEN", internet.HostAddress), ("GUARD_SHARED_NETWORK", "true"), ("GUARD_OUTER", internet.HostAddress + "/32"),
            ("GUARD_PROXY_PORT", Text(proxy)), ("GUARD_CONTROL_PORT", Text(control)), ("GUARD_RELAY_PORT", Text(Places.FreePort())),
            ("GUARD_ALLOW_PRIVATE", internet.A + "/32"), ("DOTNET_gcServer", "0"), ("DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS", "1"),
        })
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<Process> TinyAsync(string address, int port)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, $"Port {Text(port)}\nListen {address}\nTimeout 600\nMaxClients 100\nLogLevel Critical\nDisableViaHeader Yes\n");
        return Process.Start(new ProcessStartInfo("tinyproxy", ["-d", "-c", file]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false })!;
    }

    private static async Task AllowAsync(int control, Internet internet)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{internet.HostAddress}:{Text(control)}") };
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        await Eventually.TrueAsync(
            async () =>
            {
                try
                {
                    using var answer = await http.PutAsJsonAsync("/policies/bench", new { network = internet.HostAddress + "/32", allowed_hosts = new[] { $"{internet.A}:{Text(Internet.SourcePort)}" }, strict = false });
                    return answer.IsSuccessStatusCode;
                }
                catch (HttpRequestException)
                {
                    return false;
                }
            },
            TimeSpan.FromSeconds(30),
            "the guard takes its policy");
    }

    private static async Task<bool> AnswersAsync(string address, int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(address, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <returns>Microseconds of one exchange of 16 bytes each way, median, on an open connection.</returns>
    private static async Task<double> LatencyAsync(Internet internet, int? via)
    {
        using var client = await OpenAsync(internet, via);
        var stream = client.GetStream();
        var (word, samples) = (new byte[16], new List<double>(Exchanges));
        word.AsSpan().Fill((byte)'e');
        for (var i = 0; i < Exchanges; i++)
        {
            var began = Stopwatch.GetTimestamp();
            await stream.WriteAsync(word);
            await stream.ReadExactlyAsync(word);
            samples.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
        }

        return Sheet.Percentile(samples[(Exchanges / 10)..], 0.5);
    }

    /// <returns>Megabytes a second, from the host to the client.</returns>
    private static async Task<double> SpeedAsync(Internet internet, int? via)
    {
        using var client = await OpenAsync(internet, via);
        var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"s{Text(Megabytes),-15}"));
        var (buffer, left) = (new byte[1 << 18], (long)Megabytes << 20);
        var watch = Stopwatch.StartNew();
        while (left > 0 && await stream.ReadAsync(buffer) is > 0 and var read)
        {
            left -= read;
        }

        return left == 0 ? Megabytes / watch.Elapsed.TotalSeconds : throw new InvalidOperationException($"{left} bytes did not arrive");
    }

    private static async Task<TcpClient> OpenAsync(Internet internet, int? via)
    {
        var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(via is null ? internet.A : internet.HostAddress, via ?? Internet.SourcePort);
        if (via is not null)
        {
            var stream = client.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"CONNECT {internet.A}:{Text(Internet.SourcePort)} HTTP/1.1\r\nHost: {internet.A}\r\n\r\n"));
            var head = new byte[1];
            for (var ends = 0; ends < 4;)
            {
                await stream.ReadExactlyAsync(head);
                ends = head[0] == "\r\n\r\n"[ends] ? ends + 1 : head[0] == '\r' ? 1 : 0;
            }
        }

        return client;
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
