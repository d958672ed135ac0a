using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker;

/// <summary>Named volumes. Never replaced: what differs is told, what is in one belongs to the user.</summary>
internal sealed class DockerVolumes(DockerWire wire, DockerInstallation installation)
{
    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, VolumeBody body, CancellationToken ct)
    {
        var labels = DockerNames.Labels(id, "volume");
        labels[DockerNames.MountPath] = body.Path;
        // Create answers with the one that is there, whoever's it is.
        var live = await wire.InspectVolumeAsync(resource.Id, ct) ?? await wire.CreateVolumeAsync(new VolumeCreate(resource.Id, "local", labels), ct);
        if (!DockerNames.IsOurs(id, live.Labels))
        {
            return Faults.NotOurs("volume", resource.Id);
        }

        return VolumeBody.Fingerprint(live.Driver ?? "", live.Labels!.GetValueOrDefault(DockerNames.MountPath) ?? "") == resource.Fingerprint
            ? Done
            : Faults.Of(FaultKind.Refused, "VolumeDiffers", $"The volume {resource.Id} is of another driver or path than it should be. Its data is not touched: save it and remove the volume by hand.");
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        if (await wire.InspectVolumeAsync(name, ct) is not { } live)
        {
            return Done;
        }

        return DockerNames.IsOurs(id, live.Labels) ? await RemoveAsync(name, ct) : Faults.NotOurs("volume", name);
    }

    public async Task<Outcome> RemoveOwnedAsync(string name, CancellationToken ct)
    {
        if (await wire.InspectVolumeAsync(name, ct) is not { } live)
        {
            return Done;
        }

        var instance = await installation.InstanceId(ct);
        return live.Labels?.GetValueOrDefault(DockerNames.Instance) == instance && live.Labels.GetValueOrDefault(DockerNames.ResourceLabel) == "volume"
            ? await RemoveAsync(name, ct)
            : Faults.NotOurs("volume", name);
    }

    public async Task<IReadOnlyList<OwnedVolume>> ListAsync(CancellationToken ct)
    {
        var volumes = await wire.ListVolumesAsync(
            ct, DockerNames.Filter(DockerNames.Instance, await installation.InstanceId(ct)), DockerNames.Filter(DockerNames.ResourceLabel, "volume"));
        return
        [
            .. volumes.Where(v => v.Labels?.ContainsKey(DockerNames.Record) ?? false).Select(v => new OwnedVolume(
                v.Name, v.Labels![DockerNames.Record], v.Labels.GetValueOrDefault(DockerNames.MountPath) ?? "", SizeBytes: null, v.CreatedAt)),
        ];
    }

    private async Task<Outcome> RemoveAsync(string name, CancellationToken ct)
    {
        var (answer, message) = await wire.RemoveVolumeAsync(name, ct);
        return answer switch
        {
            RemoveAnswer.Removed or RemoveAnswer.Absent => Done,
            RemoveAnswer.InUse => Faults.Of(FaultKind.Transient, "VolumeInUse", $"The engine did not remove the volume {name}: {message}"),
        };
    }
}
