using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>One reading of one file: where errors and notes go, and what its variables mean.</summary>
internal sealed class ComposeContext(string file, IReadOnlyDictionary<string, ComposeVariable> variables, bool mayBuild)
{
    private const int MostErrors = 100;

    private readonly List<ComposeError> _errors = [];

    private readonly SortedSet<string> _used = new(StringComparer.Ordinal);

    public bool MayBuild { get; } = mayBuild;

    public List<string> Notes { get; } = [];

    public IReadOnlyList<ComposeError> Errors => _errors;

    public IReadOnlySet<string> Used => _used;

    /// <summary>The service being read, for errors; null at the top.</summary>
    public string? Service { get; set; }

    public void Wrong(CatalogNode node, string message) => Wrong(node.Line, node.Column, message);

    public void Wrong(int line, int column, string message)
    {
        if (_errors.Count < MostErrors)
        {
            _errors.Add(new ComposeError(line, column, Place(line, message)));
        }
    }

    public void Note(CatalogNode node, string message) => Notes.Add(Place(node.Line, message));

    /// <summary>A scalar's text with its variables filled in; null (told) when it is no text, or a variable is missing.</summary>
    /// <param name="inEnvironment">Where a reference to a secret may stand.</param>
    public ComposeText? Text(CatalogNode node, string key, bool inEnvironment = false)
    {
        if (node is not CatalogNode.Scalar scalar)
        {
            Wrong(node, $"{key} must be a text, not a {(node is CatalogNode.Map ? "mapping" : "list")}");
            return null;
        }

        if (!scalar.Value.Contains('$', StringComparison.Ordinal))
        {
            return new ComposeText(scalar.Value, scalar.Value, scalar);
        }

        if (ComposeInterpolation.TryExpand(scalar.Value, variables, _used, inEnvironment, out var value, out var error))
        {
            return new ComposeText(value, scalar.Value, scalar);
        }

        Wrong(node, $"{key}: {error}");
        return null;
    }

    /// <summary>A name of another part of the file: it is what it is, in errors too.</summary>
    public ComposeText? Literal(CatalogNode node, string key)
    {
        if (node is CatalogNode.Scalar scalar && !scalar.Value.Contains('$', StringComparison.Ordinal))
        {
            return new ComposeText(scalar.Value, scalar.Value, scalar);
        }

        Wrong(node, $"{key} names a part of this file: a text without variables");
        return null;
    }

    public ComposeVariable? Variable(string name)
    {
        _ = _used.Add(name);
        return variables.GetValueOrDefault(name);
    }

    private string Place(int line, string message) => ComposePlace.Of(file, line, Service, message);
}

/// <summary>A text as it means, and as it stands in the file: only the latter is shown, since variables may hold secrets.</summary>
internal sealed record ComposeText(string Value, string Raw, CatalogNode.Scalar Node)
{
    public string Shown => Quoted.Of(Raw);
}

public static class ComposePlace
{
    /// <summary><c>compose.yaml:14: service "web": …</c></summary>
    public static string Of(string file, int line, string? service, string message) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{file}:{line}: {(service is null ? "" : $"service {Quoted.Of(service)}: ")}{message}");
}
