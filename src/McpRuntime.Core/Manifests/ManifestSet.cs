using System.Globalization;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Manifests;

/// <summary>One text that may hold manifests.</summary>
/// <param name="Name">How errors call it: a path in the repository, a name in the cluster.</param>
public sealed record ManifestFile(string Name, string Text);

/// <summary>What the manifests of some files say. With errors in it, nothing of it is meant to be applied.</summary>
/// <param name="Ignored">Documents of other kinds: somebody else's.</param>
/// <param name="Errors">Every one, up to a limit, in the files' order.</param>
public sealed record ManifestSet(
    IReadOnlyList<RuntimeManifest> Runtimes,
    IReadOnlyList<ProfileManifest> Profiles,
    int Ignored,
    IReadOnlyList<ManifestError> Errors);

/// <summary>Where a manifest stands.</summary>
/// <param name="Document">From 1, counted among the documents of the file that hold anything; an item of a List is a document.</param>
/// <param name="Line">From 1: where the document begins.</param>
public sealed record ManifestOrigin(string File, int Document, int Line);

/// <param name="Line">From 1: the field's own where it is there, else what should hold it.</param>
/// <param name="Path">In the manifest's notation: <c>spec.source.image</c>; empty where it is about the whole document.</param>
/// <param name="Message">What is wrong and what to do; holds no value of an environment variable.</param>
public sealed record ManifestError(string File, int Document, int Line, string Path, string Message)
{
    /// <summary>Where it belongs to no one document.</summary>
    public const int NoDocument = 0;

    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{File}:{Line}:{(Document == NoDocument ? "" : $" document {Document}:")} {(Path.Length == 0 ? "" : $"{Path} ")}{Message}");
}

/// <summary>A McpRuntime document: the request that it stands for, and what only a declaration has.</summary>
public sealed record RuntimeManifest
{
    public required ManifestOrigin Origin { get; init; }

    /// <summary><c>metadata.name</c>.</summary>
    public required string Name { get; init; }

    /// <summary><c>metadata.namespace</c>; null when it has none.</summary>
    public string? Namespace { get; init; }

    /// <summary>The same as the body of POST /runtimes/deploy; its name is the record's, <c>name.namespace</c>.</summary>
    public required DeployRequest Request { get; init; }

    /// <summary><c>spec.state</c>: Running where it is not said.</summary>
    public DesiredState State { get; init; }

    /// <summary><c>spec.suspend</c>: the source leaves the record as it is, whatever else stands in the manifest.</summary>
    public bool Suspend { get; init; }

    /// <summary>Field path → line, of every field that is there.</summary>
    internal IReadOnlyDictionary<string, int> Lines { get; init; } = new Dictionary<string, int>(StringComparer.Ordinal);

    /// <summary>What the door says of the request, told of the manifest: its file, its line and its own name for the field.</summary>
    public ManifestError ErrorAt(ValidationError error)
    {
        var path = ManifestPaths.OfRequest(error.Path);
        return new(Origin.File, Origin.Document, LineOf(path), path, error.Message);
    }

    private int LineOf(string path)
    {
        for (var at = path; at.Length > 0; at = at[..Math.Max(0, at.LastIndexOfAny(['.', '[']))])
        {
            if (Lines.TryGetValue(at, out var line))
            {
                return line;
            }
        }

        return Origin.Line;
    }
}

/// <summary>A GuardrailProfile document. What its config leaves out is as in <c>standard</c>.</summary>
public sealed record ProfileManifest
{
    public required ManifestOrigin Origin { get; init; }

    public required string Name { get; init; }

    public required string Description { get; init; }

    public required IReadOnlyList<string> RecommendedBackends { get; init; }

    /// <summary>As sent; <see cref="Config"/> is what it means.</summary>
    public required GuardrailsOverrides? Sent { get; init; }

    public required GuardrailsConfig Config { get; init; }

    public ManifestError ErrorAt(ValidationError error) => new(Origin.File, Origin.Document, Origin.Line, ManifestPaths.OfProfile(error.Path), error.Message);
}
