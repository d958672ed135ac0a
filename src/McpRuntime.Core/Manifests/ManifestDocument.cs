namespace McpRuntime.Core.Manifests;

/// <summary>One document while it is read: where it stands, what is wrong with it, which fields it has.</summary>
internal sealed class ManifestDocument(ManifestOrigin origin, ManifestErrors errors)
{
    private readonly Dictionary<string, int> _lines = new(StringComparer.Ordinal);

    private readonly int _before = errors.Count;

    public ManifestOrigin Origin { get; } = origin;

    public IReadOnlyDictionary<string, int> Lines => _lines;

    public bool IsGood => errors.Count == _before;

    public void Saw(string path, int line) => _lines[path] = line;

    public T? Wrong<T>(string path, int line, string message)
    {
        errors.Add(new ManifestError(Origin.File, Origin.Document, line, path, message));
        return default;
    }
}
