using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Backends.Registries;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// Images belong to nobody; what a record has of one is a tag of ours. An image goes when the last tag of ours goes, unless it was on
/// the engine before us or anybody else refers to it.
/// </summary>
internal sealed class DockerImages(DockerWire wire, PullTracker pulls, RegistryCredentials credentials)
{
    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, ImageBody body, CancellationToken ct)
    {
        if (await wire.InspectImageAsync(body.Pin, ct) is { } live)
        {
            var tag = DockerNames.ImageTag(body.Pin, kept: !WasPulledByUs(id, body.Pin, live));
            _ = await wire.TagImageAsync(live.Id, DockerNames.ImageRepository(id), tag, ct);
            return Done;
        }

        if (pulls.TakeFailure(id.RecordId, body.Pin) is { } failure)
        {
            return new Outcome.Faulted(failure);
        }

        pulls.Start(id, body.Pin, await credentials.FindAsync(body.Pin, body.TeamId, ct));
        return new Outcome.InProgress($"pulling {body.Pin}");
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, CancellationToken ct)
    {
        var pulling = await pulls.LeaveAsync(id.RecordId, resourceId, ct);
        var repository = DockerNames.ImageRepository(id);
        foreach (var kept in new[] { false, true })
        {
            var reference = $"{repository}:{resourceId["image-".Length..]}{(kept ? DockerNames.KeptSuffix : "")}";
            if (await wire.InspectImageAsync(reference, ct) is { } image)
            {
                _ = await wire.RemoveImageAsync(reference, ct);
                await ClearAsync(image.Id, kept, ct);
            }
        }

        // A pull that was stopped in its last moment may have brought the image without our tag.
        if (pulling is not null && await wire.InspectImageAsync(pulling, ct) is { } left)
        {
            await ClearAsync(left.Id, kept: false, ct);
        }

        return Done;
    }

    /// <summary>Only digests are left of what we pulled: nobody has given it a name, so it goes. The engine keeps what a container uses.</summary>
    private async Task ClearAsync(string imageId, bool kept, CancellationToken ct)
    {
        if (!kept && await wire.InspectImageAsync(imageId, ct) is { RepoTags: null or { Count: 0 } } unnamed)
        {
            foreach (var digest in unnamed.RepoDigests ?? [])
            {
                _ = await wire.RemoveImageAsync(digest, ct);
            }
        }
    }

    private static bool WasPulledByUs(RuntimeIdentity id, string pin, ImageInspect live) => live.RepoTags?.Any(t =>
        t.StartsWith(DockerNames.ImageRepositories(id.InstanceId) + "/", StringComparison.Ordinal) && t.EndsWith(":" + DockerNames.ImageTag(pin, kept: false), StringComparison.Ordinal)) ?? false;
}
