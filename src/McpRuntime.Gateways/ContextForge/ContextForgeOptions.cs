using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>An outer ContextForge that our routes are registered in.</summary>
public sealed record ContextForgeOptions
{
    /// <summary>RUNTIME_CONTEXTFORGE_URL: what <c>/gateways</c> (or <c>/v1/gateways</c>) is below.</summary>
    public required Uri Url { get; init; }

    /// <summary>RUNTIME_CONTEXTFORGE_TOKEN: may create, change and delete gateways there.</summary>
    public required SecretText Token { get; init; }

    /// <summary>RUNTIME_PUBLIC_URL: where ContextForge reaches our <c>/mcp/{name}</c>.</summary>
    public required Uri PublicUrl { get; init; }

    /// <summary>Of this installation: registrations with another one's tag are never ours.</summary>
    public required Func<CancellationToken, Task<string>> InstanceId { get; init; }

    /// <summary>One answer. Below the caps on a look (10 s) and on an effect (8 s): a registration that takes longer is found by the next look.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(7);

    /// <summary>How long one list serves the turns of all records. Any write of ours ends it.</summary>
    public TimeSpan ListFor { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a failed list is the answer: an outage must not cost every turn of every record a timeout.</summary>
    public TimeSpan AwayFor { get; init; } = TimeSpan.FromSeconds(15);
}

/// <summary>
/// The tokens with which an outer gateway calls one runtime and nothing else. Derived, not stored: the same marker gives the same text
/// on every replica and after a crash. The marker is no secret; the outer gateway keeps it beside the token, so that both are seen to be due.
/// </summary>
public interface IRegistrationTokens
{
    /// <summary>The marker of the token that should be in use now, by record id: another one once it is old or was revoked.</summary>
    /// <param name="only">The one record that will be asked about; null = any.</param>
    Task<Func<string, string>> MarkersAsync(string? only, CancellationToken ct);

    /// <summary>The token's text; valid from now on.</summary>
    Task<SecretText> OpenAsync(string recordId, string marker, CancellationToken ct);

    Task RevokeAsync(string recordId, CancellationToken ct);
}
