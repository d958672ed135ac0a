using System.Globalization;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Sources.Rest;

internal static class RequestHeaders
{
    private const int MaxKey = 255;

    /// <summary>The generation named by If-Match; null when the header is absent or <c>*</c>.</summary>
    public static long? IfMatch(HttpRequest request)
    {
        var header = request.Headers.IfMatch.ToString();
        if (header.Length == 0 || header == "*")
        {
            return null;
        }

        var text = header.Trim();
        if (text.Length is > 2 and < 24 && text[0] == '"' && text[^1] == '"'
            && long.TryParse(text.AsSpan(1, text.Length - 2), NumberStyles.None, CultureInfo.InvariantCulture, out var generation))
        {
            return generation;
        }

        throw new Refusal(RefusalKind.Malformed, "If-Match is not an ETag of this API", "Send the ETag that GET gave, in quotes: If-Match: \"3\".");
    }

    public static string? IdempotencyKey(HttpRequest request)
    {
        var values = request.Headers["Idempotency-Key"];
        if (values.Count == 0)
        {
            return null;
        }

        var key = values.ToString().Trim();
        if (values.Count == 1 && key.Length is > 0 and <= MaxKey && key.All(c => c is > ' ' and <= '~'))
        {
            return key;
        }

        throw new Refusal(RefusalKind.Malformed, "Idempotency-Key is not usable", $"Send it once, with 1 to {MaxKey} printable ASCII characters.");
    }

    public static string ETag(long generation) => $"\"{generation.ToString(CultureInfo.InvariantCulture)}\"";
}
