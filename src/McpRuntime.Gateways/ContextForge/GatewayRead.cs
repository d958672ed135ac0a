using System.Text.Json;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>What of ContextForge's GatewayRead steers anything here. Read leniently: fields come and go with its releases.</summary>
/// <param name="Status">Of the asynchronous lifecycle: <c>pending</c>, <c>active</c>, <c>failed</c>, <c>deleting</c> …; null in releases without one.</param>
internal sealed record GatewayRead(
    string Id,
    string Name,
    string Url,
    string? Transport,
    bool Enabled,
    bool Reachable,
    string? Status,
    string? Trouble,
    IReadOnlyList<string> Tags,
    string Visibility,
    string? TeamId)
{
    private static readonly string[] OnItsWay = ["pending", "registering", "creating", "initializing", "connecting", "updating"];

    public bool IsGoing => Status is "deleting" or "deleted";

    public bool IsOnItsWay => Status is not null && OnItsWay.Contains(Status, StringComparer.Ordinal);

    public bool HasFailed => Status is "failed" or "error";

    /// <summary>Null: it has no id, and so is none.</summary>
    public static GatewayRead? Of(JsonElement json) => json.ValueKind is JsonValueKind.Object && Text(json, "id") is { Length: > 0 } id
        ? new GatewayRead(
            id,
            Text(json, "name") ?? "",
            Text(json, "url") ?? "",
            Text(json, "transport"),
            Flag(json, "enabled", otherwise: true),
            Flag(json, "reachable", otherwise: true),
            Text(json, "status")?.ToLowerInvariant(),
            Text(json, "statusMessage") ?? Text(json, "lastError") ?? Text(json, "error"),
            [.. TagsOf(json)],
            Text(json, "visibility") ?? "public",
            Text(json, "teamId") ?? Text(json, "team_id"))
        : null;

    /// <summary>Text, or <c>{id, label}</c> in newer releases.</summary>
    private static IEnumerable<string> TagsOf(JsonElement json) => json.TryGetProperty("tags", out var tags) && tags.ValueKind is JsonValueKind.Array
        ? tags.EnumerateArray().Select(tag => tag.ValueKind is JsonValueKind.String ? tag.GetString() : tag.ValueKind is JsonValueKind.Object ? Text(tag, "id") ?? Text(tag, "label") : null).OfType<string>()
        : [];

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var value) && value.ValueKind is JsonValueKind.String ? value.GetString() : null;

    private static bool Flag(JsonElement json, string name, bool otherwise) => json.TryGetProperty(name, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => otherwise,
        }
        : otherwise;
}
