using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Acceptance.Tests.Harness;

namespace McpRuntime.Benchmarks;

/// <summary>
/// The way through the gateway and its bridge to a stdio server in a container, against a bare client that attached to the same image's
/// stdin and stdout itself: what HTTP, authorization and the bridge add to one call.
/// </summary>
internal static class Bridging
{
    private const int Calls = 2000;

    public static async Task RunAsync(Sheet sheet)
    {
        var bare = await BareAsync();
        var bridged = await BridgedAsync();
        sheet.Add(
            "one stdio call through /mcp/{name} ÷ a bare attached client, p50 and p99",
            $"{Sheet.Percentile(bridged, 0.5) / Sheet.Percentile(bare, 0.5):0.00}, {Sheet.Percentile(bridged, 0.99) / Sheet.Percentile(bare, 0.99):0.00} ({Sheet.Percentile(bridged, 0.5):0.00} ms ÷ {Sheet.Percentile(bare, 0.5):0.00} ms)");
    }

    private static async Task<List<double>> BareAsync()
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo("docker", ["run", "--rm", "-i", "--network", "none", "--log-driver", "none", "--cpus", "1", "mcpruntime/server-everything:latest", "stdio"])
            {
                UseShellExecute = false,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            },
        };
        process.Start();
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();

        async Task<string> AskAsync(string message, string id)
        {
            await process.StandardInput.WriteLineAsync(message);
            await process.StandardInput.FlushAsync();
            while (true)
            {
                var line = await process.StandardOutput.ReadLineAsync() ?? throw new InvalidOperationException("The server ended.");
                if (JsonNode.Parse(line)!["id"]?.ToJsonString() == id)
                {
                    return line;
                }
            }
        }

        await AskAsync(Initialize, "0");
        await process.StandardInput.WriteLineAsync("""{"jsonrpc":"2.0","method":"notifications/initialized"}""");
        var times = await MeasureAsync(id => AskAsync(Echo(id), $"{id}"));
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return times;
    }

    private static async Task<List<double>> BridgedAsync()
    {
        await using var service = await Service.StartAsync(new Dictionary<string, string>(StringComparer.Ordinal) { ["RUNTIME_RATE_LIMIT"] = "0" });
        var request = Requests.FromImage("bridged", "mcpruntime/server-everything:latest", "stdio");
        request.Remove("endpoint_port");
        request["gateway_transport"] = "STDIO";
        request["guardrails_profile"] = "airgapped";
        request["guardrails_overrides"] = new JsonObject { ["resources"] = new JsonObject { ["cpu"] = "1" } };
        var id = (await service.Api.DeployAsync(request)).Id;
        await service.Api.UntilAsync(id, "connected");
        using var http = new HttpClient();
        string? session = null;

        async Task<string> AskAsync(string message)
        {
            using var post = new HttpRequestMessage(HttpMethod.Post, service.Api.Mcp("bridged")) { Content = new StringContent(message, Encoding.UTF8, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")) };
            post.Headers.Authorization = new("Bearer", service.Api.Token);
            post.Headers.TryAddWithoutValidation("Accept", "application/json, text/event-stream");
            if (session is not null)
            {
                post.Headers.TryAddWithoutValidation("Mcp-Session-Id", session);
            }

            using var reply = await http.SendAsync(post);
            reply.EnsureSuccessStatusCode();
            session ??= reply.Headers.GetValues("Mcp-Session-Id").Single();
            return await reply.Content.ReadAsStringAsync();
        }

        await AskAsync(Initialize);
        return await MeasureAsync(number => AskAsync(Echo(number)));
    }

    private static async Task<List<double>> MeasureAsync(Func<int, Task<string>> ask)
    {
        var times = new List<double>(Calls);
        for (var id = 1; id <= Calls + 200; id++)
        {
            var at = Stopwatch.GetTimestamp();
            var answer = await ask(id);
            if (id > 200)
            {
                times.Add(Stopwatch.GetElapsedTime(at).TotalMilliseconds);
            }

            if (!answer.Contains($"Echo: {id}", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"Call {id} was answered with {answer}");
            }
        }

        return times;
    }

    private const string Initialize = """{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}""";

    private static string Echo(int id) => $$$$"""{"jsonrpc":"2.0","id":{{{{id}}}},"method":"tools/call","params":{"name":"echo","arguments":{"message":"{{{{id}}}}"}}}""";
}
