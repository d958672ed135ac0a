using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Plans;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>POST /runtimes/deploy and PUT /runtimes/{id}: a spec comes in, a record is written, the reconciler does the rest.</summary>
internal static class DeployRoutes
{
    private const string Owner = "rest";

    private static readonly QueryParameter<int> WaitSeconds = Query.Whole("wait_seconds", 0, 600, 0, "Answers once the status settles, or after so many seconds.");
    private static readonly QueryParameter<bool> DryRun = Query.Flag("dry_run", "Writes nothing and answers with the plan, as POST /runtimes/plan does.");

    public static void MapDeploy(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/deploy", DeployAsync).Needs(Roles.Operator).MayStayOpen().Takes(WaitSeconds, DryRun)
            .WithSummary("Deploys a runtime").Accepts<DeployRequest>("application/json").Produces<DeployedJson>(StatusCodes.Status201Created);
        routes.MapPost("/plan", PlanAsync).Needs(Roles.Operator)
            .WithSummary("What a deployment would come to; writes nothing").Accepts<DeployRequest>("application/json").Produces<Plan>();
        routes.MapPut("/{runtime_id}", UpdateAsync).Needs(Roles.Operator).MayStayOpen().Takes(WaitSeconds, DryRun)
            .WithSummary("Gives a runtime a new spec").Accepts<DeployRequest>("application/json").Produces<DeployedJson>();
    }

    private static async Task<IResult> DeployAsync(HttpContext http, IDesiredState desired, IRuntimeQueries queries, Forecast forecast, CancellationToken ct)
    {
        var put = new PutRuntime(
            await RequestBody.ReadAsync(http.Request, DeployRequestReader.Read, ct),
            Owner,
            MustCreate: true,
            IdempotencyKey: RequestHeaders.IdempotencyKey(http.Request));
        if (http.Asked(DryRun))
        {
            return Results.Json(await forecast.OfAsync(http.Caller(), put, ct), RestJson.Options);
        }

        var result = await desired.PutAsync(http.Caller(), put, ct);
        http.Response.Headers.Location = $"/runtimes/{result.Runtime.Id}";
        return await AnswerAsync(http, queries, result, StatusCodes.Status201Created, ct);
    }

    private static async Task<IResult> UpdateAsync(
        HttpContext http, [FromRoute(Name = "runtime_id")] string runtimeId, IDesiredState desired, IRuntimeQueries queries, Forecast forecast, CancellationToken ct)
    {
        var put = new PutRuntime(
            await RequestBody.ReadAsync(http.Request, DeployRequestReader.Read, ct),
            Owner,
            MustCreate: false,
            MustExist: true,
            IdOrName: RouteKey.Of(runtimeId),
            IfGeneration: RequestHeaders.IfMatch(http.Request),
            IdempotencyKey: RequestHeaders.IdempotencyKey(http.Request));
        return http.Asked(DryRun)
            ? Results.Json(await forecast.OfAsync(http.Caller(), put, ct), RestJson.Options)
            : await AnswerAsync(http, queries, await desired.PutAsync(http.Caller(), put, ct), StatusCodes.Status200OK, ct);
    }

    /// <summary>For a name that exists it is the plan of an update, for another that of a deployment.</summary>
    private static async Task<IResult> PlanAsync(HttpContext http, Forecast forecast, CancellationToken ct) => Results.Json(
        await forecast.OfAsync(http.Caller(), new PutRuntime(await RequestBody.ReadAsync(http.Request, DeployRequestReader.Read, ct), Owner, MustCreate: false), ct),
        RestJson.Options);

    private static async Task<IResult> AnswerAsync(HttpContext http, IRuntimeQueries queries, PutResult result, int status, CancellationToken ct)
    {
        var id = result.Runtime.Id;
        var wait = TimeSpan.FromSeconds(http.Asked(WaitSeconds));
        var view = wait > TimeSpan.Zero
            ? await queries.WaitAsync(http.Caller(), id, Settled.Is, wait, ct)
            : await queries.FindAsync(http.Caller(), id, ct);
        view = view ?? throw RouteKey.NotFound("runtime", id);
        http.Response.Headers.ETag = RequestHeaders.ETag(view.Generation);
        return Results.Json(new DeployedJson(RuntimeJson.Of(view), result.Message), RestJson.Options, statusCode: status);
    }
}

internal sealed record DeployedJson(RuntimeJson Runtime, string Message);
