using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>Images built from a repository. They belong to one record, go with it, and are made again from the same commit should somebody remove them.</summary>
internal sealed class DockerBuilds(DockerWire wire, BuildTracker tracker, BuildRunner runner, BuildLogs logs)
{
    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, BuildBody body, CancellationToken ct)
    {
        var image = BuildNames.Image(id, resource.Id);
        if (await wire.InspectImageAsync(image, ct) is { } live)
        {
            if (live.Config?.Labels?.GetValueOrDefault(BuildNames.Build) == resource.Fingerprint)
            {
                return Done;
            }

            _ = await wire.RemoveImageAsync(image, ct);
        }

        // Pushed before, and gone from here since: the registry has the very image, and the image this one depends on has brought it back.
        if (body.Pushed is { } pin)
        {
            return await wire.TagImageAsync(pin, DockerNames.ImageRepository(id), resource.Id, ct)
                ? Done
                : Faults.Of(FaultKind.Transient, "ImageMissing", $"The image {pin} is not on the engine (any more).");
        }

        if (tracker.TakeFailure(id, resource.Id) is { } failure)
        {
            return new Outcome.Faulted(failure);
        }

        tracker.Start(id, resource, body);
        return new Outcome.InProgress($"building {body.Source.Repo} at {body.Commit}");
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, CancellationToken ct)
    {
        if (resourceId == BuildNames.Leftovers)
        {
            if (!tracker.IsBuilding(id.RecordId))
            {
                await runner.ClearAsync(id, ct);
            }

            return Done;
        }

        await tracker.LeaveAsync(id, resourceId, ct);
        var image = BuildNames.Image(id, resourceId);
        if (await wire.InspectImageAsync(image, ct) is { } live)
        {
            // The names it was pushed by, too: they are ours, and would keep the layers. Ours goes last: while it is there, this is done again.
            var pushed = (live.RepoTags ?? []).Concat(live.RepoDigests ?? []).Where(n => n.Contains($"/mcp-{id.Short}:", StringComparison.Ordinal) || n.Contains($"/mcp-{id.Short}@", StringComparison.Ordinal));
            foreach (var name in pushed.Append(image))
            {
                _ = await wire.RemoveImageAsync(name, ct);
            }
        }

        logs.Remove(id, resourceId);
        if (!tracker.IsBuilding(id.RecordId))
        {
            await runner.ClearAsync(id, ct);
        }

        return Done;
    }
}
