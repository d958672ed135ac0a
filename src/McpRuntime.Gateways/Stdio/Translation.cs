using System.Net;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>
/// One message between the eras. What both have is passed as it is; what only one has is added or taken away: <c>_meta</c>'s
/// protocol keys in requests, <c>resultType</c>, <c>ttlMs</c> and <c>cacheScope</c> in results.
/// </summary>
internal static class Translation
{
    public static ReadOnlySpan<byte> BridgeInfo => """{"name":"mcp-runtime-bridge","version":"1"}"""u8;

    public static void Meta(Utf8JsonWriter to, Action<Utf8JsonWriter> entries)
    {
        to.WritePropertyName("_meta"u8);
        to.WriteStartObject();
        entries(to);
        to.WriteEndObject();
    }

    /// <summary>What the bridge says of itself in a stateless request of its own.</summary>
    public static void OwnMeta(Utf8JsonWriter to) => StatelessMeta(to, capabilities: null, logLevel: null);

    /// <param name="capabilities">The session's; null for none.</param>
    public static void StatelessMeta(Utf8JsonWriter to, Session? capabilities, int? logLevel)
    {
        to.WriteString(Protocol.VersionKey, Protocol.Stateless);
        to.WritePropertyName(Protocol.CapabilitiesKey);
        to.WriteStartObject();
        foreach (var capability in (string[])["sampling", "elicitation", "roots"])
        {
            if (capabilities?.Can(capability) == true)
            {
                to.WritePropertyName(capability);
                to.WriteStartObject();
                to.WriteEndObject();
            }
        }

        to.WriteEndObject();
        to.WritePropertyName(Protocol.ClientKey);
        to.WriteRawValue(BridgeInfo, skipInputValidation: true);
        if (logLevel is { } level)
        {
            to.WriteString(Protocol.LogLevelKey, Protocol.LogLevels[level]);
        }
    }

    /// <summary>A request of either era for a server of either.</summary>
    /// <param name="more">Further fields of <c>params</c>.</param>
    public static byte[] Request(long id, JsonRpcMessage message, ServerFacts server, Session? session, bool wantsProgress, Action<Utf8JsonWriter>? more = null)
    {
        var fromStateless = session is null;
        Action<Utf8JsonWriter>? add = server.IsStateless && !fromStateless ? to => StatelessMeta(to, session, session!.LogLevel) : null;
        var edit = new MetaEdit(wantsProgress ? id : null, Keep: server.IsStateless && fromStateless, add);
        return Frames.Request(id, message.Method, to =>
        {
            Frames.Fields(to, message.Params, edit);
            more?.Invoke(to);
        });
    }

    public static (byte[] Message, HttpStatusCode Status) Answer(JsonRpcMessage answer, Call call, ServerFacts server)
    {
        var toStateless = call.Session is null;
        if (answer.Result is not { ValueKind: JsonValueKind.Object } result || toStateless == server.IsStateless)
        {
            // Over HTTP the era without sessions tells an unknown method by the status too.
            var unknown = toStateless && answer.Error is { } error && error.TryGetProperty("code"u8, out var code) && code.TryGetInt32(out var number) && number == Protocol.MethodNotFound;
            return (Frames.WithId(answer, call.ClientId), unknown ? HttpStatusCode.NotFound : HttpStatusCode.OK);
        }

        return (Frames.Result(call.ClientId, to => Result(to, result, call, server)), HttpStatusCode.OK);
    }

    private static void Result(Utf8JsonWriter to, JsonElement result, Call call, ServerFacts server)
    {
        var toStateless = call.Session is null;
        var cacheable = Protocol.IsCacheable(call.Message.Method);
        bool IsNewer(JsonProperty field) => field.NameEquals("resultType"u8) || (cacheable && (field.NameEquals("ttlMs"u8) || field.NameEquals("cacheScope"u8)));
        foreach (var field in result.EnumerateObject().Where(field => toStateless || !IsNewer(field)))
        {
            Frames.Field(to, field);
        }

        if (toStateless)
        {
            Complete(to, result, cacheable, server);
        }
    }

    /// <summary>What a result of the older era lacks in the newer. Nothing may be kept: the older server said nothing of for how long.</summary>
    public static void Complete(Utf8JsonWriter to, JsonElement? result, bool cacheable, ServerFacts server)
    {
        bool Lacks(string name) => result is not { } fields || !fields.TryGetProperty(name, out _);
        if (Lacks("resultType"))
        {
            to.WriteString("resultType"u8, "complete"u8);
        }

        if (cacheable && Lacks("ttlMs"))
        {
            to.WriteNumber("ttlMs"u8, 0);
        }

        if (cacheable && Lacks("cacheScope"))
        {
            to.WriteString("cacheScope"u8, "private"u8);
        }

        if (Lacks("_meta") && server.ServerInfo is { } info)
        {
            Meta(to, meta =>
            {
                meta.WritePropertyName(Protocol.ServerKey);
                Frames.Value(meta, info);
            });
        }
    }

    /// <summary>The answer to a client's <c>initialize</c>: the server's own, at the version the client can have.</summary>
    public static byte[] InitializeResult(string id, ServerFacts server, string version) => Frames.Result(id, to =>
    {
        to.WriteString("protocolVersion"u8, version);
        to.WritePropertyName("capabilities"u8);
        ValueOr(to, server.Capabilities, "{}"u8);
        to.WritePropertyName("serverInfo"u8);
        ValueOr(to, server.ServerInfo, """{"name":"unknown","version":"0"}"""u8);
        if (server.Instructions is { } instructions)
        {
            to.WritePropertyName("instructions"u8);
            Frames.Value(to, instructions);
        }
    });

    /// <summary>The answer to a client's <c>server/discover</c>, for a server that has none of its own.</summary>
    public static byte[] DiscoverResult(string id, ServerFacts server) => Frames.Result(id, to =>
    {
        to.WritePropertyName("supportedVersions"u8);
        to.WriteStartArray();
        to.WriteStringValue(Protocol.Stateless);
        to.WriteEndArray();
        to.WritePropertyName("capabilities"u8);
        ValueOr(to, server.Capabilities, "{}"u8);
        if (server.Instructions is { } instructions)
        {
            to.WritePropertyName("instructions"u8);
            Frames.Value(to, instructions);
        }

        Complete(to, result: null, cacheable: true, server);
    });

    /// <summary>The version of a session: what the client asked for if there is such a one and the server has it, else the server's, else the newest.</summary>
    public static string VersionFor(string? asked, ServerFacts server)
    {
        var most = server.IsStateless || !Protocol.WithSessions.Contains(server.Version, StringComparer.Ordinal) ? Protocol.NewestWithSessions : server.Version;
        return asked is not null && Protocol.WithSessions.Contains(asked, StringComparer.Ordinal) && string.CompareOrdinal(asked, most) <= 0 ? asked : most;
    }

    private static void ValueOr(Utf8JsonWriter to, JsonElement? value, ReadOnlySpan<byte> other)
    {
        if (value is { ValueKind: JsonValueKind.Object } there)
        {
            Frames.Value(to, there);
        }
        else
        {
            to.WriteRawValue(other, skipInputValidation: true);
        }
    }
}
