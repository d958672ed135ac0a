using McpRuntime.Backends.Docker.Wire;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// Containers that carry our labels because we gave them. An image made of one of ours (<c>docker commit</c>) hands them on to whatever
/// is started from it: that is somebody's own container, and is neither shown nor touched.
/// </summary>
internal static class OwnContainers
{
    /// <param name="labels">Filters, as <see cref="DockerNames.Filter"/> gives them.</param>
    public static async Task<IReadOnlyList<ContainerSummary>> ListOwnContainersAsync(this DockerWire wire, CancellationToken ct, params string[] labels)
    {
        var own = new List<ContainerSummary>();
        foreach (var container in await wire.ListContainersAsync(ct, labels))
        {
            if (!await wire.InheritsLabelsAsync(container.Name, container.ImageId, container.Labels, ct))
            {
                own.Add(container);
            }
        }

        return own;
    }

    /// <summary>
    /// The image is asked only about a container whose name is not one of ours: one that was renamed by hand is still ours, and goes
    /// with its runtime.
    /// </summary>
    public static async Task<bool> InheritsLabelsAsync(
        this DockerWire wire, string name, string? image, IReadOnlyDictionary<string, string>? labels, CancellationToken ct) =>
        labels?.GetValueOrDefault(DockerNames.Record) is { Length: > 0 } record
        && !DockerNames.IsNameOf(record, name)
        && image is not null
        && (await wire.InspectImageAsync(image, ct))?.Config?.Labels?.GetValueOrDefault(DockerNames.Record) == record;
}
