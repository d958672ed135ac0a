using System.Net;
using System.Text.Json;
using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>What each of ContextForge's answers means for a registration, and what a person would do about it.</summary>
internal static class ContextForgeFaults
{
    public const string NotFound = "GatewayNotFound";
    public const string Invalid = "RegistrationInvalid";

    private const int LongestWords = 500;

    private static readonly string[] OfAddresses = ["ssrf", "private", "localhost", "loopback", "link-local", "internal address"];

    public static Fault Away(string why) =>
        new(FaultKind.Transient, "ContextForgeUnreachable", $"ContextForge can't be reached: {why}. What runs is served on; the registration follows when it is back.");

    public static Fault Of(HttpResponseMessage response, string text, DateTimeOffset now)
    {
        var words = Words(text);
        var said = words.Length == 0 ? "" : $" It said: {words}";
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized => new Fault(FaultKind.Unauthorized, "ContextForgeUnauthorized", $"ContextForge does not accept RUNTIME_CONTEXTFORGE_TOKEN (401): give it one that is valid there.{said}"),
            HttpStatusCode.Forbidden => new Fault(
                FaultKind.Unauthorized, "ContextForgeForbidden", $"ContextForge does not let RUNTIME_CONTEXTFORGE_TOKEN do this (403): it must be allowed to read, create, update and delete gateways, of the team too where one is named.{said}"),
            HttpStatusCode.NotFound => new Fault(FaultKind.Transient, NotFound, $"ContextForge has no such gateway (404).{said}"),
            HttpStatusCode.Conflict => new Fault(FaultKind.Refused, ContextForgeWire.Conflict, $"Another gateway has this name or URL (409).{said}"),
            HttpStatusCode.UnprocessableEntity or HttpStatusCode.BadRequest => new Fault(FaultKind.Refused, Invalid, OfInvalid((int)response.StatusCode, words)),
            HttpStatusCode.TooManyRequests => new Fault(FaultKind.Throttled, "ContextForgeThrottled", $"ContextForge asks us to slow down (429).{said}", RetryAfter(response, now)),
            HttpStatusCode.BadGateway => new Fault(
                FaultKind.Transient, "ContextForgeCannotConnect", $"ContextForge can't connect to the server at its address here (502): it must be able to reach RUNTIME_PUBLIC_URL. Tried again with growing pauses.{said}"),
            _ => new Fault(FaultKind.Transient, "ContextForgeFailed", $"ContextForge answered {(int)response.StatusCode}.{said}", RetryAfter(response, now)),
        };
    }

    /// <summary>Its guard against requests to inner addresses is on by default, and is what most installations inside one network meet first.</summary>
    private static string OfInvalid(int status, string words)
    {
        var what = words.Length == 0 ? "without a word (EXPOSE_ERROR_DETAILS=true there shows why)" : words;
        return OfAddresses.Any(word => words.Contains(word, StringComparison.OrdinalIgnoreCase))
            ? $"ContextForge's SSRF guard refuses the address of RUNTIME_PUBLIC_URL ({status}): {what}. Give it a public address, or set SSRF_ALLOWED_NETWORKS (or, more bluntly, SSRF_ALLOW_PRIVATE_NETWORKS, SSRF_ALLOW_LOCALHOST) on ContextForge."
            : words.Contains("name", StringComparison.OrdinalIgnoreCase)
                ? $"ContextForge refuses the registration ({status}): {what}. A name there is letters, digits, \"_\", \".\", \"-\" and spaces, at most 255: give the runtime another gateway_name."
                : $"ContextForge refuses the registration ({status}): {what}.";
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage response, DateTimeOffset now) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > now => date - now,
        _ => null,
    };

    /// <summary>FastAPI's <c>detail</c> (text, or a list with <c>msg</c>), or <c>message</c>; never the whole of what may be a page.</summary>
    private static string Words(string text)
    {
        try
        {
            var json = JsonSerializer.Deserialize<JsonElement>(text);
            if (json.ValueKind is not JsonValueKind.Object)
            {
                return "";
            }

            var words = json.TryGetProperty("detail", out var detail) || json.TryGetProperty("message", out detail)
                ? detail.ValueKind switch
                {
                    JsonValueKind.String => detail.GetString()!,
                    JsonValueKind.Array => string.Join("; ", detail.EnumerateArray().Select(item => item.ValueKind is JsonValueKind.Object && item.TryGetProperty("msg", out var msg) ? msg.ToString() : item.ToString())),
                    _ => detail.ToString(),
                }
                : "";
            words = string.Concat(words.Select(c => char.IsControl(c) ? ' ' : c));
            return words.Length <= LongestWords ? words : words[..LongestWords] + "…";
        }
        catch (JsonException)
        {
            return "";
        }
    }
}
