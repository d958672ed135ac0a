using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>The same tree from JSON.</summary>
internal static class CatalogJson
{
    /// <summary>False: it is not JSON; it may still be YAML that begins with a bracket.</summary>
    public static bool TryRead(string text, [NotNullWhen(true)] out CatalogNode? node)
    {
        node = null;
        var bytes = Encoding.UTF8.GetBytes(text);
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { MaxDepth = CatalogReader.Deepest + 1 });
        var lines = new Lines(bytes);
        try
        {
            reader.Read();
            var read = Node(ref reader, lines);
            if (reader.Read())
            {
                return false;
            }

            node = read;
            return true;
        }
        catch (JsonException)
        {
            // Told by the YAML reader, with its line.
            return false;
        }
        catch (InvalidOperationException)
        {
            // A string with half a surrogate pair has no text.
            return false;
        }
    }

    private static CatalogNode Node(ref Utf8JsonReader reader, Lines lines)
    {
        var line = lines.At(reader.TokenStartIndex);
        lines.Count(line);
        return reader.TokenType switch
        {
            JsonTokenType.StartObject => Map(ref reader, lines, line),
            JsonTokenType.StartArray => List(ref reader, lines, line),
            JsonTokenType.String => new CatalogNode.Scalar(reader.GetString() ?? "", Plain: false, line),
            _ => new CatalogNode.Scalar(Encoding.UTF8.GetString(reader.ValueSpan), Plain: true, line),
        };
    }

    private static CatalogNode.Map Map(ref Utf8JsonReader reader, Lines lines, int line)
    {
        var members = new CatalogMembers(line);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            var key = new CatalogNode.Scalar(reader.GetString() ?? "", Plain: false, lines.At(reader.TokenStartIndex));
            reader.Read();
            members.Add(key, Node(ref reader, lines));
        }

        return members.ToMap();
    }

    private static CatalogNode.List List(ref Utf8JsonReader reader, Lines lines, int line)
    {
        List<CatalogNode> items = [];
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(Node(ref reader, lines));
        }

        return new CatalogNode.List(items, line, 1 + items.Sum(item => item.Weight));
    }

    /// <summary>Where we are, and how much was read. Offsets only grow, so the newlines are counted once.</summary>
    private sealed class Lines(byte[] bytes)
    {
        private int _nodes;

        private int _line = 1;

        private long _counted;

        public void Count(int line)
        {
            if (++_nodes > CatalogReader.MostNodes)
            {
                throw new CatalogFault(line, $"has more than {CatalogReader.MostNodes} nodes");
            }
        }

        public int At(long offset)
        {
            for (; _counted < offset; _counted++)
            {
                if (bytes[_counted] == (byte)'\n')
                {
                    _line++;
                }
            }

            return _line;
        }
    }
}
