using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>Words and numbers of the Model Context Protocol that the bridge knows.</summary>
internal static class Protocol
{
    /// <summary>The era without sessions.</summary>
    public const string Stateless = "2026-07-28";

    public const string NewestWithSessions = "2025-11-25";

    public const string VersionKey = Frames.MetaPrefix + "protocolVersion";
    public const string CapabilitiesKey = Frames.MetaPrefix + "clientCapabilities";
    public const string ClientKey = Frames.MetaPrefix + "clientInfo";
    public const string ServerKey = Frames.MetaPrefix + "serverInfo";
    public const string LogLevelKey = Frames.MetaPrefix + "logLevel";
    public const string SubscriptionKey = Frames.MetaPrefix + "subscriptionId";

    public const int MethodNotFound = -32601;
    public const int InvalidParams = -32602;
    public const int InvalidRequest = -32600;

    /// <summary>What the bridge itself could not do.</summary>
    public const int Gateway = -32000;

    public const int SessionNotFound = -32001;
    public const int HeaderMismatch = -32020;
    public const int UnsupportedVersion = -32022;

    public static readonly string[] WithSessions = ["2024-11-05", "2025-03-26", "2025-06-18", NewestWithSessions];

    /// <summary>From the most to the least talkative.</summary>
    public static readonly string[] LogLevels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

    public static bool IsStateless(string version) => version.Length == Stateless.Length && string.CompareOrdinal(version, Stateless) >= 0;

    /// <summary>Which capability a client must have declared to be asked this; null for what is nobody's to answer.</summary>
    public static string? CapabilityFor(string serverRequest) => serverRequest switch
    {
        "sampling/createMessage" => "sampling",
        "elicitation/create" => "elicitation",
        "roots/list" => "roots",
        _ => null,
    };

    /// <summary>Results of these say how long, and for whom, they may be kept.</summary>
    public static bool IsCacheable(string method) => method is "tools/list" or "prompts/list" or "resources/list" or "resources/templates/list" or "resources/read";

    public static string? Text(JsonElement? from, string name) =>
        from is { ValueKind: JsonValueKind.Object } fields && fields.TryGetProperty(name, out var value) ? TextOf(value) : null;

    /// <summary>Null for what is no text: half a surrogate pair (<c>"\ud800"</c>) is JSON all the same.</summary>
    public static string? TextOf(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>What the one handshake with a server told.</summary>
/// <param name="IsStateless">Its era. A process speaks one: the SDKs' own servers hold to that of their first message.</param>
/// <param name="Result">Of <c>server/discover</c> or <c>initialize</c>.</param>
internal sealed record ServerFacts(bool IsStateless, string Version, JsonElement Result)
{
    public JsonElement? Capabilities => Result.TryGetProperty("capabilities"u8, out var value) ? value : null;

    public JsonElement? Instructions => Result.TryGetProperty("instructions"u8, out var value) ? value : null;

    public JsonElement? ServerInfo => Result.TryGetProperty("serverInfo"u8, out var value)
        ? value
        : Result.TryGetProperty("_meta"u8, out var meta) && meta.ValueKind == JsonValueKind.Object && meta.TryGetProperty(Protocol.ServerKey, out var info) ? info : null;
}

/// <summary>The server can't be talked to; the message says why.</summary>
internal sealed class BridgeException(string message) : Exception(message);
