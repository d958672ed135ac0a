using System.Net.ServerSentEvents;
using System.Text.Json;

namespace McpRuntime.Gateways.Embedded.Probing;

/// <summary>What came back for one message: at most one of result and error; neither, when it was not MCP's.</summary>
internal sealed record McpAnswer(int Status)
{
    /// <summary>Of all that one answer may hold; a list of a few thousand tools fits.</summary>
    public const int MaxBytes = 4 * 1024 * 1024;

    /// <summary>As long as a declared path may be.</summary>
    private const int MaxPath = 256;

    public JsonElement? Result { get; init; }

    public int? ErrorCode { get; init; }

    public string? ErrorMessage { get; init; }

    public JsonElement? ErrorData { get; init; }

    public string? SessionId { get; init; }

    /// <summary>401 or 403 with a WWW-Authenticate header: it is there, and wants an authorization of its own.</summary>
    public bool IsChallenge { get; init; }

    /// <summary>The path (and query) of a redirect that keeps the method; whatever host it names, only ours is asked.</summary>
    public string? RedirectPath { get; init; }

    public string? ContentType { get; init; }

    public bool IsSuccess => Status is >= 200 and < 300;

    public string InWords => ErrorCode is { } code
        ? $"error {code}: {Words.Plain(ErrorMessage, 200)}"
        : IsSuccess ? $"HTTP {Status} with {Words.Plain(ContentType, 80) ?? "no content"}, which is no MCP answer" : $"HTTP {Status}";

    public static async Task<McpAnswer> ReadAsync(HttpResponseMessage response, Uri asked, int? id, CancellationToken ct)
    {
        var status = (int)response.StatusCode;
        var mediaType = response.Content.Headers.ContentType?.MediaType;
        var answer = new McpAnswer(status)
        {
            SessionId = response.Headers.NonValidated.TryGetValues(HeaderPolicy.SessionId, out var session) ? session.ToString() : null,
            IsChallenge = status is 401 or 403 && response.Headers.NonValidated.Contains("WWW-Authenticate"),
            RedirectPath = status is 307 or 308 && response.Headers.Location is { } location ? PathOf(asked, location) : null,
            ContentType = mediaType,
        };
        if (id is null)
        {
            return answer;
        }

        using var body = new LimitedStream(await response.Content.ReadAsStreamAsync(ct), MaxBytes);
        return mediaType?.ToLowerInvariant() switch
        {
            "application/json" => answer.With(await ParseAsync(body, ct), id.Value),
            "text/event-stream" => answer.With(await FindAsync(body, id.Value, ct), id.Value),
            _ => answer,
        };
    }

    /// <summary>Reads on until the answer to this id; notifications and the server's own requests are passed over.</summary>
    public static async Task<JsonElement?> FindAsync(IAsyncEnumerator<SseItem<string>> events, int id)
    {
        while (await events.MoveNextAsync())
        {
            if (events.Current.EventType == SseParser.EventTypeDefault && Parse(events.Current.Data) is { } message && Answers(message, id))
            {
                return message;
            }
        }

        return null;
    }

    public McpAnswer With(JsonElement? message, int id)
    {
        if (message is not { } found || !Answers(found, id))
        {
            return this;
        }

        if (found.TryGetProperty("result", out var result))
        {
            return this with { Result = result };
        }

        var error = found.GetProperty("error");
        var isObject = error.ValueKind == JsonValueKind.Object;
        return this with
        {
            ErrorCode = isObject && error.TryGetProperty("code", out var code) && code.TryGetInt32(out var number) ? number : 0,
            ErrorMessage = McpMessages.Text(error, "message"),
            ErrorData = isObject && error.TryGetProperty("data", out var more) ? more : null,
        };
    }

    private static async Task<JsonElement?> FindAsync(Stream body, int id, CancellationToken ct)
    {
        await using var events = SseParser.Create(body).EnumerateAsync(ct).GetAsyncEnumerator(ct);
        return await FindAsync(events, id);
    }

    // An error whose id is null is the answer to a request whose id could not be read: ours, since we asked one thing.
    private static bool Answers(JsonElement message, int id) =>
        message.ValueKind == JsonValueKind.Object
        && ((message.TryGetProperty("result", out _) && HasId(message, id)) || (message.TryGetProperty("error", out _) && (HasId(message, id) || !McpMessages.Has(message, "id"))));

    private static bool HasId(JsonElement message, int id) =>
        message.TryGetProperty("id", out var own) && own.ValueKind == JsonValueKind.Number && own.TryGetInt32(out var number) && number == id;

    private static async Task<JsonElement?> ParseAsync(Stream body, CancellationToken ct)
    {
        try
        {
            using var document = await JsonDocument.ParseAsync(body, default, ct);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static JsonElement? Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string? PathOf(Uri asked, Uri location) =>
        Uri.TryCreate(asked, location, out var to) && to.Scheme is "http" or "https" && to.PathAndQuery != asked.PathAndQuery && to.PathAndQuery.Length <= MaxPath ? to.PathAndQuery : null;
}

/// <summary>Ends in an error, not in silence, where a stranger says too much.</summary>
internal sealed class LimitedStream(Stream inner, long limit) : Stream
{
    private long _left = limit;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await inner.ReadAsync(buffer, cancellationToken);
        _left -= read;
        return _left >= 0 ? read : throw new AnswerTooLongException();
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
        }

        base.Dispose(disposing);
    }
}

internal sealed class AnswerTooLongException() : IOException($"the answer is longer than {McpAnswer.MaxBytes} bytes");
