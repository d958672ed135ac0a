using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

internal enum MessageKind
{
    Request,
    Notification,
    Response,
}

/// <summary>One JSON-RPC message, read strictly: what two readers could take for different messages is none.</summary>
internal sealed class JsonRpcMessage
{
    // A second "id" or "method" would be read by some and overlooked by others.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    private JsonRpcMessage(JsonElement root, MessageKind kind)
    {
        Root = root;
        Kind = kind;
        Method = root.TryGetProperty("method"u8, out var method) ? Protocol.TextOf(method)! : "";
        Id = root.TryGetProperty("id"u8, out var id) ? id : null;
        Params = root.TryGetProperty("params"u8, out var parameters) ? parameters : null;
    }

    public JsonElement Root { get; }

    public MessageKind Kind { get; }

    /// <summary>Empty in a response.</summary>
    public string Method { get; }

    /// <summary>A string or a number; null in a notification.</summary>
    public JsonElement? Id { get; }

    public JsonElement? Params { get; }

    public JsonElement? Result => Root.TryGetProperty("result"u8, out var result) ? result : null;

    public JsonElement? Error => Root.TryGetProperty("error"u8, out var error) ? error : null;

    /// <summary>As JSON; empty in a notification.</summary>
    public string IdText => Id?.GetRawText() ?? "";

    /// <param name="code">-32700: no JSON; -32600: no message.</param>
    public static JsonRpcMessage? Read(ReadOnlySpan<byte> text, out int code, out string why)
    {
        JsonElement root;
        try
        {
            root = JsonElement.Parse(text, Strict);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter is a name with half a surrogate pair, which is no text.
            (code, why) = (-32700, $"It is not JSON: {e.Message}");
            return null;
        }

        (code, why) = (-32600, "");
        if (root.ValueKind == JsonValueKind.Array)
        {
            why = "Batches are not taken: send one message at a time.";
            return null;
        }

        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("jsonrpc"u8, out var version) || version.ValueKind != JsonValueKind.String || !version.ValueEquals("2.0"u8))
        {
            why = "It is not a JSON-RPC 2.0 message.";
            return null;
        }

        var kind = KindOf(root);
        why = kind is null ? "It is neither a request, nor a notification, nor a response." : "";
        return kind is { } known ? new JsonRpcMessage(root, known) : null;
    }

    public string? TextAt(params ReadOnlySpan<string> path) => At(path) is { } text ? Protocol.TextOf(text) : null;

    /// <summary>What stands at a path below <c>params</c>; null when nothing does.</summary>
    public JsonElement? At(params ReadOnlySpan<string> path)
    {
        var at = Params;
        foreach (var step in path)
        {
            at = at is { ValueKind: JsonValueKind.Object } parent && parent.TryGetProperty(step, out var next) ? next : null;
        }

        return at;
    }

    private static MessageKind? KindOf(JsonElement root)
    {
        var hasId = root.TryGetProperty("id"u8, out var id);
        if (hasId && id.ValueKind is not (JsonValueKind.String or JsonValueKind.Number))
        {
            return null;
        }

        if (root.TryGetProperty("params"u8, out var parameters) && parameters.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array))
        {
            return null;
        }

        if (root.TryGetProperty("method"u8, out var method))
        {
            return Protocol.TextOf(method) is null ? null : hasId ? MessageKind.Request : MessageKind.Notification;
        }

        return hasId && (root.TryGetProperty("result"u8, out _) || root.TryGetProperty("error"u8, out var error) && error.ValueKind == JsonValueKind.Object) ? MessageKind.Response : null;
    }
}
