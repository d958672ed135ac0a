using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Records;

public enum RefusalKind
{
    Malformed,
    Forbidden,
    NotFound,
    Conflict,
    PreconditionFailed,
    Invalid,
    Throttled,
    Unavailable,
}

/// <summary>A door's "no": what is wrong, where, and what to do. REST maps the kind to 400, 403, 404, 409, 412, 422, 429, 503 in one place.</summary>
public sealed class Refusal(RefusalKind kind, string title, string detail, IReadOnlyList<ValidationError>? errors = null) : Exception(detail)
{
    public RefusalKind Kind { get; } = kind;

    public string Title { get; } = title;

    public string Detail { get; } = detail;

    public IReadOnlyList<ValidationError> Errors { get; } = errors ?? [];

    /// <summary>Seconds after which it may be tried again; only for Throttled and Unavailable.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
