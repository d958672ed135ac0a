using System.Buffers;
using System.Text;
using System.Text.Json;

namespace McpRuntime.Gateways.Embedded;

/// <summary>As much of a JSON-RPC message as a proxy needs: whom to answer when the server can't, and what to call it in metrics.</summary>
/// <param name="IsMessage">The body is a JSON object or list, so that an error is told in JSON-RPC.</param>
/// <param name="Id">The id as JSON (<c>7</c>, <c>"a"</c>); null for notifications, lists, and where it stands behind more than was read.</param>
internal readonly record struct JsonRpcEnvelope(bool IsMessage, string? Id, string? Method)
{
    private const int MaxField = 256;

    /// <summary>Reads the top level only, and stops without complaint where the text ends or is not JSON: judging it is the server's work.</summary>
    public static JsonRpcEnvelope Peek(ReadOnlySequence<byte> text, bool complete)
    {
        string? id = null;
        string? method = null;
        var isMessage = false;
        try
        {
            var reader = new Utf8JsonReader(text, complete, new JsonReaderState(new JsonReaderOptions { MaxDepth = 64 }));
            if (!reader.Read() || reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
            {
                return default;
            }

            isMessage = true;
            while (reader.TokenType != JsonTokenType.StartArray && reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isId = reader.ValueTextEquals("id"u8);
                var isMethod = reader.ValueTextEquals("method"u8);
                if (!reader.Read())
                {
                    break;
                }

                id = isId ? IdOf(ref reader) : id;
                method = isMethod && reader.TokenType == JsonTokenType.String && Length(ref reader) <= MaxField ? reader.GetString() : method;
                if (!reader.TrySkip())
                {
                    break;
                }
            }
        }
        catch (JsonException)
        {
            // What was read up to here is all there is.
        }
        catch (InvalidOperationException)
        {
            // A string with half a surrogate pair: as above.
        }

        return new JsonRpcEnvelope(isMessage, id, method);
    }

    private static string? IdOf(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number when Length(ref reader) <= MaxField => Encoding.UTF8.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan),
        JsonTokenType.String when Length(ref reader) <= MaxField => JsonSerializer.Serialize(reader.GetString()),
        _ => null,
    };

    private static long Length(ref Utf8JsonReader reader) => reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;
}
