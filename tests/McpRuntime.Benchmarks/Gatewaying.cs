using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Benchmarks;

/// <summary>
/// The same calls to the same container: direct, through nginx as a plain reverse proxy, and through <c>/mcp/{name}</c>. In turns, so
/// that what else this machine does falls on all three.
/// </summary>
internal static class Gatewaying
{
    private const string Name = "bench-gateway";
    private const string Call = """{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"add","arguments":{"a":2,"b":3}}}""";
    private const int AtATime = 16;
    private const int Rounds = 5;
    private const int Streams = 1_000;

    private static readonly TimeSpan Round = TimeSpan.FromSeconds(4);

    public static async Task RunAsync(Sheet sheet)
    {
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["RUNTIME_RATE_LIMIT"] = "0",
            ["RUNTIME_OPEN_CALLS_LIMIT"] = "0",
            ["RUNTIME_GATEWAY_MAX_SESSIONS_PER_CALLER"] = "5000",
        });
        var id = (await service.Api.DeployAsync(Requests.FromCatalog(Name))).Id;
        await service.Api.UntilAsync(id, shown => shown.IsCurrent, "it serves");
        var container = await Engine.Local.TheContainerAsync(id);
        var address = container["NetworkSettings"]!["Networks"]!.AsObject().Select(network => network.Value!["IPAddress"]!.GetValue<string>()).First(ip => ip.Length > 0);
        var direct = new Target("direct", new Uri($"http://{address}:8080/mcp"), null);
        var gateway = new Target("gateway", service.Api.Mcp(Name), service.Api.Token);
        using var nginx = new Nginx(address);
        await nginx.ReadyAsync();
        Target[] targets = [direct, new Target("nginx", nginx.Url, null), gateway];

        await ThroughputAsync(sheet, targets);
        await FirstByteAsync(sheet, targets);
        await StreamsAsync(sheet, service, gateway);
    }

    private static async Task ThroughputAsync(Sheet sheet, IReadOnlyList<Target> targets)
    {
        foreach (var target in targets)
        {
            await LoadAsync(target, TimeSpan.FromSeconds(2), AtATime);
            target.Forget();
        }

        for (var round = 0; round < Rounds; round++)
        {
            foreach (var target in targets)
            {
                await LoadAsync(target, Round, AtATime);
            }
        }

        var (direct, nginx, gateway) = (targets[0], targets[1], targets[2]);
        sheet.Add("calls a second: gateway ÷ nginx", $"{gateway.PerSecond / nginx.PerSecond:0.00} ({gateway.PerSecond:0} ÷ {nginx.PerSecond:0}; direct {direct.PerSecond:0})", "≥ 0.9");
        foreach (var target in targets)
        {
            target.Forget();
        }

        // Latency is compared one call at a time: under load it only says how long the queue is.
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var target in targets)
            {
                await LoadAsync(target, Round / 2, 1);
            }
        }

        foreach (var share in (double[])[0.5, 0.99])
        {
            var (d, n, g) = (Sheet.Percentile(direct.Samples, share), Sheet.Percentile(nginx.Samples, share), Sheet.Percentile(gateway.Samples, share));
            sheet.Add($"latency p{share * 100:0}: gateway ÷ nginx", $"{g / n:0.00} ({g:0.00} ms ÷ {n:0.00} ms; direct {d:0.00} ms, added {g - d:0.00} and {n - d:0.00} ms)", "≤ 1.2");
        }
    }

    /// <summary>From the request to the first byte of the stream of events.</summary>
    private static async Task FirstByteAsync(Sheet sheet, IReadOnlyList<Target> targets)
    {
        var samples = targets.ToDictionary(target => target.Name, _ => new List<double>(), StringComparer.Ordinal);
        for (var turn = 0; turn < 500; turn++)
        {
            foreach (var target in targets)
            {
                var watch = Stopwatch.StartNew();
                using var answer = await target.Http.SendAsync(target.Request(Call), HttpCompletionOption.ResponseHeadersRead);
                await using var stream = await answer.Content.ReadAsStreamAsync();
                await stream.ReadExactlyAsync(new byte[1]);
                samples[target.Name].Add(watch.Elapsed.TotalMilliseconds);
                await stream.CopyToAsync(Stream.Null);
            }
        }

        var (d, n, g) = (Sheet.Percentile(samples["direct"], 0.5), Sheet.Percentile(samples["nginx"], 0.5), Sheet.Percentile(samples["gateway"], 0.5));
        sheet.Add("a stream's first byte, p50", $"gateway {g:0.00} ms, nginx {n:0.00} ms, direct {d:0.00} ms", "no buffering");
    }

    /// <summary>Sessions that listen: what each costs the service's resident memory.</summary>
    private static async Task StreamsAsync(Sheet sheet, Service service, Target gateway)
    {
        const string Initialize = """{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}""";
        var open = new List<HttpResponseMessage>();
        var sessions = new List<string>();
        for (var turn = 0; turn < Streams; turn++)
        {
            using var opened = await gateway.Http.SendAsync(gateway.Request(Initialize));
            sessions.Add(opened.Headers.GetValues("Mcp-Session-Id").Single());
        }

        var before = Resident(service.ProcessId);
        foreach (var session in sessions)
        {
            var listen = new HttpRequestMessage(HttpMethod.Get, gateway.Url);
            listen.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
            listen.Headers.Add("Mcp-Session-Id", session);
            var stream = await gateway.Http.SendAsync(listen, HttpCompletionOption.ResponseHeadersRead);
            open.Add(stream.EnsureSuccessStatusCode());
        }

        var kilobytes = (Resident(service.ProcessId) - before) / (double)Streams;
        sheet.Add($"{Streams} open streams of events: resident memory each", $"{kilobytes:0.0} KiB");
        open.ForEach(stream => stream.Dispose());
    }

    private static long Resident(int process) =>
        long.Parse(File.ReadLines($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/status").Single(line => line.StartsWith("VmRSS:", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);

    private static async Task LoadAsync(Target target, TimeSpan time, int atATime)
    {
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, atATime).Select(async _ =>
        {
            while (watch.Elapsed < time)
            {
                var began = watch.Elapsed;
                using var answer = await target.Http.SendAsync(target.Request(Call));
                if (!answer.IsSuccessStatusCode)
                {
                    throw new InvalidOperationException($"{target.Name}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
                }

                target.Took(watch.Elapsed - began);
            }
        }));
        target.Spent(watch.Elapsed);
    }

    private sealed class Target(string name, Uri url, string? token)
    {
        private readonly List<double> _samples = [];
        private TimeSpan _spent;

        public string Name { get; } = name;

        public Uri Url { get; } = url;

        public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { DefaultRequestHeaders = { Authorization = token is null ? null : new("Bearer", token) } };

        public IReadOnlyCollection<double> Samples => _samples;

        public double PerSecond => _samples.Count / _spent.TotalSeconds;

        public HttpRequestMessage Request(string body)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, Url) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
            request.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
            return request;
        }

        public void Took(TimeSpan time)
        {
            lock (_samples)
            {
                _samples.Add(time.TotalMilliseconds);
            }
        }

        public void Spent(TimeSpan time) => _spent += time;

        public void Forget()
        {
            _samples.Clear();
            _spent = TimeSpan.Zero;
        }
    }

    /// <summary>Debian's nginx with what its documentation says a streaming proxy needs: kept-alive upstreams, no buffering.</summary>
    private sealed class Nginx : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("mcpruntime-nginx-").FullName;
        private readonly Process _process;
        private readonly int _port = Places.FreePort();

        public Nginx(string address)
        {
            var configuration = Path.Combine(_folder, "nginx.conf");
            File.WriteAllText(configuration, $$"""
                daemon off; master_process off; worker_processes 1; pid {{_folder}}/pid; error_log stderr warn;
                events { worker_connections 4096; }
                http {
                  access_log off; client_body_temp_path {{_folder}}; proxy_temp_path {{_folder}}; fastcgi_temp_path {{_folder}}; uwsgi_temp_path {{_folder}}; scgi_temp_path {{_folder}};
                  upstream server { server {{address}}:8080; keepalive 64; }
                  server {
                    listen 127.0.0.1:{{_port.ToString(CultureInfo.InvariantCulture)}};
                    keepalive_requests 1000000;
                    location / { proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 600s; }
                  }
                }
                """);
            _process = Process.Start(new ProcessStartInfo("nginx", ["-p", _folder, "-c", configuration]) { UseShellExecute = false })!;
        }

        public Uri Url => new($"http://127.0.0.1:{_port.ToString(CultureInfo.InvariantCulture)}/mcp");

        public async Task ReadyAsync()
        {
            using var http = new HttpClient();
            await Eventually.TrueAsync(
                async () =>
                {
                    try
                    {
                        using var answer = await http.GetAsync(Url);
                        return true;
                    }
                    catch (HttpRequestException)
                    {
                        return false;
                    }
                },
                TimeSpan.FromSeconds(20),
                "nginx answers");
        }

        public void Dispose()
        {
            _process.Kill();
            _process.WaitForExit();
            _process.Dispose();
            Directory.Delete(_folder, recursive: true);
        }
    }
}
