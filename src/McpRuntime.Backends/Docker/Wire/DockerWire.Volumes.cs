using System.Net;

namespace McpRuntime.Backends.Docker.Wire;

internal sealed partial class DockerWire
{
    public async Task<IReadOnlyList<VolumeInspect>> ListVolumesAsync(CancellationToken ct, params string[] labels)
    {
        var list = await GetAsync($"/volumes?filters={Filters([.. labels.Select(l => ("label", l))])}", DockerJson.Default.VolumeList, ct);
        return list?.Volumes ?? [];
    }

    /// <summary>Null: there is none.</summary>
    public Task<VolumeInspect?> InspectVolumeAsync(string name, CancellationToken ct) =>
        GetAsync($"/volumes/{Segment(name)}", DockerJson.Default.VolumeInspect, ct);

    /// <summary>The engine answers with the existing one when the name is taken, whoever's it is: look at its labels.</summary>
    public async Task<VolumeInspect> CreateVolumeAsync(VolumeCreate create, CancellationToken ct) =>
        await CallAsync(HttpMethod.Post, "/volumes/create", Json(create, DockerJson.Default.VolumeCreate), DockerJson.Default.VolumeInspect, ct) ?? throw Gone("/volumes/create");

    public async Task<(RemoveAnswer Answer, string Message)> RemoveVolumeAsync(string name, CancellationToken ct)
    {
        var (status, message) = await StatusAsync(HttpMethod.Delete, $"/volumes/{Segment(name)}", content: null, ct, timeout: null, HttpStatusCode.NotFound, HttpStatusCode.Conflict);
        return (Removal(status), message);
    }
}
