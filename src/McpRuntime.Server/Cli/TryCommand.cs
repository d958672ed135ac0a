using System.CommandLine;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Cli;

/// <summary><c>try</c>: what a client does, from the deploy request to a tool called through the gateway, and back to nothing.</summary>
internal static class TryCommand
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3);

    public static Command Try()
    {
        var url = new Option<string>("--url") { Description = "Of the running service.", Required = true };
        var token = new Option<FileInfo>("--token-file") { Description = "An operator's token.", Required = true };
        var image = new Option<string>("--image") { Description = "An MCP server over HTTP.", Required = true };
        var port = new Option<int>("--port") { Description = "Where it listens.", DefaultValueFactory = _ => 8080 };
        var path = new Option<string>("--path") { Description = "Its endpoint.", DefaultValueFactory = _ => "/mcp" };
        var tool = new Option<string>("--tool") { Description = "A tool of it, to be called; without it the tools are only listed." };
        var arguments = new Option<string>("--arguments") { Description = "The tool's, a JSON object.", DefaultValueFactory = _ => "{}" };
        var command = new Command("try", "Deploys a server through a running service, lists its tools and calls one through the gateway, and removes it.") { url, token, image, port, path, tool, arguments };
        command.SetAction(async (parsed, ct) =>
        {
            if (!Uri.TryCreate(parsed.GetValue(url), UriKind.Absolute, out var service) || service.Scheme is not ("http" or "https"))
            {
                await Console.Error.WriteLineAsync("--url: allowed is an absolute URL, http or https");
                return 1;
            }

            using var http = new HttpClient { BaseAddress = service, Timeout = Patience };
            try
            {
                http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(parsed.GetValue(token)!.FullName, ct)).Trim());
                await RunAsync(http, Request(parsed.GetValue(image)!, parsed.GetValue(port), parsed.GetValue(path)!), Call(parsed.GetValue(tool), parsed.GetValue(arguments)!), ct);
                return 0;
            }
            catch (Exception fault) when (fault is HttpRequestException or Refusal or IOException or JsonException or TimeoutException or TaskCanceledException)
            {
                await Console.Error.WriteLineAsync(fault is Refusal refusal ? $"{refusal.Title}: {refusal.Detail}" : fault.Message);
                return 1;
            }
        });
        return command;
    }

    private static JsonObject Request(string image, int port, string path) => new()
    {
        // A name of its own, so that two at once do not meet.
        ["name"] = $"try-{Guid.NewGuid().ToString("n")[..8]}",
        ["source"] = new JsonObject { ["type"] = "docker", ["image"] = image },
        ["endpoint_port"] = port,
        ["endpoint_path"] = path,
    };

    /// <returns>Null = no tool is to be called.</returns>
    private static JsonObject? Call(string? tool, string arguments) => string.IsNullOrEmpty(tool)
        ? null
        : new JsonObject { ["name"] = tool, ["arguments"] = JsonNode.Parse(arguments) as JsonObject ?? throw new JsonException("--arguments: allowed is a JSON object") };

    private static async Task RunAsync(HttpClient http, JsonObject request, JsonObject? call, CancellationToken ct)
    {
        var name = request["name"]!.GetValue<string>();
        var id = (await SendAsync(http, HttpMethod.Post, "/runtimes/deploy", request, ct))["runtime"]!["id"]!.GetValue<string>();
        await Console.Out.WriteLineAsync($"deployed {name} ({id})");
        try
        {
            await UntilAsync(http, id, "connected", ct);
            await Console.Out.WriteLineAsync("connected");
            await SpeakAsync(http, name, call, ct);
        }
        finally
        {
            // Also when the caller has lost patience: what was tried must not stay.
            _ = await SendAsync(http, HttpMethod.Delete, $"/runtimes/{id}", body: null, CancellationToken.None);
        }

        await UntilAsync(http, id, "deleted", ct);
        await Console.Out.WriteLineAsync("removed; nothing is left");
    }

    /// <exception cref="Refusal">It came to another end, or to none in time; with the service's own words.</exception>
    private static async Task UntilAsync(HttpClient http, string id, string wanted, CancellationToken ct)
    {
        var time = TimeProvider.System;
        for (var began = time.GetTimestamp(); ;)
        {
            var seen = await SendAsync(http, HttpMethod.Get, $"/runtimes/{id}", body: null, ct);
            var status = seen["status"]?.GetValue<string>();
            if (status == wanted)
            {
                return;
            }

            if (status is "error" or "pending_approval" || time.GetElapsedTime(began) > Patience)
            {
                throw new Refusal(RefusalKind.Unavailable, $"Not {wanted}", $"The runtime is {status}: {seen["error_message"]?.GetValue<string>() ?? seen["conditions"]?.ToJsonString()}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(500), time, ct);
        }
    }

    private static async Task SpeakAsync(HttpClient http, string name, JsonObject? call, CancellationToken ct)
    {
        var hello = new JsonObject
        {
            ["protocolVersion"] = "2025-06-18", ["capabilities"] = new JsonObject(), ["clientInfo"] = new JsonObject { ["name"] = "mcpruntime-try", ["version"] = "0.1.0" },
        };
        var (_, session) = await SayAsync(http, name, session: null, new JsonObject { ["id"] = 1, ["method"] = "initialize", ["params"] = hello }, ct);
        _ = await SayAsync(http, name, session, new JsonObject { ["method"] = "notifications/initialized" }, ct);
        var (listed, _) = await SayAsync(http, name, session, new JsonObject { ["id"] = 2, ["method"] = "tools/list" }, ct);
        var tools = listed?["result"]?["tools"] is JsonArray { Count: > 0 } some ? some : throw Unexpected("tools/list", listed);
        await Console.Out.WriteLineAsync($"tools through the gateway: {string.Join(", ", tools.Select(tool => tool!["name"]))}");
        if (call is null)
        {
            return;
        }

        var (called, _) = await SayAsync(http, name, session, new JsonObject { ["id"] = 3, ["method"] = "tools/call", ["params"] = call }, ct);
        var result = called?["result"] is JsonObject said && said["isError"]?.GetValue<bool>() is not true ? said : throw Unexpected($"tools/call of {call["name"]}", called);
        await Console.Out.WriteLineAsync($"{call["name"]} answered: {result["content"]?.ToJsonString()}");
    }

    private static Refusal Unexpected(string method, JsonNode? answer) =>
        new(RefusalKind.Unavailable, $"No answer to {method}", $"It was answered with {answer?.ToJsonString() ?? "nothing"}");

    private static async Task<(JsonNode? Answer, string? Session)> SayAsync(HttpClient http, string name, string? session, JsonObject message, CancellationToken ct)
    {
        message["jsonrpc"] = "2.0";
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"/mcp/{name}", UriKind.Relative)) { Content = JsonContent.Create(message) };
        request.Headers.Accept.ParseAdd("application/json");
        request.Headers.Accept.ParseAdd("text/event-stream");
        if (session is not null)
        {
            request.Headers.Add("Mcp-Session-Id", session);
        }

        using var reply = await http.SendAsync(request, ct);
        var text = await reply.Content.ReadAsStringAsync(ct);
        Expect(reply, text);
        // An answer is JSON, or the last event of a stream.
        var json = text.StartsWith('{') ? text : text.Split('\n').LastOrDefault(line => line.StartsWith("data:", StringComparison.Ordinal))?["data:".Length..];
        return (string.IsNullOrWhiteSpace(json) ? null : JsonNode.Parse(json), reply.Headers.TryGetValues("Mcp-Session-Id", out var given) ? given.First() : session);
    }

    private static async Task<JsonNode> SendAsync(HttpClient http, HttpMethod method, string path, JsonNode? body, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative)) { Content = body is null ? null : JsonContent.Create(body) };
        using var reply = await http.SendAsync(request, ct);
        var text = await reply.Content.ReadAsStringAsync(ct);
        Expect(reply, text);
        return text.Length == 0 ? new JsonObject() : JsonNode.Parse(text)!;
    }

    private static void Expect(HttpResponseMessage reply, string text)
    {
        if (!reply.IsSuccessStatusCode)
        {
            throw new Refusal(RefusalKind.Unavailable, $"{reply.RequestMessage!.Method} {reply.RequestMessage.RequestUri!.AbsolutePath} was answered with {(int)reply.StatusCode}", text);
        }
    }
}
