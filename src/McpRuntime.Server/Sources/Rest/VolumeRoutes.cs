using McpRuntime.Backends;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Server.Access;
using McpRuntime.Server.Records;
using Microsoft.AspNetCore.Mvc;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>Volumes of ours, those that outlived their runtime among them; only those may be deleted here.</summary>
internal sealed class VolumeRoutes(IRuntimeQueries queries, IReadOnlyDictionary<string, IBackend> backends, IAuditLog audit, TimeProvider time)
{
    private static readonly TimeSpan AnswerWithin = TimeSpan.FromSeconds(10);

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/volumes", (HttpContext http, VolumeRoutes volumes, CancellationToken ct) => volumes.ListAsync(http, ct))
            .Needs(Roles.Viewer).WithSummary("Volumes of runtimes, kept ones among them").Produces<VolumesJson>();
        routes.MapDelete("/volumes/{volume_id}", (HttpContext http, [FromRoute(Name = "volume_id")] string volumeId, VolumeRoutes volumes, CancellationToken ct) => volumes.DeleteAsync(http, volumeId, ct))
            .Needs(Roles.Operator).WithSummary("Deletes a volume whose runtime is gone").Produces(StatusCodes.Status204NoContent);
    }

    private async Task<IResult> ListAsync(HttpContext http, CancellationToken ct)
    {
        var seen = new Dictionary<string, RuntimeView?>(StringComparer.Ordinal);
        var volumes = new List<VolumeJson>();
        foreach (var (backend, volume) in await OwnedAsync(ct))
        {
            if (await MaySeeAsync(http.Caller(), volume, seen, ct) is (true, var view))
            {
                volumes.Add(new VolumeJson(volume.Id, backend.Name, volume.RecordId, view?.Name, view?.Status, volume.Path, volume.SizeBytes, volume.CreatedAt, !IsKept(view)));
            }
        }

        return Results.Json(new VolumesJson(volumes), RestJson.Options);
    }

    private async Task<IResult> DeleteAsync(HttpContext http, string volumeId, CancellationToken ct)
    {
        var caller = http.Caller();
        var seen = new Dictionary<string, RuntimeView?>(StringComparer.Ordinal);
        foreach (var (backend, volume) in (await OwnedAsync(ct)).Where(pair => string.Equals(pair.Volume.Id, volumeId, StringComparison.Ordinal)))
        {
            if (await MaySeeAsync(caller, volume, seen, ct) is not (true, var view))
            {
                break;
            }

            if (!IsKept(view))
            {
                throw new Refusal(RefusalKind.Conflict, "The volume is in use", $"It belongs to runtime \"{view!.Name}\"; delete the runtime, and the volume goes with it.");
            }

            if (view is not null)
            {
                Policy.MustChange(caller, view);
            }

            var outcome = await backend.RemoveVolumeAsync(volume.Id, ct);
            outcome.Match<bool>(_ => true, _ => true, faulted => throw Problems.Of(faulted.Fault, "Deleting the volume"));
            await audit.AppendAsync(new AuditEntry(0, time.GetUtcNow(), caller.Subject, caller.Source, caller.Address, "volume.delete", volume.Id, "done", null, null), ct);
            return Results.NoContent();
        }

        throw RouteKey.NotFound("volume", volumeId);
    }

    /// <summary>A volume is seen by who sees its runtime; of a runtime that was purged, nobody knows whose it was: admins only.</summary>
    private async Task<(bool May, RuntimeView? View)> MaySeeAsync(Caller caller, OwnedVolume volume, Dictionary<string, RuntimeView?> seen, CancellationToken ct)
    {
        if (!seen.TryGetValue(volume.RecordId, out var view))
        {
            view = seen[volume.RecordId] = await queries.FindAsync(caller, volume.RecordId, ct);
        }

        return (view is not null || caller.IsAdmin, view);
    }

    private static bool IsKept(RuntimeView? view) => view is null or { Status: RuntimeStatus.Deleted };

    private async Task<List<(IBackend Backend, OwnedVolume Volume)>> OwnedAsync(CancellationToken ct)
    {
        using var deadline = new CancellationTokenSource(AnswerWithin, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, ct);
        var owned = new List<(IBackend, OwnedVolume)>();
        foreach (var backend in backends.Values.OrderBy(backend => backend.Name, StringComparer.Ordinal))
        {
            try
            {
                owned.AddRange((await backend.ListVolumesAsync(both.Token)).Select(volume => (backend, volume)));
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                throw Problems.Of(new Fault(FaultKind.Transient, "Timeout", $"{backend.Name} did not answer within {AnswerWithin.TotalSeconds:0} s."), "Listing volumes");
            }
        }

        return owned;
    }
}

internal sealed record VolumesJson(IReadOnlyList<VolumeJson> Volumes);

/// <param name="InUse">False: its runtime is gone, and it may be deleted here.</param>
internal sealed record VolumeJson(
    string Id,
    string Backend,
    string RuntimeId,
    string? RuntimeName,
    RuntimeStatus? RuntimeStatus,
    string Path,
    long? SizeBytes,
    DateTimeOffset? CreatedAt,
    bool InUse);
