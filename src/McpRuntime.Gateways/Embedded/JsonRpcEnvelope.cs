using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace McpRuntime.Gateways.Embedded;

/// <summary>As much of a JSON-RPC message as a proxy needs: whom to answer when the server can't, what is asked for, and of which tool.</summary>
/// <param name="IsMessage">The body is a JSON object or list, so that an error is told in JSON-RPC.</param>
/// <param name="Id">The id as JSON (<c>7</c>, <c>"a"</c>); null for notifications, lists, and where it stands behind more than was read.</param>
internal readonly record struct JsonRpcEnvelope(bool IsMessage, string? Id, string? Method)
{
    private const int MaxField = 256;
    private const int MaxParams = 16 * 1024;
    private const int MaxDepth = 1000;

    /// <summary>A list of messages: nothing is known of any of them.</summary>
    public bool IsBatch { get; init; }

    /// <summary>All of it was read and is JSON. False: what it asks for may stand behind what was read.</summary>
    public bool IsWhole { get; init; }

    /// <summary>A field that decides what it asks for stands there twice, or in another spelling too: readers differ in which of them counts.</summary>
    public string? Twice { get; init; }

    /// <summary>It is no JSON in UTF-8, as far as was read: another reader may find something else in it.</summary>
    public bool IsMalformed { get; init; }

    /// <summary><c>params.name</c> of a <c>tools/call</c>.</summary>
    public string? Tool { get; init; }

    /// <summary><c>params</c> of an <c>initialize</c>, as it was sent; null where it is longer than 16 KiB.</summary>
    public string? Initialize { get; init; }

    /// <summary><c>params.arguments</c> of a <c>tools/call</c>, as it was sent; null unless asked for, or longer than 16 KiB.</summary>
    public string? Arguments { get; init; }

    /// <summary>It may call a tool, as far as was read.</summary>
    public bool MayCallTools => IsMessage && (IsBatch || Method is "tools/call" || !IsWhole);

    /// <summary>Reads the top level (and of the parameters theirs), and stops without complaint where the text ends; where it is not JSON, it says so.</summary>
    public static JsonRpcEnvelope Peek(ReadOnlySequence<byte> text, bool complete, bool keepArguments = false)
    {
        var found = new Found();
        if (text.IsEmpty)
        {
            return default;
        }

        try
        {
            var reader = new Utf8JsonReader(text, complete, new JsonReaderState(new JsonReaderOptions { MaxDepth = MaxDepth }));
            if (!reader.Read())
            {
                return default;
            }

            found.IsMessage = reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray;
            found.IsBatch = reader.TokenType is JsonTokenType.StartArray;
            var isRead = reader.TokenType is JsonTokenType.StartObject ? ReadMessage(ref reader, found) : reader.TrySkip();

            // Behind the message nothing may follow; reading on finds it.
            found.IsWhole = isRead && complete && !reader.Read() && found is { IsMessage: true, IsBatch: false };
            found.IsMalformed = !found.IsMessage || (complete && !IsUtf8(text));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The latter is a name with half a surrogate pair.
            found.IsMalformed = true;
        }

        var isCall = found.Method is "tools/call";
        return new JsonRpcEnvelope(found.IsMessage, found.Id, found.Method)
        {
            IsBatch = found.IsBatch,
            IsWhole = found.IsWhole,
            IsMalformed = found.IsMalformed,
            Twice = found.Twice ?? (isCall ? found.TwiceInParams : null),
            Tool = isCall ? found.Name : null,
            Initialize = found.Method is "initialize" ? Slice(text, found.Params) : null,
            Arguments = isCall && keepArguments ? Slice(text, found.Arguments) : null,
        };
    }

    private static bool IsUtf8(ReadOnlySequence<byte> text) => Utf8.IsValid(text.IsSingleSegment ? text.FirstSpan : text.ToArray());

    /// <returns>It was read to its end.</returns>
    private static bool ReadMessage(ref Utf8JsonReader reader, Found found)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString()!;
            found.See(field);
            if (!reader.Read())
            {
                return false;
            }

            var start = reader.TokenStartIndex;
            switch (field)
            {
                case "id":
                    found.Id = IdOf(ref reader);
                    break;
                case "method":
                    found.Method = reader.TokenType == JsonTokenType.String && Length(ref reader) <= MaxField ? reader.GetString() : null;
                    break;
                case "params" when reader.TokenType == JsonTokenType.StartObject:
                    if (!ReadParams(ref reader, found))
                    {
                        return false;
                    }

                    found.Params = (start, reader.BytesConsumed - start);
                    continue;
            }

            if (!reader.TrySkip())
            {
                return false;
            }
        }

        return reader.TokenType == JsonTokenType.EndObject;
    }

    private static bool ReadParams(ref Utf8JsonReader reader, Found found)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var field = reader.GetString()!;
            var (isName, isArguments) = (field is "name", field is "arguments");
            found.SeeInParams(field);
            if (!reader.Read())
            {
                return false;
            }

            var start = reader.TokenStartIndex;
            found.Name = isName ? (reader.TokenType == JsonTokenType.String && Length(ref reader) <= MaxField ? reader.GetString() : null) : found.Name;
            if (!reader.TrySkip())
            {
                return false;
            }

            found.Arguments = isArguments ? (start, reader.BytesConsumed - start) : found.Arguments;
        }

        return reader.TokenType == JsonTokenType.EndObject;
    }

    private static string? Slice(ReadOnlySequence<byte> text, (long Start, long Length)? at) =>
        at is var (start, length) && length <= MaxParams ? Encoding.UTF8.GetString(text.Slice(start, length)) : null;

    private static string? IdOf(ref Utf8JsonReader reader) => reader.TokenType switch
    {
        JsonTokenType.Number when Length(ref reader) <= MaxField => Encoding.UTF8.GetString(reader.HasValueSequence ? reader.ValueSequence.ToArray() : reader.ValueSpan),
        JsonTokenType.String when Length(ref reader) <= MaxField => JsonSerializer.Serialize(reader.GetString()),
        _ => null,
    };

    private static long Length(ref Utf8JsonReader reader) => reader.HasValueSequence ? reader.ValueSequence.Length : reader.ValueSpan.Length;

    private sealed class Found
    {
        private static readonly string[] Fields = ["jsonrpc", "id", "method", "params"];
        private static readonly string[] FieldsOfCall = ["name", "arguments"];

        private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
        private readonly HashSet<string> _seenInParams = new(StringComparer.Ordinal);

        public bool IsMessage { get; set; }

        public bool IsBatch { get; set; }

        public bool IsWhole { get; set; }

        public bool IsMalformed { get; set; }

        public string? Id { get; set; }

        public string? Method { get; set; }

        public string? Name { get; set; }

        public (long Start, long Length)? Params { get; set; }

        public (long Start, long Length)? Arguments { get; set; }

        public string? Twice { get; private set; }

        public string? TwiceInParams { get; private set; }

        public void See(string field)
        {
            if (!_seen.Add(field) || IsVariant(field, Fields))
            {
                Twice ??= Short(field);
            }
        }

        public void SeeInParams(string field)
        {
            if ((FieldsOfCall.Contains(field, StringComparer.Ordinal) && !_seenInParams.Add(field)) || IsVariant(field, FieldsOfCall))
            {
                TwiceInParams ??= $"params.{Short(field)}";
            }
        }

        /// <summary>Readers that overlook case take it for the field itself. Some fold the long s as well.</summary>
        private static bool IsVariant(string field, string[] fields) =>
            !fields.Contains(field, StringComparer.Ordinal) && fields.Contains(field.Replace('\u017f', 's'), StringComparer.OrdinalIgnoreCase);

        private static string Short(string field) => field.Length > 40 ? field[..40] : field;
    }
}
