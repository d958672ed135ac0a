using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>
/// Names and labels of what is built. Other labels than a container's: whoever starts our image by hand makes a container that inherits
/// these, and it must not be taken for one of ours.
/// </summary>
internal static class BuildNames
{
    public const string Instance = "dev.mcpruntime/built-by";
    public const string Record = "dev.mcpruntime/built-for";
    public const string Build = "dev.mcpruntime/build";
    public const string Repository = "org.opencontainers.image.source";
    public const string Revision = "org.opencontainers.image.revision";

    /// <summary>Layers of a build that did not come to its end: seen as one thing, so that they are removed like one.</summary>
    public const string Leftovers = "build-leftovers";

    private const string Prefix = "build-";

    public static string Of(string fingerprint) => Prefix + fingerprint[..8];

    /// <param name="resourceId">As <see cref="Of"/> gives it; it is the tag, too.</param>
    public static string Image(RuntimeIdentity id, string resourceId) => $"{DockerNames.ImageRepository(id)}:{resourceId}";

    public static bool IsBuild(string tag) => tag.StartsWith(Prefix, StringComparison.Ordinal);

    /// <summary>Of every layer, from the first on: what is left of a build can be found.</summary>
    public static Dictionary<string, string> Marks(RuntimeIdentity id) => new(StringComparer.Ordinal) { [Instance] = id.InstanceId, [Record] = id.RecordId };

    /// <summary>Of the image, set by the engine after the Dockerfile's own last line.</summary>
    public static Dictionary<string, string> Labels(RuntimeIdentity id, BuildBody body, string fingerprint) => new(Marks(id), StringComparer.Ordinal)
    {
        [Build] = fingerprint,
        [Repository] = body.Source.Repo,
        [Revision] = body.Commit,
    };
}
