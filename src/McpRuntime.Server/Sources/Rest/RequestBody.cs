using System.Buffers;
using System.Text.Json;
using System.Text.RegularExpressions;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using Microsoft.Net.Http.Headers;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>A JSON body under limits: bytes, depth, no duplicate names, nothing unknown.</summary>
internal static partial class RequestBody
{
    public const int MaxBytes = 1 << 20;

    /// <summary>A compose file comes inline, so its request may be larger.</summary>
    public const int MaxComposeBytes = 2 << 20;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    /// <exception cref="Refusal">Malformed (400), or Invalid (422) with every wrong field.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request, Func<JsonFields, T> read, CancellationToken ct)
    {
        using var document = Parse(await BytesAsync(request, ct));
        return Fields(document, read);
    }

    /// <summary>For commands whose body may be left out.</summary>
    public static async Task<T> ReadOptionalAsync<T>(HttpRequest request, Func<JsonFields, T> read, CancellationToken ct)
    {
        var bytes = await BytesAsync(request, ct, optional: true);
        using var document = Parse(bytes.IsEmpty ? "{}"u8.ToArray() : bytes);
        return Fields(document, read);
    }

    /// <summary>For commands that take no fields: an empty body or <c>{}</c>.</summary>
    public static Task NoneAsync(HttpRequest request, CancellationToken ct) => ReadOptionalAsync(request, _ => true, ct);

    private static T Fields<T>(JsonDocument document, Func<JsonFields, T> read)
    {
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new Refusal(RefusalKind.Malformed, "The body is not a JSON object", "Send one JSON object: { … }.");
        }

        var errors = new List<ValidationError>();
        try
        {
            var fields = new JsonFields(document.RootElement, "", errors);
            var result = read(fields);
            fields.NoOthers();
            return errors.Count == 0 ? result : throw Invalid(errors);
        }
        catch (InvalidOperationException)
        {
            // The reader's word for "\ud800" without its other half.
            throw new Refusal(RefusalKind.Malformed, "The body is not valid Unicode", "A \\u escape names half of a surrogate pair; send both halves or the character itself.");
        }
    }

    private static Refusal Invalid(List<ValidationError> errors) =>
        new(RefusalKind.Invalid, "The request is not valid", string.Join("; ", errors.Take(3).Select(error => $"{error.Path} {error.Message}")) + (errors.Count > 3 ? $"; and {errors.Count - 3} more" : ""), errors);

    private static JsonDocument Parse(ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Span.StartsWith("\uFEFF"u8))
        {
            bytes = bytes[3..];
        }

        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(bytes, Strict);
        }
        catch (JsonException fault)
        {
            var where = fault.LineNumber is { } line ? $"line {line + 1}, byte {fault.BytePositionInLine + 1}: " : "";
            throw new Refusal(RefusalKind.Malformed, "The body is not acceptable JSON", where + Position().Replace(fault.Message, ""));
        }
        catch (InvalidOperationException)
        {
            throw new Refusal(RefusalKind.Malformed, "The body is not valid Unicode", "A field name holds half of a surrogate pair.");
        }

        if (bytes.Length > MaxBytes && !IsCompose(document.RootElement))
        {
            document.Dispose();
            throw TooLarge(MaxBytes);
        }

        return document;
    }

    private static bool IsCompose(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty("source", out var source)
        && source.ValueKind == JsonValueKind.Object && source.TryGetProperty("compose_file", out _);

    private static async Task<ReadOnlyMemory<byte>> BytesAsync(HttpRequest request, CancellationToken ct, bool optional = false)
    {
        if (request.ContentLength > MaxComposeBytes)
        {
            throw TooLarge(MaxComposeBytes);
        }

        var body = new ArrayBufferWriter<byte>(4096);
        int read;
        while ((read = await request.Body.ReadAsync(body.GetMemory(4096), ct)) > 0)
        {
            body.Advance(read);
            if (body.WrittenCount > MaxComposeBytes)
            {
                throw TooLarge(MaxComposeBytes);
            }
        }

        if (body.WrittenCount == 0)
        {
            return optional ? default(ReadOnlyMemory<byte>) : throw new Refusal(RefusalKind.Malformed, "The body is missing", "Send a JSON object as application/json.");
        }

        RequireJson(request);
        return body.WrittenMemory;
    }

    private static void RequireJson(HttpRequest request)
    {
        if (MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
            && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            && (type.Charset.Length == 0 || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase) || type.Charset.Equals("\"utf-8\"", StringComparison.OrdinalIgnoreCase)))
        {
            return;
        }

        throw new BadHttpRequestException("Content-Type must be application/json (UTF-8).", StatusCodes.Status415UnsupportedMediaType);
    }

    private static BadHttpRequestException TooLarge(int limit) =>
        new($"The body is larger than {limit / 1024} KiB.", StatusCodes.Status413PayloadTooLarge);

    [GeneratedRegex(@"( Path: .*)?\s*(LineNumber: \d+ \| BytePositionInLine: \d+\.)?$", RegexOptions.Singleline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Position();
}
