using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>The shapes that values have in a compose file. What has another shape is told, and null.</summary>
internal static class ComposeNodes
{
    private const int MostItems = 256;

    public static CatalogNode.Map? Map(this ComposeContext context, CatalogNode node, string key)
    {
        switch (node)
        {
            case CatalogNode.Map { Broken: { } broken }:
                context.Wrong(broken.Line, 0, broken.Message);
                return null;
            case CatalogNode.Map { Members.Count: > MostItems } map:
                context.Wrong(map, $"{key} has {map.Members.Count} entries; at most {MostItems} are allowed");
                return null;
            case CatalogNode.Map map:
                return map;
            case var _:
                context.Wrong(node, $"{key} must be a mapping");
                return null;
        }
    }

    public static IReadOnlyList<CatalogNode> Items(this ComposeContext context, CatalogNode node, string key)
    {
        if (node is CatalogNode.List { Items.Count: <= MostItems } list)
        {
            return list.Items;
        }

        context.Wrong(node, node is CatalogNode.List ? $"{key} has more than {MostItems} entries" : $"{key} must be a list");
        return [];
    }

    public static IReadOnlyList<ComposeText> Texts(this ComposeContext context, CatalogNode node, string key) =>
        [.. context.Items(node, key).Select(item => context.Text(item, key)).OfType<ComposeText>()];

    /// <summary>A text, or a list of them.</summary>
    public static IReadOnlyList<ComposeText> OneOrMore(this ComposeContext context, CatalogNode node, string key) =>
        node is CatalogNode.Scalar ? context.Text(node, key) is { } one ? [one] : [] : context.Texts(node, key);

    public static bool? Flag(this ComposeContext context, CatalogNode node, string key)
    {
        if (context.Text(node, key) is not { } text)
        {
            return null;
        }

        if (ComposeTexts.TryFlag(text.Value, out var flag))
        {
            return flag;
        }

        context.Wrong(node, $"{key} must be true or false");
        return null;
    }

    public static int? Whole(this ComposeContext context, CatalogNode node, string key, int least, int most)
    {
        if (context.Text(node, key) is not { } text)
        {
            return null;
        }

        if (ComposeTexts.TryWhole(text.Value, least, most, out var number))
        {
            return number;
        }

        context.Wrong(node, $"{key}: {text.Shown} is not a whole number between {least} and {most}");
        return null;
    }

    public static TimeSpan? Duration(this ComposeContext context, CatalogNode node, string key)
    {
        if (context.Text(node, key) is not { } text)
        {
            return null;
        }

        if (ComposeTexts.TryDuration(text.Value, out var duration))
        {
            return duration;
        }

        context.Wrong(node, $"{key}: {text.Shown} is not a duration of at most a day: write it as \"30s\" or \"1m30s\"");
        return null;
    }

    /// <summary>A mapping, or a list of <c>NAME=value</c>. Null values are told apart from empty ones.</summary>
    /// <param name="inEnvironment">Where a reference to a secret may stand.</param>
    public static IReadOnlyList<(string Name, string? Value, CatalogNode Node)> Pairs(this ComposeContext context, CatalogNode node, string key, bool inEnvironment = false)
    {
        List<(string, string?, CatalogNode)> pairs = [];
        if (node is CatalogNode.Map)
        {
            foreach (var (name, value) in context.Map(node, key)?.Members ?? [])
            {
                if (value is CatalogNode.Scalar { IsNull: true })
                {
                    pairs.Add((name, null, value));
                }
                else if (context.Text(value, $"{key}.{Quoted.Of(name)}", inEnvironment) is { } text)
                {
                    pairs.Add((name, text.Value, value));
                }
            }

            return pairs;
        }

        foreach (var item in context.Items(node, key))
        {
            // Split before anything is filled in: a value with "=" in it must not make another name.
            if (item is CatalogNode.Scalar { Value: var raw } scalar && raw.IndexOf('=', StringComparison.Ordinal) is var at and >= 0)
            {
                if (context.Text(scalar with { Value = raw[(at + 1)..] }, $"{key}.{Quoted.Of(raw[..at])}", inEnvironment) is { } text)
                {
                    pairs.Add((raw[..at], text.Value, item));
                }
            }
            else if (context.Text(item, key) is { } name)
            {
                pairs.Add((name.Value, null, item));
            }
        }

        return pairs;
    }

    public static ContainerPath? Path(this ComposeContext context, CatalogNode node, string key, string text, string raw)
    {
        if (!ContainerPath.TryParse(text, out var path, out _))
        {
            context.Wrong(node, $"{key}: {Quoted.Of(raw)} is not an absolute path inside the container");
            return null;
        }

        if (path.IsRoot || path.IsSystem)
        {
            context.Wrong(node, $"{key}: {Quoted.Of(raw)} is the root, or one of the kernel's own trees");
            return null;
        }

        return path;
    }

    public static bool IsName(string text) =>
        text.Length is > 0 and <= 63 && char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-');
}
