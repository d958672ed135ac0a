using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace McpRuntime.Gateways.Stdio;

/// <summary>What of a call's <c>_meta</c> is changed on its way.</summary>
/// <param name="ProgressToken">Ours in place of the client's, where it has one.</param>
/// <param name="Keep">Whether the keys of the stateless era pass.</param>
/// <param name="Add">Writes keys of our own.</param>
internal sealed record MetaEdit(long? ProgressToken, bool Keep, Action<Utf8JsonWriter>? Add = null);

/// <summary>Messages as bytes, each on one line: that is how they travel over stdin and stdout, and within an event.</summary>
internal static class Frames
{
    public const string MetaPrefix = "io.modelcontextprotocol/";

    // No HTML is near; escaped letters would only make messages longer.
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static byte[] Write(Action<Utf8JsonWriter> body)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using var writer = new Utf8JsonWriter(buffer, Plain);
        writer.WriteStartObject();
        writer.WriteString("jsonrpc"u8, "2.0"u8);
        body(writer);
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    public static byte[] Request(long id, string method, Action<Utf8JsonWriter>? parameters) => Write(to =>
    {
        to.WriteNumber("id"u8, id);
        to.WriteString("method"u8, method);
        Params(to, parameters);
    });

    public static byte[] Notification(string method, Action<Utf8JsonWriter>? parameters) => Write(to =>
    {
        to.WriteString("method"u8, method);
        Params(to, parameters);
    });

    /// <param name="id">JSON.</param>
    public static byte[] Result(string id, Action<Utf8JsonWriter> result) => Write(to =>
    {
        Id(to, id);
        to.WritePropertyName("result"u8);
        to.WriteStartObject();
        result(to);
        to.WriteEndObject();
    });

    /// <param name="id">JSON; null where the request had none that could be read.</param>
    public static byte[] Error(string? id, int code, string message, Action<Utf8JsonWriter>? data = null) => Write(to =>
    {
        Id(to, id ?? "null");
        to.WritePropertyName("error"u8);
        to.WriteStartObject();
        to.WriteNumber("code"u8, code);
        to.WriteString("message"u8, message);
        if (data is not null)
        {
            to.WritePropertyName("data"u8);
            data(to);
        }

        to.WriteEndObject();
    });

    /// <summary>The same message under another id.</summary>
    public static byte[] WithId(JsonRpcMessage message, string id) => Write(to =>
    {
        Id(to, id);
        foreach (var field in message.Root.EnumerateObject())
        {
            if (!field.NameEquals("jsonrpc"u8) && !field.NameEquals("id"u8))
            {
                Field(to, field);
            }
        }
    });

    /// <summary>A message as it is, on one line.</summary>
    public static byte[] Same(JsonRpcMessage message) => IsOneLine(JsonMarshal.GetRawUtf8Value(message.Root)) ? JsonMarshal.GetRawUtf8Value(message.Root).ToArray() : Write(to =>
    {
        foreach (var field in message.Root.EnumerateObject().Where(field => !field.NameEquals("jsonrpc"u8)))
        {
            Field(to, field);
        }
    });

    /// <summary>The fields of <c>params</c>, with <c>_meta</c> edited.</summary>
    public static void Fields(Utf8JsonWriter to, JsonElement? parameters, MetaEdit edit)
    {
        var meta = default(JsonElement);
        if (parameters is { ValueKind: JsonValueKind.Object } fields)
        {
            foreach (var field in fields.EnumerateObject())
            {
                if (field.NameEquals("_meta"u8))
                {
                    meta = field.Value;
                }
                else
                {
                    Field(to, field);
                }
            }
        }

        var entries = meta.ValueKind == JsonValueKind.Object ? meta.EnumerateObject().Where(entry => edit.Keep || !entry.Name.StartsWith(MetaPrefix, StringComparison.Ordinal)).ToList() : [];
        if (entries.Count == 0 && edit.Add is null)
        {
            return;
        }

        to.WritePropertyName("_meta"u8);
        to.WriteStartObject();
        foreach (var entry in entries)
        {
            if (edit.ProgressToken is { } token && entry.NameEquals("progressToken"u8))
            {
                to.WriteNumber("progressToken"u8, token);
            }
            else
            {
                Field(to, entry);
            }
        }

        edit.Add?.Invoke(to);
        to.WriteEndObject();
    }

    public static void Field(Utf8JsonWriter to, JsonProperty field)
    {
        to.WritePropertyName(field.Name);
        Value(to, field.Value);
    }

    public static void Value(Utf8JsonWriter to, JsonElement value)
    {
        var raw = JsonMarshal.GetRawUtf8Value(value);
        if (IsOneLine(raw))
        {
            to.WriteRawValue(raw, skipInputValidation: true);
        }
        else
        {
            value.WriteTo(to);
        }
    }

    public static void Id(Utf8JsonWriter to, string id)
    {
        to.WritePropertyName("id"u8);
        to.WriteRawValue(id, skipInputValidation: true);
    }

    private static void Params(Utf8JsonWriter to, Action<Utf8JsonWriter>? parameters)
    {
        if (parameters is not null)
        {
            to.WritePropertyName("params"u8);
            to.WriteStartObject();
            parameters(to);
            to.WriteEndObject();
        }
    }

    // A line feed can only stand between tokens: within a string it is escaped.
    private static bool IsOneLine(ReadOnlySpan<byte> text) => text.IndexOfAny((byte)'\n', (byte)'\r') < 0;
}
