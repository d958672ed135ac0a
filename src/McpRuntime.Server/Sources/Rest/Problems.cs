using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>RFC 9457. <c>detail</c> says what, where and what to do; <c>errors</c> is by field path.</summary>
internal sealed record Problem
{
    public required string Type { get; init; }

    public required string Title { get; init; }

    public required int Status { get; init; }

    public required string Detail { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, string[]>? Errors { get; init; }

    public string? TraceId { get; init; }

    [JsonIgnore]
    public TimeSpan? RetryAfter { get; init; }
}

/// <summary>Every "no" of this API is made here.</summary>
internal static class Problems
{
    public static Problem Of(Refusal refusal) => New(Status(refusal.Kind), refusal.Title, refusal.Detail) with
    {
        Type = "urn:mcpruntime:problem:" + Word(refusal.Kind),
        RetryAfter = refusal.RetryAfter,
        Errors = refusal.Errors.Count == 0 ? null : refusal.Errors
            .GroupBy(error => error.Path, StringComparer.Ordinal)
            .ToDictionary(group => group.Key, group => group.Select(error => error.Message).ToArray(), StringComparer.Ordinal),
    };

    /// <summary>For answers that carry a status and nothing else: routing's 404 and 405, the server's 413.</summary>
    public static Problem Of(int status, HttpContext http, string? detail = null) => New(status, Title(status), detail ?? Detail(status, http));

    public static Refusal Of(Fault fault, string what) => fault.Kind switch
    {
        FaultKind.Transient or FaultKind.Throttled or FaultKind.Unauthorized =>
            new Refusal(RefusalKind.Unavailable, $"{what}: the backend cannot answer now", fault.Message) { RetryAfter = fault.RetryAfter ?? TimeSpan.FromSeconds(5) },
        FaultKind.Refused => new Refusal(RefusalKind.Conflict, $"{what}: the backend refused", fault.Message),
    };

    public static async Task WriteAsync(HttpContext http, Problem problem)
    {
        var response = http.Response;
        response.StatusCode = problem.Status;
        if (problem.RetryAfter is { } after)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(after.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        response.Headers.CacheControl = "no-store";
        await response.WriteAsJsonAsync(problem with { TraceId = TraceId(http) }, RestJson.Options, "application/problem+json", http.RequestAborted);
    }

    public static string TraceId(HttpContext http) => Activity.Current?.TraceId.ToHexString() ?? http.TraceIdentifier;

    private static Problem New(int status, string title, string detail) =>
        new() { Type = "about:blank", Title = title, Status = status, Detail = detail };

    private static int Status(RefusalKind kind) => kind switch
    {
        RefusalKind.Malformed => StatusCodes.Status400BadRequest,
        RefusalKind.Forbidden => StatusCodes.Status403Forbidden,
        RefusalKind.NotFound => StatusCodes.Status404NotFound,
        RefusalKind.Conflict => StatusCodes.Status409Conflict,
        RefusalKind.PreconditionFailed => StatusCodes.Status412PreconditionFailed,
        RefusalKind.Invalid => StatusCodes.Status422UnprocessableEntity,
        RefusalKind.Throttled => StatusCodes.Status429TooManyRequests,
        RefusalKind.Unavailable => StatusCodes.Status503ServiceUnavailable,
    };

    private static string Word(RefusalKind kind) => kind switch
    {
        RefusalKind.Malformed => "malformed",
        RefusalKind.Forbidden => "forbidden",
        RefusalKind.NotFound => "not-found",
        RefusalKind.Conflict => "conflict",
        RefusalKind.PreconditionFailed => "precondition-failed",
        RefusalKind.Invalid => "invalid",
        RefusalKind.Throttled => "throttled",
        RefusalKind.Unavailable => "unavailable",
    };

    private static string Title(int status) => status switch
    {
        StatusCodes.Status400BadRequest => "The request is malformed",
        StatusCodes.Status401Unauthorized => "Authentication is required",
        StatusCodes.Status403Forbidden => "Not allowed",
        StatusCodes.Status404NotFound => "Not found",
        StatusCodes.Status405MethodNotAllowed => "Method not allowed",
        StatusCodes.Status408RequestTimeout => "The request came too slowly",
        StatusCodes.Status413PayloadTooLarge => "The body is too large",
        StatusCodes.Status415UnsupportedMediaType => "Unsupported media type",
        StatusCodes.Status431RequestHeaderFieldsTooLarge => "The headers are too large",
        StatusCodes.Status500InternalServerError => "Something went wrong here",
        _ => "The request failed",
    };

    private static string Detail(int status, HttpContext http) => status switch
    {
        StatusCodes.Status404NotFound => $"There is nothing at {Shown(http.Request.Path)}; /openapi/v1.json lists what there is.",
        StatusCodes.Status405MethodNotAllowed => $"{http.Request.Method} is not offered at {Shown(http.Request.Path)}; {Allowed(http)}.",
        StatusCodes.Status415UnsupportedMediaType => "Send JSON with Content-Type: application/json.",
        StatusCodes.Status500InternalServerError => "The fault was logged; give its trace_id to whoever runs this service.",
        _ => $"The service answered with status {status}.",
    };

    private static string Allowed(HttpContext http) =>
        http.Response.Headers.Allow.ToString() is { Length: > 0 } allow ? $"allowed are {allow}" : "see /openapi/v1.json";

    private static string Shown(PathString path)
    {
        var text = path.ToUriComponent();
        return text.Length <= 200 ? text : text[..200] + "…";
    }
}
