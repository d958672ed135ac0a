using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>The members of one mapping while it is read: a key stands once; <c>&lt;&lt;</c> fills in what is not there.</summary>
internal sealed class CatalogMembers(int line)
{
    private readonly List<KeyValuePair<string, CatalogNode>> _members = [];

    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    private readonly List<CatalogNode.Map> _merged = [];

    private CatalogFault? _broken;

    public void Add(CatalogNode.Scalar key, CatalogNode value)
    {
        if (key is { Plain: true, Value: "<<" })
        {
            Merge(key, value);
        }
        else if (_keys.Add(key.Value))
        {
            _members.Add(new(key.Value, value));
        }
        else
        {
            _broken ??= new CatalogFault(key.Line, $"the key {Quoted.Of(key.Value)} stands twice");
        }
    }

    public CatalogNode.Map ToMap()
    {
        foreach (var member in _merged.SelectMany(map => map.Members).Where(member => _keys.Add(member.Key)))
        {
            _members.Add(member);
        }

        return new CatalogNode.Map(_members, line, 1 + _members.Sum(member => 1 + member.Value.Weight), _broken);
    }

    private void Merge(CatalogNode.Scalar key, CatalogNode value)
    {
        switch (value)
        {
            case CatalogNode.Map map:
                _merged.Add(map);
                break;
            case CatalogNode.List list when list.Items.All(item => item is CatalogNode.Map):
                _merged.AddRange(list.Items.Cast<CatalogNode.Map>());
                break;
            default:
                _broken ??= new CatalogFault(key.Line, "\"<<\" takes a mapping or a list of them");
                break;
        }
    }
}
