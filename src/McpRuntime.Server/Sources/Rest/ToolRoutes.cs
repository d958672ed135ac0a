using System.Globalization;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>/runtimes/{id}/tools and /calls: what a server offers, whether that was accepted, and who called it.</summary>
internal static class ToolRoutes
{
    private const int MaxReason = 1000;

    private static readonly QueryParameter<int> Limit = Query.Whole("limit", 1, 500, 100, "Page size.");
    private static readonly QueryParameter<string?> Before = Query.Text("cursor", "next of the page before.", max: 20);

    public static void MapTools(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/{runtime_id}/tools", ShowAsync).Needs(Roles.Viewer)
            .WithSummary("The tools it offers, and how they differ from those that were accepted").Produces<ToolsJson>();
        routes.MapPost("/{runtime_id}/tools/approve", AcceptAsync).Needs(Roles.Approver)
            .WithSummary("Accepts the tools as they are offered now").Accepts<AcceptToolsRequest>(isOptional: true, "application/json").Produces<ToolsJson>();
        routes.MapGet("/{runtime_id}/calls", CallsAsync).Needs(Roles.Operator).Takes(Limit, Before)
            .WithSummary("Tool calls through the gateway, newest first").Produces<ToolCallsJson>();
    }

    private static async Task<IResult> ShowAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, ToolInventories tools, GatewayOptions gateway, CancellationToken ct) =>
        Results.Json(ToolsJson.Of(await tools.ShowAsync(http.Caller(), RouteKey.Of(runtimeId), ct), gateway.ToolsPin), RestJson.Options);

    private static async Task<IResult> AcceptAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, ToolInventories tools, GatewayOptions gateway, CancellationToken ct)
    {
        var asked = await RequestBody.ReadOptionalAsync(http.Request, json => new AcceptToolsRequest(json.Text("hash"), json.Text("reason")), ct);
        return asked.Reason is { Length: > MaxReason }
            ? throw new Refusal(RefusalKind.Invalid, "The reason is too long", $"At most {MaxReason} characters.", [new("reason", $"must be at most {MaxReason} characters")])
            : Results.Json(ToolsJson.Of(await tools.AcceptAsync(http.Caller(), RouteKey.Of(runtimeId), asked.Hash, asked.Reason, ct), gateway.ToolsPin), RestJson.Options);
    }

    private static async Task<IResult> CallsAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IRuntimeQueries queries, ToolCallLog calls, CancellationToken ct)
    {
        long? before = null;
        if (http.Asked(Before) is { } text)
        {
            before = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var sequence)
                ? sequence
                : throw new Refusal(RefusalKind.Invalid, "The cursor is not valid", "Send next of the page before.", [new("cursor", "must be next of the page before")]);
        }

        var view = await RuntimeRoutes.FindAsync(queries, http.Caller(), runtimeId, ct);
        var limit = http.Asked(Limit);
        var rows = await calls.ListAsync(view.Id, before, limit + 1, ct);
        var shown = rows.Take(limit)
            .Select(row => new ToolCallJson(row.Sequence, DateTimeOffset.FromUnixTimeMilliseconds(row.At), row.Subject, row.Address, row.Tool, row.Outcome, row.DurationMs, row.Arguments))
            .ToList();
        return Results.Json(new ToolCallsJson(view.Id, shown, rows.Count > limit ? shown[^1].Sequence : null), RestJson.Options);
    }
}

/// <param name="Pin"><c>off</c>, <c>warn</c> or <c>quarantine</c> (RUNTIME_TOOLS_PIN).</param>
/// <param name="Hash">Of what is offered now; send it with the approval to accept just that.</param>
internal sealed record ToolsJson(
    string RuntimeId,
    long? Generation,
    ToolsPin Pin,
    bool Drifted,
    string? Hash,
    string? AcceptedHash,
    string? AcceptedBy,
    DateTimeOffset? AcceptedAt,
    IReadOnlyList<ToolJson> Tools)
{
    public static ToolsJson Of(ToolInventoryView view, ToolsPin pin)
    {
        var accepted = ToolInventoryView.ToolsOf(view.Accepted).ToDictionary(tool => tool.Name, StringComparer.Ordinal);
        var current = ToolInventoryView.ToolsOf(view.Current).ToDictionary(tool => tool.Name, StringComparer.Ordinal);
        var tools = accepted.Keys.Union(current.Keys, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(name => ToolJson.Of(name, accepted.GetValueOrDefault(name), current.GetValueOrDefault(name)))
            .ToList();
        return new(view.RuntimeId, view.Generation, pin, view.HasDrifted, view.Current?.Hash, view.Accepted?.Hash, view.Accepted?.AcceptedBy, Times.From(view.Accepted?.AcceptedAt), tools);
    }
}

/// <param name="State"><c>accepted</c>, <c>changed</c>, <c>added</c> or <c>removed</c>.</param>
/// <param name="Definition">JSON, canonical, as it is hashed.</param>
/// <param name="AcceptedDefinition">Where it differs.</param>
internal sealed record ToolJson(string Name, string State, string? Hash, string? Definition, string? AcceptedDefinition)
{
    public static ToolJson Of(string name, ToolDefinition? accepted, ToolDefinition? current)
    {
        var state = accepted is null ? "added" : current is null ? "removed" : accepted.Hash == current.Hash ? "accepted" : "changed";
        return new(name, state, current?.Hash, current?.Definition, state is "changed" or "removed" ? accepted?.Definition : null);
    }
}

/// <param name="Hash">What was looked at; left out, whatever is offered now.</param>
internal sealed record AcceptToolsRequest(string? Hash, string? Reason);

internal sealed record ToolCallsJson(string RuntimeId, IReadOnlyList<ToolCallJson> Calls, long? Next);

/// <param name="Arguments">JSON with secrets taken out; null unless RUNTIME_GATEWAY_AUDIT_ARGUMENTS is on.</param>
internal sealed record ToolCallJson(long Sequence, DateTimeOffset At, string Subject, string? Address, string Tool, string Outcome, long DurationMs, string? Arguments);
