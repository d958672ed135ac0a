using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Registries;

/// <summary>Another place where the images below a prefix are to be had, under the same paths: <c>docker.io=mirror.example/hub</c>.</summary>
/// <param name="Of">A registry, and a path prefix if wanted.</param>
/// <param name="At">A registry, and a path prefix if wanted.</param>
public sealed record RegistryMirror(string Of, string At)
{
    /// <returns>Null: it is not of the form.</returns>
    public static RegistryMirror? Parse(string text)
    {
        var parts = text.Split('=', StringSplitOptions.TrimEntries);
        return parts.Length == 2 && parts.All(p => ImageReference.TryParse(p.TrimEnd('/') + "/x/y", out var image, out _) && image.Name == p.TrimEnd('/') + "/x/y")
            ? new RegistryMirror(parts[0].TrimEnd('/'), parts[1].TrimEnd('/'))
            : null;
    }

    /// <summary>The same image there. Null: it is not of what is mirrored.</summary>
    public ImageReference? There(ImageReference image) =>
        image.IsWithin(Of) && ImageReference.TryParse($"{At}{image.ToString()[Of.Length..]}", out var mirrored, out _) ? mirrored : null;
}
