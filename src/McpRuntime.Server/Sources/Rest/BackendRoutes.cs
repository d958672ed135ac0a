using McpRuntime.Backends;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>GET /runtimes/backends: what each enabled backend can do, and how it is right now.</summary>
internal static class BackendRoutes
{
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(3);

    public static void MapBackends(this IEndpointRouteBuilder routes) =>
        routes.MapGet("/backends", ListAsync).Needs(Roles.Viewer).WithSummary("Enabled backends, their capabilities and live health").Produces<BackendsJson>();

    private static async Task<IResult> ListAsync(IReadOnlyDictionary<string, IBackend> backends, TimeProvider time, CancellationToken ct)
    {
        var checks = backends.Values.OrderBy(backend => backend.Name, StringComparer.Ordinal)
            .Select(async backend => new BackendJson(backend.Name, backend.Capabilities, await CheckAsync(backend, time, ct)));
        return Results.Json(new BackendsJson(await Task.WhenAll(checks)), RestJson.Options);
    }

    private static async Task<HealthJson> CheckAsync(IBackend backend, TimeProvider time, CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(AnswerWithin, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        try
        {
            var health = await backend.CheckAsync(both.Token);
            return new HealthJson(health.Reachable, health.Version, health.Message, health.CheckedAt);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new HealthJson(false, null, $"No answer within {AnswerWithin.TotalSeconds:0} s.", time.GetUtcNow());
        }
        catch (BackendFault fault)
        {
            return new HealthJson(false, null, fault.Fault.Message, time.GetUtcNow());
        }
    }
}

internal sealed record BackendsJson(IReadOnlyList<BackendJson> Backends);

internal sealed record BackendJson(string Name, BackendCapabilities Capabilities, HealthJson Health);

internal sealed record HealthJson(bool Reachable, string? Version, string Message, DateTimeOffset CheckedAt);
