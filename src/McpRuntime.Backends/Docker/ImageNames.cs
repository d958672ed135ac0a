using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>Image references as the engine shows them (<c>nginx@sha256:…</c>) and as we keep them (<c>docker.io/library/nginx@sha256:…</c>).</summary>
internal static class ImageNames
{
    /// <summary>What is no reference (an image id) stays as it is.</summary>
    public static string Normalise(string reference) => ImageReference.TryParse(reference, out var parsed, out _) ? parsed.ToString() : reference;

    public static bool IsImageId(string pin) => pin.StartsWith("sha256:", StringComparison.Ordinal);

    /// <summary>Whether the image is the pinned one, by what the engine says of it.</summary>
    public static bool Matches(string pin, string imageId, IReadOnlyList<string>? digests) =>
        pin == imageId || (digests ?? []).Any(d => Normalise(d) == pin);
}
