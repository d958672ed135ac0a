using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Manifests;

/// <summary>
/// One mapping, read field by field: wrong types and fields nobody asked for become errors with path and line, all of them at once.
/// An explicit null is a field that was not sent.
/// </summary>
internal sealed class ManifestFields(CatalogNode.Map map, string path, ManifestDocument document)
{
    private const int MostItems = 1_000;

    private readonly HashSet<string> _asked = new(StringComparer.Ordinal);

    public ManifestDocument Document => document;

    public string? Text(string name) => Scalar(name, "text") is { } scalar ? TextOf(scalar, PathOf(name)) : null;

    /// <summary>One of these words, or null with an error.</summary>
    public string? Word(string name, params IReadOnlyList<string> words) =>
        Text(name) is not { } text ? null
        : words.Contains(text, StringComparer.Ordinal) ? text
        : Wrong<string>(name, $"{Quoted.Of(text)} is not known: {string.Join(", ", words)}");

    /// <summary>A quantity: <c>"0.5"</c>, <c>512Mi</c>, or a number.</summary>
    public string? Quantity(string name) =>
        Scalar(name, "text or a number") is { } scalar ? ManifestScalars.Number(scalar) ?? TextOf(scalar, PathOf(name)) : null;

    public int? Whole(string name) => Scalar(name, "a whole number") is { } scalar
        ? ManifestScalars.Whole(scalar) ?? Wrong<int?>(name, $"must be a whole number from {int.MinValue} to {int.MaxValue}, in decimal and without quotes")
        : null;

    public bool? Flag(string name) => Scalar(name, "true or false") is { } scalar
        ? ManifestScalars.Flag(scalar) ?? Wrong<bool?>(name, "must be true or false, without quotes")
        : null;

    public IReadOnlyList<string>? Texts(string name) => Items(name, (item, at) => item is CatalogNode.Scalar scalar ? TextOf(scalar, at) : WrongKind<string>(at, item, "text"));

    public IReadOnlyList<int>? Wholes(string name) => Items(name, (item, at) =>
        item is CatalogNode.Scalar scalar && ManifestScalars.Whole(scalar) is { } whole ? whole : document.Wrong<int?>(at, item.Line, "must be a whole number, in decimal and without quotes"))
        is { } wholes ? [.. wholes.OfType<int>()] : null;

    /// <summary>Names the sender chose, to text.</summary>
    public IReadOnlyDictionary<string, string>? Map(string name)
    {
        if (Inner(name) is not { } inner)
        {
            return null;
        }

        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in inner.Members)
        {
            var at = $"{PathOf(name)}.{Shown(key)}";
            if ((value is CatalogNode.Scalar scalar ? TextOf(scalar, at) : WrongKind<string>(at, value, "text")) is { } text)
            {
                texts[key] = text;
            }
        }

        return texts;
    }

    public T? Object<T>(string name, Func<ManifestFields, T?> read)
        where T : class =>
        Inner(name) is { } inner ? Read(inner, PathOf(name), read) : null;

    public IReadOnlyList<T>? Objects<T>(string name, Func<ManifestFields, T?> read)
        where T : class =>
        Items(name, (item, at) => item is CatalogNode.Map inner ? (Whole(inner, at) ? Read(inner, at, read) : null) : WrongKind<T>(at, item, "a mapping"));

    /// <summary>Fields that are somebody else's, whatever they hold.</summary>
    public void Leave(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            _asked.Add(name);
        }
    }

    /// <summary>All that was not asked for is somebody else's.</summary>
    public void LeaveOthers() => _asked.UnionWith(map.Members.Select(member => member.Key));

    /// <summary>Whether it is there and not null; whatever it holds.</summary>
    public bool Has(string name) => map.Find(name) is not null;

    /// <summary>Says of every field that was not asked for that it is unknown, and which ones there are.</summary>
    public void NoOthers()
    {
        foreach (var (key, value) in map.Members.Where(member => !_asked.Contains(member.Key)))
        {
            document.Wrong<object>(PathOf(Shown(key)), value.Line, $"is not known here; known are {string.Join(", ", _asked)}");
        }
    }

    public T? Wrong<T>(string name, string message) => document.Wrong<T>(PathOf(name), LineOf(name), message);

    public string PathOf(string name) => path.Length == 0 ? name : $"{path}.{name}";

    public int LineOf(string name) => map.Find(name)?.Line ?? map.Line;

    private T? Read<T>(CatalogNode.Map inner, string at, Func<ManifestFields, T?> read)
    {
        var fields = new ManifestFields(inner, at, document);
        var result = read(fields);
        fields.NoOthers();
        return result;
    }

    private CatalogNode? Take(string name)
    {
        _asked.Add(name);
        if (map.Find(name) is not { } node)
        {
            return null;
        }

        document.Saw(PathOf(name), node.Line);
        return node;
    }

    private CatalogNode.Scalar? Scalar(string name, string expected) => Take(name) switch
    {
        null => null,
        CatalogNode.Scalar scalar => scalar,
        var other => WrongKind<CatalogNode.Scalar>(PathOf(name), other, expected),
    };

    private CatalogNode.Map? Inner(string name) => Take(name) switch
    {
        null => null,
        CatalogNode.Map inner => Whole(inner, PathOf(name)) ? inner : null,
        var other => WrongKind<CatalogNode.Map>(PathOf(name), other, "a mapping"),
    };

    private bool Whole(CatalogNode.Map inner, string at)
    {
        if (inner.Broken is { } broken)
        {
            document.Wrong<object>(at, broken.Line, broken.Message);
        }

        return inner.Broken is null;
    }

    private List<T>? Items<T>(string name, Func<CatalogNode, string, T?> read)
    {
        switch (Take(name))
        {
            case null:
                return null;
            case CatalogNode.List { Items.Count: > MostItems } list:
                return Wrong<List<T>>(name, $"has {list.Items.Count} items; at most {MostItems} are read");
            case CatalogNode.List list:
                return [.. list.Items.Select((item, index) => read(item, $"{PathOf(name)}[{index}]")).OfType<T>()];
            case var other:
                return WrongKind<List<T>>(PathOf(name), other, "a list");
        }
    }

    private string? TextOf(CatalogNode.Scalar scalar, string at) => scalar switch
    {
        _ when !ManifestScalars.IsText(scalar) => document.Wrong<string>(at, scalar.Line, "must be text: put it in quotes"),
        _ when scalar.Value.Contains('\0', StringComparison.Ordinal) => document.Wrong<string>(at, scalar.Line, "must not contain a NUL character"),
        _ => scalar.Value,
    };

    private T? WrongKind<T>(string at, CatalogNode node, string expected) => document.Wrong<T>(at, node.Line, $"must be {expected}, not {Kind(node)}");

    private static string Kind(CatalogNode node) => node switch
    {
        CatalogNode.Map => "a mapping",
        CatalogNode.List => "a list",
        _ => "a single value",
    };

    // A name of the sender's own making stands in a path as it is when it is one word, else quoted.
    private static string Shown(string key) => key.Length is > 0 and <= 64 && key.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') ? key : Quoted.Of(key);
}
