using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>Text → trees, one a document. Bounded in depth, in nodes, and in what aliases may add up to.</summary>
internal sealed class CatalogReader
{
    public const int Deepest = 32;

    /// <summary>A registry's page of 100 servers has some ten thousand.</summary>
    public const int MostNodes = 500_000;

    private readonly Dictionary<string, CatalogNode> _anchors = new(StringComparer.Ordinal);

    private readonly Parser _parser;

    private long _nodes;

    private readonly string _text;

    private CatalogReader(string text)
    {
        _text = text;
        _parser = new Parser(new StringReader(text));
    }

    public static IReadOnlyList<CatalogNode> Read(string text)
    {
        var start = text.AsSpan().TrimStart();

        // JSON by its own reader: YAML's is slower, and stumbles over tabs and long lines that JSON allows.
        if (!start.IsEmpty && start[0] is '{' or '[' && CatalogJson.TryRead(text, out var node))
        {
            return [node];
        }

        return new CatalogReader(text).Documents();
    }

    private List<CatalogNode> Documents()
    {
        List<CatalogNode> documents = [];
        try
        {
            _parser.Consume<StreamStart>();
            while (!_parser.Accept<StreamEnd>(out _))
            {
                _parser.Consume<DocumentStart>();
                _anchors.Clear();
                var node = Node(0);
                if (node is not CatalogNode.Scalar { IsNull: true })
                {
                    documents.Add(node);
                }

                _parser.Consume<DocumentEnd>();
            }
        }
        catch (YamlException exception)
        {
            throw new CatalogFault(LineOf(exception), $"is not YAML: {Reason(exception)}");
        }
        catch (InvalidOperationException)
        {
            // What the library throws, instead of its own exception, where a flow collection is never closed.
            throw new CatalogFault((int)Math.Min(_parser.Current?.End.Line ?? 1, int.MaxValue), "is not YAML: a bracket that is opened here or above is not closed");
        }

        return documents;
    }

    // It begins where the library began to read a thing, be it the whole document; it ends at what it could not read. Of a quote that is
    // never closed the beginning says more, and of a tab it says neither.
    private int LineOf(YamlException exception) => exception.Message switch
    {
        var words when words.Contains("invalid tab", StringComparison.Ordinal) => FirstTab((int)exception.Start.Line),
        var words when words.Contains("end of stream", StringComparison.Ordinal) => (int)exception.Start.Line,
        _ => (int)exception.End.Line,
    };

    private int FirstTab(int from)
    {
        var line = 0;
        foreach (var text in _text.AsSpan().EnumerateLines())
        {
            if (++line >= from && text[..(text.Length - text.TrimStart().Length)].Contains('\t'))
            {
                return line;
            }
        }

        return from;
    }

    // The library's message begins with the place, which is said already.
    private static string Reason(YamlException exception) => exception.InnerException?.Message ?? exception.Message;

    private CatalogNode Node(int depth)
    {
        var current = _parser.Current ?? throw new CatalogFault(1, "ends too soon");
        var line = (int)Math.Min(current.Start.Line, int.MaxValue);
        var column = (int)Math.Min(current.Start.Column, int.MaxValue);
        if (depth > Deepest)
        {
            throw new CatalogFault(line, $"is nested more than {Deepest} deep");
        }

        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            var target = _anchors.TryGetValue(alias.Value.Value, out var known) ? known : throw new CatalogFault(line, "refers to an anchor that does not stand above it");
            Count(target.Weight, line);
            return target;
        }

        Count(1, line);
        if (_parser.TryConsume<Scalar>(out var scalar))
        {
            return Anchored(scalar.Anchor, new CatalogNode.Scalar(scalar.Value, scalar.Style == ScalarStyle.Plain, line) { Column = column });
        }

        if (_parser.TryConsume<SequenceStart>(out var sequence))
        {
            return Anchored(sequence.Anchor, Sequence(line, depth) with { Column = column });
        }

        var mapping = _parser.Consume<MappingStart>();
        return Anchored(mapping.Anchor, Mapping(line, depth) with { Column = column });
    }

    private CatalogNode.List Sequence(int line, int depth)
    {
        List<CatalogNode> items = [];
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(Node(depth + 1));
        }

        return new CatalogNode.List(items, line, 1 + items.Sum(item => item.Weight));
    }

    private CatalogNode.Map Mapping(int line, int depth)
    {
        var members = new CatalogMembers(line);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = Node(depth + 1) as CatalogNode.Scalar ?? throw new CatalogFault(line, "has a key that is not text");
            members.Add(key, Node(depth + 1));
        }

        return members.ToMap();
    }

    private T Anchored<T>(AnchorName anchor, T node)
        where T : CatalogNode
    {
        if (!anchor.IsEmpty)
        {
            _anchors[anchor.Value] = node;
        }

        return node;
    }

    private void Count(long weight, int line)
    {
        _nodes += weight;
        if (_nodes > MostNodes)
        {
            throw new CatalogFault(line, $"has more than {MostNodes} nodes, what its aliases stand for included");
        }
    }
}
