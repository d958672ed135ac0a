using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Plans;
using McpRuntime.Server.Records;
using McpRuntime.Server.Settings;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>Reading runtimes, and the commands that are not a new spec.</summary>
internal static class RuntimeRoutes
{
    private const int MaxReason = 1000;

    // A turn takes a few engine calls; without a leader nobody takes it, and what is there is the answer.
    private static readonly TimeSpan RefreshAtMost = TimeSpan.FromSeconds(10);

    private static readonly Dictionary<string, RuntimeStatus> Statuses =
        Enum.GetValues<RuntimeStatus>().ToDictionary(status => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(status.ToString()), StringComparer.Ordinal);

    private static readonly string[] StatusWords = [.. Statuses.Keys, "all"];

    private static readonly QueryParameter<string?> Backend = Query.Choice("backend", SettingsParser.BackendNames, "Only this backend's.");
    private static readonly QueryParameter<string?> Status = Query.Choice("status", StatusWords, "Only this status; deleted ones are shown with deleted or all.");
    private static readonly QueryParameter<string?> StatusFilter = Query.Choice("status_filter", StatusWords, "The same as status.");
    private static readonly QueryParameter<string?> Owner = Query.Text("owner", "rest, crd:… or git:….");
    private static readonly QueryParameter<string?> TeamId = Query.Text("team_id", "Only this team's.");
    private static readonly QueryParameter<string?> Tag = Query.Text("tag", "Only those that carry this tag.");
    private static readonly QueryParameter<int> Limit = Query.Whole("limit", 1, 500, 100, "Page size.");
    private static readonly QueryParameter<int> Offset = Query.Whole("offset", 0, 1_000_000, 0, "How many to leave out.");
    private static readonly QueryParameter<string?> Cursor = Query.Text("cursor", "next_cursor of the page before; instead of offset.");
    private static readonly QueryParameter<bool> RefreshStatus = Query.Flag("refresh_status", "Looks at the backend now, and waits for it.");
    private static readonly QueryParameter<bool> KeepVolumes = Query.Flag("keep_volumes", "Leaves the volumes; GET /runtimes/volumes lists them.");
    private static readonly QueryParameter<bool> AbandonRegistration = Query.Flag("abandon_registration", "Does not wait for an outer gateway that can't be reached; its registration may be left there.");
    private static readonly QueryParameter<string?> After = Query.Text("cursor", "next of the page before.", max: 20);

    public static void MapRuntimes(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("", ListAsync).Needs(Roles.Viewer).Takes(Backend, Status, StatusFilter, Owner, TeamId, Tag, Limit, Offset, Cursor)
            .WithSummary("Lists runtimes, newest first").Produces<RuntimesJson>();
        routes.MapGet("/{runtime_id}", GetAsync).Needs(Roles.Viewer).Takes(RefreshStatus)
            .WithSummary("Shows a runtime").Produces<RuntimeJson>();
        routes.MapGet("/{runtime_id}/events", EventsAsync).Needs(Roles.Viewer).Takes(Limit, After)
            .WithSummary("What happened to it, in order").Produces<EventsJson>();
        routes.MapPost("/{runtime_id}/start", (HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, CancellationToken ct) =>
                CommandAsync(http, runtimeId, desired.StartAsync, ct))
            .Needs(Roles.Operator).WithSummary("Starts it").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/{runtime_id}/stop", (HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, CancellationToken ct) =>
                CommandAsync(http, runtimeId, desired.StopAsync, ct))
            .Needs(Roles.Operator).WithSummary("Stops it").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/{runtime_id}/restart", (HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, CancellationToken ct) =>
                CommandAsync(http, runtimeId, desired.RestartAsync, ct))
            .Needs(Roles.Operator).WithSummary("Replaces what runs by a new start of the same").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/{runtime_id}/rollback", RollBackAsync).Needs(Roles.Operator)
            .WithSummary("A new generation made from an earlier one").Accepts<RollbackRequest>(isOptional: true, "application/json").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapGet("/{runtime_id}/upgrade", async (HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, Upgrades upgrades, CancellationToken ct) =>
                Results.Json(await upgrades.CheckAsync(http.Caller(), RouteKey.Of(runtimeId), ct), RestJson.Options))
            .Needs(Roles.Operator).WithSummary("Whether its tag, branch or catalog entry moved, and what an upgrade would change").Produces<Upgrade>();
        routes.MapPost("/{runtime_id}/upgrade", UpgradeAsync).Needs(Roles.Operator)
            .WithSummary("A new generation made from the same request as it is understood now").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/{runtime_id}/release", (HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, CancellationToken ct) =>
                CommandAsync(http, runtimeId, desired.ReleaseAsync, ct))
            .Needs(Roles.Operator).WithSummary("Ends a hold").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/{runtime_id}/hold", HoldAsync).Needs(Roles.Operator)
            .WithSummary("Stops a runtime of any owner until it is released").Accepts<HoldRequest>(isOptional: true, "application/json").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapPost("/{runtime_id}/abandon", AbandonAsync).Needs(Roles.Admin)
            .WithSummary("Gives up what a deleted runtime left on a backend that is switched off").Accepts<AbandonRequest>("application/json").Produces<CommandJson>(StatusCodes.Status202Accepted);
        routes.MapDelete("/{runtime_id}", DeleteAsync).Needs(Roles.Operator).Takes(KeepVolumes, AbandonRegistration)
            .WithSummary("Deletes it and all it left on the backend").Produces<CommandJson>(StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> ListAsync(HttpContext http, IRuntimeQueries queries, CancellationToken ct)
    {
        var word = http.Asked(Status) ?? http.Asked(StatusFilter);
        var cursor = http.Asked(Cursor);
        if (cursor is not null && http.Asked(Offset) > 0)
        {
            throw new Refusal(RefusalKind.Invalid, "cursor and offset exclude each other", "Send one of the two.", [new("cursor", "excludes offset")]);
        }

        RuntimeStatus? status = word is not null && Statuses.TryGetValue(word, out var known) ? known : null;
        var filter = new RuntimeFilter(
            http.Asked(Backend),
            status,
            word is "all",
            http.Asked(Owner),
            http.Asked(TeamId),
            http.Asked(Tag),
            http.Asked(Limit),
            http.Asked(Offset),
            cursor);
        var page = await queries.ListAsync(http.Caller(), filter, ct);
        return Results.Json(new RuntimesJson([.. page.Runtimes.Select(RuntimeJson.Of)], page.Total, page.NextCursor), RestJson.Options);
    }

    private static async Task<IResult> GetAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IRuntimeQueries queries, CancellationToken ct)
    {
        var view = await FindAsync(queries, http.Caller(), runtimeId, ct);
        if (http.Asked(RefreshStatus) && view.Status != RuntimeStatus.Deleted)
        {
            var revision = await queries.RequestTurnAsync(view.Id, ct);
            view = await queries.WaitAsync(http.Caller(), view.Id, seen => seen.StatusRevision > revision, RefreshAtMost, ct) ?? throw RouteKey.NotFound("runtime", runtimeId);
        }

        http.Response.Headers.ETag = RequestHeaders.ETag(view.Generation);
        return Results.Json(RuntimeJson.Of(view), RestJson.Options);
    }

    private static async Task<IResult> EventsAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IRuntimeQueries queries, CancellationToken ct)
    {
        long? after = null;
        if (http.Asked(After) is { } text)
        {
            after = long.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var sequence)
                ? sequence
                : throw new Refusal(RefusalKind.Invalid, "The cursor is not valid", "Send next of the page before.", [new("cursor", "must be next of the page before")]);
        }

        var view = await FindAsync(queries, http.Caller(), runtimeId, ct);
        var page = await queries.EventsAsync(http.Caller(), view.Id, after, http.Asked(Limit), ct);
        return Results.Json(new EventsJson(view.Id, page.Events, page.Next), RestJson.Options);
    }

    private static async Task<IResult> HoldAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, CancellationToken ct)
    {
        var caller = http.Caller();
        var hold = await RequestBody.ReadOptionalAsync(http.Request, json => new HoldRequest(json.Text("reason")), ct);
        MustBeShort(hold.Reason);
        var head = await desired.HoldAsync(caller, RouteKey.Of(runtimeId), hold.Reason ?? $"held by {caller.Subject}", ct);
        return Accepted(head);
    }

    private static async Task<IResult> AbandonAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, Abandonment abandonment, CancellationToken ct)
    {
        var asked = await RequestBody.ReadAsync(http.Request, json => new AbandonRequest(json.Text("reason")), ct);
        MustBeShort(asked.Reason);
        return string.IsNullOrWhiteSpace(asked.Reason)
            ? throw new Refusal(RefusalKind.Invalid, "A reason is missing", "Say why what is there may stay: it is audited.", [new("reason", "is required")])
            : Accepted(await abandonment.AbandonAsync(http.Caller(), RouteKey.Of(runtimeId), asked.Reason.Trim(), ct));
    }

    private static void MustBeShort(string? reason)
    {
        if (reason is { Length: > MaxReason })
        {
            throw new Refusal(RefusalKind.Invalid, "The reason is too long", $"At most {MaxReason} characters.", [new("reason", $"must be at most {MaxReason} characters")]);
        }
    }

    private static async Task<IResult> RollBackAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, Regenerations regenerations, CancellationToken ct)
    {
        var asked = await RequestBody.ReadOptionalAsync(http.Request, json => new RollbackRequest(json.Whole("generation")), ct);
        return Accepted(await regenerations.RollBackAsync(http.Caller(), RouteKey.Of(runtimeId), asked.Generation, RequestHeaders.IfMatch(http.Request), ct));
    }

    private static async Task<IResult> UpgradeAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, Upgrades upgrades, CancellationToken ct)
    {
        await RequestBody.NoneAsync(http.Request, ct);
        return Accepted(await upgrades.UpgradeAsync(http.Caller(), RouteKey.Of(runtimeId), RequestHeaders.IfMatch(http.Request), ct));
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, CancellationToken ct)
    {
        var head = await desired.DeleteAsync(http.Caller(), RouteKey.Of(runtimeId), http.Asked(KeepVolumes), RequestHeaders.IfMatch(http.Request), ct);
        return Accepted(http.Asked(AbandonRegistration) ? await desired.AbandonRegistrationAsync(http.Caller(), head.Id, ct) : head);
    }

    private static async Task<IResult> CommandAsync(HttpContext http, string runtimeId, Func<Caller, string, CancellationToken, Task<RuntimeHead>> command, CancellationToken ct)
    {
        await RequestBody.NoneAsync(http.Request, ct);
        return Accepted(await command(http.Caller(), RouteKey.Of(runtimeId), ct));
    }

    internal static async Task<RuntimeView> FindAsync(IRuntimeQueries queries, Caller caller, string runtimeId, CancellationToken ct) =>
        await queries.FindAsync(caller, RouteKey.Of(runtimeId), ct) ?? throw RouteKey.NotFound("runtime", runtimeId);

    private static IResult Accepted(RuntimeHead head) =>
        Results.Json(new CommandJson(head.Id, head.Status, head.Message), RestJson.Options, statusCode: StatusCodes.Status202Accepted);
}

internal sealed record RuntimesJson(IReadOnlyList<RuntimeJson> Runtimes, long Total, string? NextCursor);

internal sealed record EventsJson(string RuntimeId, IReadOnlyList<RuntimeEvent> Events, long? Next);

internal sealed record CommandJson(string RuntimeId, RuntimeStatus Status, string Message);

internal sealed record HoldRequest(string? Reason);

/// <param name="Reason">Required: it is audited.</param>
internal sealed record AbandonRequest(string? Reason);

/// <param name="Generation">Left out: the last one that served before.</param>
internal sealed record RollbackRequest(int? Generation);
