using System.Reflection;
using System.Runtime.InteropServices;
using McpRuntime.Core.Records;
using McpRuntime.Server.Control;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>/healthz: this process lives. /readyz: it can serve, which takes the database and a lease that is being watched, never a backend.</summary>
internal static class HealthRoutes
{
    // An id that no record has: the question costs one look into an index, and fails as any other would.
    private static readonly string[] Nobody = ["readiness"];
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(2);

    public static void MapReadiness(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/readyz", ReadyAsync).AllowAnonymous().WithSummary("The database answers").Produces<ReadinessJson>();

    public static void MapLiveness(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/healthz", () => Results.Json(new LivenessJson("ok"), RestJson.Options)).AllowAnonymous().WithSummary("This process lives").Produces<LivenessJson>();
        routes.MapGet("/version", () => Results.Json(Version(), RestJson.Options)).AllowAnonymous().WithSummary("What runs here").Produces<VersionJson>();
    }

    private static async Task<IResult> ReadyAsync(IRecordStore records, ILease lease, TimeProvider time, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(AnswerWithin, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            await records.KnownIdsAsync(Nobody, both.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new Refusal(RefusalKind.Unavailable, "Not ready", $"The database did not answer within {AnswerWithin.TotalSeconds:0} s.") { RetryAfter = AnswerWithin };
        }

        return Results.Json(new ReadinessJson("ready", "ok", lease.Current is null ? "standby" : "leader"), RestJson.Options);
    }

    private static VersionJson Version()
    {
        var informational = typeof(HealthRoutes).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0.0.0";
        var parts = informational.Split('+', 2);
        return new VersionJson(parts[0], parts.Length > 1 ? parts[1] : null, RuntimeInformation.FrameworkDescription);
    }
}

internal sealed record LivenessJson(string Status);

/// <param name="Lease"><c>leader</c>, or <c>standby</c> while another process leads; both are ready.</param>
internal sealed record ReadinessJson(string Status, string Database, string Lease);

internal sealed record VersionJson(string Version, string? Commit, string Framework);
