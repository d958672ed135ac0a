namespace McpRuntime.Core.Catalog.Formats;

/// <summary>YAML and JSON as one tree, with the line that each thing stands on.</summary>
/// <param name="Weight">Nodes in it, with everything an alias stands for: what walking it costs.</param>
internal abstract record CatalogNode(int Line, long Weight)
{
    /// <summary>1 = the first; 0 = not known.</summary>
    public int Column { get; init; }

    /// <param name="Plain">Unquoted: may mean null, a boolean or a number.</param>
    public sealed record Scalar(string Value, bool Plain, int Line) : CatalogNode(Line, 1)
    {
        public bool IsNull => Plain && Value is "" or "~" or "null" or "Null" or "NULL";
    }

    public sealed record List(IReadOnlyList<CatalogNode> Items, int Line, long Weight) : CatalogNode(Line, Weight);

    /// <param name="Broken">Why nothing can be read from it; told when it is asked, so that only the entry it belongs to is lost.</param>
    public sealed record Map(IReadOnlyList<KeyValuePair<string, CatalogNode>> Members, int Line, long Weight, CatalogFault? Broken = null) : CatalogNode(Line, Weight)
    {
        private readonly Dictionary<string, CatalogNode> _byKey = new(Members, StringComparer.Ordinal);

        /// <summary>The value of the first of these keys that is there and not null.</summary>
        public CatalogNode? Find(params ReadOnlySpan<string> keys)
        {
            if (Broken is not null)
            {
                throw Broken;
            }

            foreach (var key in keys)
            {
                if (_byKey.TryGetValue(key, out var node) && node is not Scalar { IsNull: true })
                {
                    return node;
                }
            }

            return null;
        }
    }
}
