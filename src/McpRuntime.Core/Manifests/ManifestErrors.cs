namespace McpRuntime.Core.Manifests;

/// <summary>What is wrong so far. Bounded: nobody reads more, and a hostile file holds as many as it likes.</summary>
internal sealed class ManifestErrors
{
    public const int Most = 100;

    private readonly List<ManifestError> _errors = [];

    private int _more;

    private (string File, int Line) _firstMore;

    public IReadOnlyList<ManifestError> All => _more == 0
        ? _errors
        : [.. _errors, new ManifestError(_firstMore.File, ManifestError.NoDocument, _firstMore.Line, "", $"{_more} more errors from here on")];

    /// <summary>How many were added in all.</summary>
    public int Count => _errors.Count + _more;

    public void Add(ManifestError error)
    {
        if (_errors.Count < Most)
        {
            _errors.Add(error);
        }
        else if (_more++ == 0)
        {
            _firstMore = (error.File, error.Line);
        }
    }
}
