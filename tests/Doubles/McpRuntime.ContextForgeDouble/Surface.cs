using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.ContextForgeDouble;

/// <summary>The HTTP side, and the test's own door <c>/_double</c>. One request at a time: the state needs no locks.</summary>
internal sealed class Surface(Registry registry, string token) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);
    private readonly List<Trouble> _troubles = [];
    private readonly List<string> _calls = [];
    private readonly HttpClient _http = new() { Timeout = TimeSpan.FromSeconds(5) };

    public async Task AnswerAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync(http.RequestAborted);
        await _one.WaitAsync(http.RequestAborted);
        try
        {
            if (http.Request.Path.StartsWithSegments("/_double", StringComparison.Ordinal, out var rest))
            {
                await WriteAsync(http, 200, Door(http.Request.Method, rest.Value!.Trim('/'), text));
                return;
            }

            await AnswerAsync(http, text);
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose()
    {
        _one.Dispose();
        _http.Dispose();
    }

    private async Task AnswerAsync(HttpContext http, string text)
    {
        var call = $"{http.Request.Method} {http.Request.Path}";
        _calls.Add(call);
        var trouble = Next(call);
        if (trouble == "reset")
        {
            http.Abort();
            return;
        }

        var status = 200;
        JsonNode? body;
        try
        {
            if (int.TryParse(trouble, CultureInfo.InvariantCulture, out var asked))
            {
                throw new Refused(asked, "scripted");
            }

            (status, body) = await ApiAsync(http, text);
        }
        catch (Refused refused)
        {
            (status, body) = (refused.Status, new JsonObject { ["detail"] = refused.Message });
        }

        if (trouble == "reset-after")
        {
            http.Abort();
            return;
        }

        if (status is 202 or 429)
        {
            http.Response.Headers.RetryAfter = "1";
        }

        await WriteAsync(http, status, body);
    }

    private async Task<(int Status, JsonNode? Body)> ApiAsync(HttpContext http, string text)
    {
        var request = http.Request;
        if (request.Headers.Authorization != $"Bearer {token}")
        {
            throw new Refused(401, "Invalid authentication credentials");
        }

        if (!request.Headers.Accept.ToString().Contains("application/json", StringComparison.Ordinal))
        {
            throw new Refused(406, "Accept: application/json is required");
        }

        if (registry.Switches.Forbids)
        {
            throw new Refused(403, "Insufficient permissions. Required: gateways.create");
        }

        var path = request.Path.Value!.Split('/', StringSplitOptions.RemoveEmptyEntries);
        if (path is ["v1", .. var below])
        {
            path = registry.Switches.Versioned ? below : throw new Refused(404, "Not Found");
        }
        else if (registry.Switches.Versioned)
        {
            throw new Refused(422, "An error occurred, please try again.");
        }

        return (request.Method, path) switch
        {
            ("GET", ["gateways"]) => (200, List(request)),
            ("POST", ["gateways"]) => await CreateAsync(Body(request, text)),
            ("GET", ["gateways", var id]) => (200, Read(id)),
            ("PUT", ["gateways", var id]) => Update(registry.Find(id), Body(request, text)),
            ("POST", ["gateways", var id, "state"]) => State(registry.Find(id), request.Query["activate"]),
            ("DELETE", ["gateways", var id]) => Delete(registry.Find(id)),
            _ => throw new Refused(404, "Not Found"),
        };
    }

    private JsonNode List(HttpRequest request)
    {
        foreach (var entry in registry.Entries.ToList())
        {
            registry.Look(entry);
        }

        var all = registry.Entries.Where(entry => entry.Enabled || request.Query["include_inactive"] == "true").Select(registry.Read).ToList();
        if (registry.Switches.PageSize is not (> 0 and var size))
        {
            return new JsonArray([.. all]);
        }

        var from = int.TryParse(request.Query["cursor"], CultureInfo.InvariantCulture, out var cursor) ? cursor : 0;
        return new JsonObject
        {
            ["gateways"] = new JsonArray([.. all.Skip(from).Take(size)]),
            ["nextCursor"] = from + size < all.Count ? (from + size).ToString(CultureInfo.InvariantCulture) : null,
        };
    }

    private JsonObject Read(string id)
    {
        registry.Look(registry.Find(id));
        return registry.Read(registry.Find(id));
    }

    private async Task<(int, JsonNode?)> CreateAsync(JsonObject fields)
    {
        Validation.Check(fields, registry.Switches);
        registry.MustBeFree(fields);
        var trouble = registry.Switches.Connects ? await ConnectAsync(fields) : null;
        if (trouble is not null && !registry.Switches.Asynchronous)
        {
            throw new Refused(502, trouble);
        }

        var entry = registry.Add(fields);
        if (!registry.Switches.Asynchronous)
        {
            return (200, registry.Read(entry));
        }

        (entry.Status, entry.Message, entry.Reads) = ("pending", trouble, registry.Switches.Reads);
        return (202, registry.Read(entry));
    }

    private (int, JsonNode?) Update(Entry entry, JsonObject fields)
    {
        var merged = entry.Fields.DeepClone().AsObject();
        foreach (var (name, value) in fields)
        {
            merged[name] = value?.DeepClone();
        }

        Validation.Check(merged, registry.Switches);
        registry.MustBeFree(merged, entry.Id);
        entry.Fields = merged;
        return (200, registry.Read(entry));
    }

    private (int, JsonNode?) State(Entry entry, string? activate)
    {
        entry.Enabled = activate switch
        {
            "true" => true,
            "false" => false,
            _ => throw new Refused(422, "activate: Input should be a valid boolean"),
        };
        entry.Reachable = true;
        return (200, new JsonObject { ["status"] = "success", ["gateway"] = registry.Read(entry) });
    }

    private (int, JsonNode?) Delete(Entry entry)
    {
        if (!registry.Switches.Asynchronous)
        {
            registry.Forget(entry);
            return (200, new JsonObject { ["status"] = "success" });
        }

        (entry.Status, entry.Reads) = ("deleting", registry.Switches.Reads);
        return (202, registry.Read(entry));
    }

    /// <summary>What the live service does before it keeps a gateway. Null: it answered as an MCP server does.</summary>
    private async Task<string?> ConnectAsync(JsonObject fields)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, fields["url"]!.GetValue<string>());
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", fields["auth_token"]!.GetValue<string>());
        request.Headers.Accept.ParseAdd("application/json, text/event-stream");
        request.Content = new StringContent(
            """{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"mcp-gateway","version":"1"}}}""",
            Encoding.UTF8,
            "application/json");
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            return response.IsSuccessStatusCode ? null : $"Failed to initialize gateway: {(int)response.StatusCode}";
        }
        catch (Exception fault) when (fault is HttpRequestException or OperationCanceledException)
        {
            return $"Failed to connect to gateway: {fault.Message}";
        }
    }

    private JsonNode? Door(string method, string path, string text)
    {
        switch (method, path.Split('/'))
        {
            case ("POST", ["switches"]):
                registry.Switches = JsonSerializer.Deserialize<Switches>(text, JsonSerializerOptions.Web)!;
                return null;
            case ("POST", ["troubles"]):
                _troubles.Add(JsonSerializer.Deserialize<Trouble>(text, JsonSerializerOptions.Web)!);
                return null;
            case ("DELETE", ["troubles"]):
                _troubles.Clear();
                return null;
            case ("GET", ["calls"]):
                return new JsonArray([.. _calls.Select(call => (JsonNode)call)]);
            case ("DELETE", ["calls"]):
                _calls.Clear();
                return null;
            case ("POST", ["reset"]):
                registry.Clear();
                _troubles.Clear();
                _calls.Clear();
                registry.Switches = new Switches();
                return null;
            case ("GET", ["gateways"]):
                return new JsonArray([.. registry.Entries.Select(entry => (JsonNode)new JsonObject { ["id"] = entry.Id, ["enabled"] = entry.Enabled, ["reachable"] = entry.Reachable, ["status"] = entry.Status, ["fields"] = entry.Fields.DeepClone() })]);
            case ("POST", ["gateways"]):
                return registry.Add(JsonNode.Parse(text)!.AsObject()).Id;
            case ("POST", ["gateways", var id]):
                ByHand(registry.Find(id), JsonNode.Parse(text)!.AsObject());
                return null;
            case ("DELETE", ["gateways", var id]):
                registry.Forget(registry.Find(id));
                return null;
            default:
                throw new InvalidOperationException($"{method} {path} is not a door of the double.");
        }
    }

    private static void ByHand(Entry entry, JsonObject change)
    {
        foreach (var (name, value) in change)
        {
            switch (name)
            {
                case "enabled":
                    entry.Enabled = value!.GetValue<bool>();
                    break;
                case "reachable":
                    entry.Reachable = value!.GetValue<bool>();
                    break;
                default:
                    entry.Fields[name] = value?.DeepClone();
                    break;
            }
        }
    }

    private string? Next(string call)
    {
        var at = _troubles.FindIndex(trouble => trouble.Call == "*" || call.StartsWith(trouble.Call, StringComparison.Ordinal));
        if (at < 0)
        {
            return null;
        }

        var trouble = _troubles[at];
        if (trouble.Times > 1)
        {
            _troubles[at] = trouble with { Times = trouble.Times - 1 };
        }
        else
        {
            _troubles.RemoveAt(at);
        }

        return trouble.Kind;
    }

    private static JsonObject Body(HttpRequest request, string text)
    {
        try
        {
            return request.ContentType?.Split(';')[0] == "application/json" && JsonNode.Parse(text) is JsonObject body
                ? body
                : throw new Refused(422, "Input should be a valid JSON object");
        }
        catch (JsonException)
        {
            throw new Refused(422, "JSON decode error");
        }
    }

    private static Task WriteAsync(HttpContext http, int status, JsonNode? body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/json";
        return http.Response.WriteAsync(body?.ToJsonString() ?? "null");
    }
}
