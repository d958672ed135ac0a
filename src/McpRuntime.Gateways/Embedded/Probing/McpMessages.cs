using System.Text.Json;
using System.Text.Json.Nodes;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>What the prober says to a server. It declares no capability, and asks for nothing but the list of tools.</summary>
internal static class McpMessages
{
    public const string Stateless = "2026-07-28";
    public const string WithSessions = "2025-11-25";

    private static JsonObject ClientInfo() => new() { ["name"] = "mcp-runtime-prober", ["version"] = "1" };

    public static JsonObject Initialize(int id) => Request(id, "initialize", new JsonObject
    {
        ["protocolVersion"] = WithSessions,
        ["capabilities"] = new JsonObject(),
        ["clientInfo"] = ClientInfo(),
    });

    public static JsonObject Initialized() => new() { ["jsonrpc"] = "2.0", ["method"] = "notifications/initialized" };

    public static JsonObject Discover(int id, string version) => Request(id, "server/discover", new JsonObject { ["_meta"] = Meta(version) });

    /// <param name="stateless">The version to be named in <c>_meta</c>; null within a session.</param>
    public static JsonObject ListTools(int id, string? cursor, string? stateless)
    {
        var parameters = new JsonObject();
        if (cursor is not null)
        {
            parameters["cursor"] = cursor;
        }

        if (stateless is not null)
        {
            parameters["_meta"] = Meta(stateless);
        }

        return Request(id, "tools/list", parameters);
    }

    public static bool IsStateless(string version) => string.CompareOrdinal(version, Stateless) >= 0;

    public static string? Text(JsonElement from, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(step, out from))
            {
                return null;
            }
        }

        return from.ValueKind == JsonValueKind.String ? from.GetString() : null;
    }

    public static bool Has(JsonElement from, params ReadOnlySpan<string> path)
    {
        foreach (var step in path)
        {
            if (from.ValueKind != JsonValueKind.Object || !from.TryGetProperty(step, out from))
            {
                return false;
            }
        }

        return from.ValueKind is not (JsonValueKind.Null or JsonValueKind.Undefined or JsonValueKind.False);
    }

    private static JsonObject Meta(string version) => new()
    {
        ["io.modelcontextprotocol/protocolVersion"] = version,
        ["io.modelcontextprotocol/clientCapabilities"] = new JsonObject(),
        ["io.modelcontextprotocol/clientInfo"] = ClientInfo(),
    };

    private static JsonObject Request(int id, string method, JsonObject parameters) => new() { ["jsonrpc"] = "2.0", ["id"] = id, ["method"] = method, ["params"] = parameters };
}
