using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>/runtimes/{id}/tokens: keys to one runtime's gateway address.</summary>
internal static class TokenRoutes
{
    private const int MaxDays = 3650;
    private const int MaxGrace = 86_400;
    private const int MaxLabel = 64;

    public static void MapTokens(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/{runtime_id}/tokens", ListAsync).Needs(Roles.Operator)
            .WithSummary("Tokens that open this runtime's gateway address; never their text").Produces<TokensJson>();
        routes.MapPost("/{runtime_id}/tokens", CreateAsync).Needs(Roles.Operator)
            .WithSummary("Makes one; its text is shown this once").Accepts<TokenRequest>(isOptional: true, "application/json").Produces<NewTokenJson>(StatusCodes.Status201Created);
        routes.MapPost("/{runtime_id}/tokens/{token_id}/rotate", RotateAsync).Needs(Roles.Operator)
            .WithSummary("Makes a new one in the place of this one").Accepts<RotateRequest>(isOptional: true, "application/json").Produces<NewTokenJson>(StatusCodes.Status201Created);
        routes.MapDelete("/{runtime_id}/tokens/{token_id}", RevokeAsync).Needs(Roles.Operator)
            .WithSummary("Ends a token").Produces(StatusCodes.Status204NoContent);
    }

    private static async Task<IResult> ListAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, RuntimeTokens tokens, CancellationToken ct)
    {
        var listed = await tokens.ListAsync(http.Caller(), RouteKey.Of(runtimeId), ct);
        return Results.Json(new TokensJson([.. listed.Select(TokenJson.Of)]), RestJson.Options);
    }

    private static async Task<IResult> CreateAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, RuntimeTokens tokens, CancellationToken ct)
    {
        var asked = await RequestBody.ReadOptionalAsync(http.Request, json => new TokenRequest(json.Text("label"), json.Whole("expires_days")), ct);
        var label = asked.Label ?? "token";
        if (label.Length is 0 or > MaxLabel || !label.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
        {
            throw Invalid("label", $"must be 1 to {MaxLabel} of letters, digits, -, _ and .");
        }

        if (asked.ExpiresDays is < 1 or > MaxDays)
        {
            throw Invalid("expires_days", $"must be a whole number from 1 to {MaxDays}");
        }

        var (token, text) = await tokens.CreateAsync(http.Caller(), RouteKey.Of(runtimeId), label, asked.ExpiresDays, ct);
        return Created(token, text);
    }

    private static async Task<IResult> RotateAsync(
        HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, [FromRoute(Name = "token_id")] string tokenId, RuntimeTokens tokens, CancellationToken ct)
    {
        var asked = await RequestBody.ReadOptionalAsync(http.Request, json => new RotateRequest(json.Whole("grace_seconds")), ct);
        if (asked.GraceSeconds is < 0 or > MaxGrace)
        {
            throw Invalid("grace_seconds", $"must be a whole number from 0 to {MaxGrace}");
        }

        var (token, text) = await tokens.RotateAsync(http.Caller(), RouteKey.Of(runtimeId), tokenId, TimeSpan.FromSeconds(asked.GraceSeconds ?? 0), ct);
        return Created(token, text);
    }

    private static async Task<IResult> RevokeAsync(
        HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, [FromRoute(Name = "token_id")] string tokenId, RuntimeTokens tokens, CancellationToken ct)
    {
        await tokens.RevokeAsync(http.Caller(), RouteKey.Of(runtimeId), tokenId, ct);
        return Results.NoContent();
    }

    private static IResult Created(ApiToken token, string text) =>
        Results.Json(new NewTokenJson(token.Id, text, token.Subject, token.RuntimeId!, token.CreatedAt, token.ExpiresAt), RestJson.Options, statusCode: StatusCodes.Status201Created);

    private static Refusal Invalid(string field, string message) => new(RefusalKind.Invalid, "The request is not valid", $"{field}: {message}", [new(field, message)]);
}

internal sealed record TokensJson(IReadOnlyList<TokenJson> Tokens);

internal sealed record TokenJson(string Id, string Subject, string RuntimeId, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? RevokedAt)
{
    public static TokenJson Of(ApiToken token) => new(token.Id, token.Subject, token.RuntimeId!, token.CreatedAt, token.ExpiresAt, token.RevokedAt);
}

/// <param name="Token">The text; it is stored hashed and can't be shown again.</param>
internal sealed record NewTokenJson(string Id, string Token, string Subject, string RuntimeId, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

/// <param name="Label">What it is for: letters, digits, <c>-_.</c>.</param>
/// <param name="ExpiresDays">1..3650; left out, it does not expire.</param>
internal sealed record TokenRequest(string? Label, int? ExpiresDays);

/// <param name="GraceSeconds">0..86400: how long the old one still opens; default 0.</param>
internal sealed record RotateRequest(int? GraceSeconds);
