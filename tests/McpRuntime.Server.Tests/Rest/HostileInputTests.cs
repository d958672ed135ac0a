using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using McpRuntime.Server.Tests.Records;

namespace McpRuntime.Server.Tests.Rest;

/// <summary>Whatever comes: no 500, no hang, and every 4xx says what is wrong.</summary>
internal sealed class HostileInputTests
{
    private const int Workers = 8;

    private static readonly string[] Methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

    private static readonly string[] Paths =
    [
        "/runtimes", "/runtimes/deploy", "/runtimes/backends", "/runtimes/volumes", "/runtimes/catalog", "/runtimes/guardrails", "/runtimes/approvals", "/runtimes/victim",
        "/runtimes/victim/logs", "/runtimes/victim/events", "/runtimes/victim/start", "/runtimes/victim/stop", "/runtimes/victim/hold", "/runtimes/victim/release",
        "/runtimes/victim/restart", "/runtimes/guardrails/standard/compatibility", "/openapi/v1.json", "/healthz", "/version", "/gateways", "/mcp/victim",
    ];

    private static readonly (string Method, string Path)[] Routes =
    [
        ("POST", "/runtimes/deploy"), ("POST", "/runtimes/deploy"), ("POST", "/runtimes/deploy"), ("POST", "/runtimes/deploy"), ("PUT", "/runtimes/victim"), ("PUT", "/runtimes/victim"),
        ("GET", "/runtimes"), ("GET", "/runtimes"), ("GET", "/runtimes/victim"), ("GET", "/runtimes/victim/logs"), ("GET", "/runtimes/victim/events"), ("GET", "/runtimes/catalog"),
        ("GET", "/runtimes/approvals"), ("GET", "/runtimes/volumes"), ("GET", "/runtimes/guardrails/standard/compatibility"), ("POST", "/runtimes/victim/hold"),
        ("POST", "/runtimes/victim/release"), ("POST", "/runtimes/victim/start"), ("POST", "/runtimes/victim/restart"), ("DELETE", "/runtimes/absent"), ("DELETE", "/runtimes/volumes/absent"),
    ];

    private static readonly string[] Parameters =
    [
        "limit", "offset", "cursor", "status", "status_filter", "backend", "owner", "team_id", "tag", "tail", "since", "until", "stream", "service", "timestamps",
        "wait_seconds", "dry_run", "keep_volumes", "refresh_status", "search", "category", "source_type", "x", "",
    ];

    private static readonly string[] Fields =
    [
        "name", "backend", "source", "type", "image", "command", "repo", "ref", "branch", "commit", "dockerfile", "context", "build_args", "compose_file", "path", "main_service",
        "catalog_server_id", "guardrails_profile", "guardrails_overrides", "network", "allowed_hosts", "egress_allowed", "ingress_ports", "filesystem", "allowed_mounts",
        "capabilities", "add", "resources", "cpu", "memory", "max_pids", "min_scale", "max_scale", "timeout_seconds", "environment", "volumes", "register_gateway", "gateway_name",
        "gateway_transport", "endpoint_port", "endpoint_path", "visibility", "team_id", "tags", "metadata", "reason", "seccomp", "apparmor", "mode", "images", "process",
    ];

    private static readonly string[] Texts =
    [
        "", " ", "a", "docker", "github", "compose", "standard", "unrestricted", "victim", "deploy", "..", "../../etc/passwd", "/", "/data", "/proc", "nginx:1.25", "-nginx",
        "nginx@sha256:" + "zz", "docker.io/library/nginx@sha256:0000000000000000000000000000000000000000000000000000000000000000", "UPPER/case", "a b", "0.5", "500m", "-1", "1e999",
        "99999999999999999999", "512Mi", "0", "NaN", "Infinity", "secret://env/MCPSECRET_A", "secret://env/PATH", "secret://file/../../etc/shadow", "secret://kubernetes/a/b/c", "secret://",
        "<script>alert(1)</script>", "'; DROP TABLE runtimes; --", "%00", "\u0000", "\u0001\u0002", "\ud83d\ude80", "\u202e", "ﬀ", "é", "https://github.com/a/b", "file:///etc/passwd",
        "http://169.254.169.254/", "https://user:pass@github.com/a/b", "*", "*.example.com", "example.com:99999", "[::1]", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00+23:59", "true", "null", "{}", "[]",
        "services:\n  a:\n    image: x\n    privileged: true\n", "&a [*a]", "${HOME}", "STDIO", "SSE", "team", "private", "ALL", "SYS_ADMIN", "unconfined",
    ];

    [Test]
    public Task Ten_thousand_hostile_inputs_bring_no_500_no_hang_and_every_no_says_why() => BombardAsync(10_000, null);

    [Test]
    [Category("PostgreSql")]
    public Task Nor_do_they_where_the_records_are_in_postgresql() => BombardAsync(3_000, PostgreSqlCluster.Shared.NewDatabase());

    private static async Task BombardAsync(int inputs, string? database)
    {
        const int Seed = 424242;
        TestContext.Out.WriteLine($"seed {Seed}");
        await using var service = await TestService.StartAsync(TestService.On(database));
        await service.DeployAsync("victim");
        var started = Stopwatch.GetTimestamp();
        var counts = new int[600];
        var wrong = new System.Collections.Concurrent.ConcurrentBag<string>();

        await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(async () =>
        {
            using var client = service.Client(service.AdminToken);
            client.Timeout = TimeSpan.FromSeconds(20);
            for (var i = worker; i < inputs; i += Workers)
            {
                // Each input has its own seed, so that one that fails can be made again alone.
                var input = Make(new Random(Seed + i));
                if (await JudgeAsync(client, input, counts) is { } fault)
                {
                    wrong.Add($"input {i}: {input.Method} {input.Path[..Math.Min(200, input.Path.Length)]} {Shown(input.Body)}: {fault}");
                }
            }
        })));

        TestContext.Out.WriteLine(string.Join(", ", counts.Select((count, status) => (count, status)).Where(pair => pair.count > 0).Select(pair => $"{pair.status}: {pair.count}")));
        TestContext.Out.WriteLine($"{Stopwatch.GetElapsedTime(started).TotalSeconds:0.0} s");
        wrong.Should().BeEmpty();
        foreach (var status in new[] { 200, 201, 202, 400, 404, 405, 409, 415, 422 })
        {
            counts[status].Should().BePositive("inputs that never meet a {0} would not be hostile enough", status);
        }

        await service.Admin.GetAsync("/readyz", HttpStatusCode.OK);
    }

    private static async Task<string?> JudgeAsync(HttpClient client, Input input, int[] counts)
    {
        using var request = new HttpRequestMessage(new HttpMethod(input.Method), input.Path);
        if (input.Body is not null)
        {
            request.Content = new ByteArrayContent(input.Body);
            request.Content.Headers.TryAddWithoutValidation("Content-Type", input.ContentType);
        }

        foreach (var (name, value) in input.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        try
        {
            using var response = await client.SendAsync(request);
            var status = (int)response.StatusCode;
            Interlocked.Increment(ref counts[status]);
            return status < 400 ? null
                : status >= 500 ? $"{status} {await response.Content.ReadAsStringAsync()}"
                : input.Method == "HEAD" ? null
                : await SaysWhyAsync(response);
        }
        catch (Exception fault) when (fault is HttpRequestException or TaskCanceledException)
        {
            return fault.Message;
        }
    }

    private static async Task<string?> SaysWhyAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync();
        if (response.RequestMessage!.RequestUri!.AbsolutePath.StartsWith("/mcp/", StringComparison.Ordinal) && text.StartsWith("{\"jsonrpc\"", StringComparison.Ordinal))
        {
            // MCP has its own form for a "no".
            return JsonSerializer.Deserialize<JsonElement>(text).GetProperty("error").Text("message").Length > 0 ? null : "no words: " + text;
        }

        if (response.Content.Headers.ContentType?.MediaType != "application/problem+json")
        {
            // The web server itself turns down what is not HTTP at all, or endless, before any of ours runs.
            return response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestUriTooLong && text.Length == 0 ? null : $"{response.StatusCode} without problem details: {text}";
        }

        var problem = JsonSerializer.Deserialize<JsonElement>(text);
        return problem.Text("title").Length > 0 && problem.Text("detail").Length > 0 ? null : "no words: " + text;
    }

    private static Input Make(Random random)
    {
        var (method, path) = Pick(random, Routes);
        if (random.Next(4) == 0)
        {
            method = random.Next(2) == 0 ? method : Pick(random, Methods);
            path = random.Next(4) switch
            {
                0 => "/runtimes/" + Uri.EscapeDataString(Text(random)),
                1 => Pick(random, Paths) + "/" + Uri.EscapeDataString(Text(random)),
                2 => "/runtimes/catalog/" + Text(random).Replace("#", "", StringComparison.Ordinal).Replace("?", "", StringComparison.Ordinal),
                _ => Pick(random, Paths),
            };
        }

        if (random.Next(3) == 0)
        {
            path += "?" + string.Join('&', Enumerable.Range(0, random.Next(1, 4)).Select(_ => $"{Pick(random, Parameters)}={Uri.EscapeDataString(Text(random))}"));
        }

        // What would wait, waits on purpose; that is another test's matter.
        path = path.Replace("wait_seconds=5", "wait_seconds=x", StringComparison.Ordinal);
        var body = method is "GET" or "HEAD" or "OPTIONS" ? null : Body(random);
        var headers = random.Next(5) == 0
            ? new[] { (Pick(random, ["If-Match", "Idempotency-Key", "Accept", "Origin", "Mcp-Session-Id", "X-Forwarded-For"]), Header(Text(random))) }
            : [];
        return new Input(method, path, body, random.Next(12) > 0 ? "application/json" : Pick(random, ["application/json; charset=utf-8", "text/plain", "", "application/xml", "*/*", "a/b/c"]), headers);
    }

    private static byte[] Body(Random random) => random.Next(12) switch
    {
        0 => [],
        1 => RandomBytes(random, random.Next(1, 400)),
        2 => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(random.Next(2) == 0 ? "[" : "{\"a\":", random.Next(1, 200)))),
        3 => Encoding.UTF8.GetBytes("{\"name\": \"a\", \"name\": \"b\"}"),
        4 => Encoding.UTF8.GetBytes("{\"name\": \"\\ud" + "8" + random.Next(10) + "0\"}"),
        5 => Cut(random, Encoding.UTF8.GetBytes(JsonSerializer.Serialize(Value(random, 0)))),
        6 => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { name = "h" + random.Next(), source = new { type = "docker", image = Text(random) }, environment = new Dictionary<string, string>(StringComparer.Ordinal) { [Text(random)] = Text(random) } })),
        7 => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { name = Text(random), source = Value(random, 2), resources = Value(random, 2) })),
        8 => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { name = "h" + random.Next(), source = new { type = Pick(random, ["docker", "github", "compose"]), image = "a", repo = Text(random), compose_file = Text(random), main_service = Text(random), path = Text(random) } })),
        _ => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(Object(random, 0))),
    };

    private static object? Value(Random random, int depth) => random.Next(depth > 4 ? 6 : 8) switch
    {
        0 => null,
        1 => random.Next(2) == 0,
        2 => random.Next(-5, 70_000),
        3 => random.NextDouble() * 1e300,
        4 or 5 => Text(random),
        6 => Enumerable.Range(0, random.Next(0, 5)).Select(_ => Value(random, depth + 1)).ToArray(),
        _ => Object(random, depth + 1),
    };

    private static Dictionary<string, object?> Object(Random random, int depth)
    {
        var value = new Dictionary<string, object?>(StringComparer.Ordinal);
        for (var i = random.Next(0, 7); i > 0; i--)
        {
            value[random.Next(12) == 0 ? Text(random) : Pick(random, Fields)] = Value(random, depth);
        }

        return value;
    }

    private static string Text(Random random) => random.Next(8) switch
    {
        0 => new string(Pick(random, ["a", "/", ".", "é", "0"])[0], random.Next(1, 5000)),
        1 => string.Concat(Enumerable.Range(0, random.Next(1, 40)).Select(_ => (char)random.Next(1, 0xD7FF))),
        _ => Pick(random, Texts),
    };

    private static string Header(string text) => string.Concat(text.Where(c => c is >= ' ' and <= '~').Take(1000));

    private static byte[] Cut(Random random, byte[] bytes) => bytes[..random.Next(bytes.Length + 1)];

    private static byte[] RandomBytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    private static T Pick<T>(Random random, T[] from) => from[random.Next(from.Length)];

    private static string Shown(byte[]? body) => body is null ? "" : Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, 300)));

    private sealed record Input(string Method, string Path, byte[]? Body, string ContentType, (string Name, string Value)[] Headers);
}
