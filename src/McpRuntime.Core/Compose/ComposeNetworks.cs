using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>The networks of a file: each a bridge of this runtime's own, on which its services find one another by name.</summary>
internal sealed class ComposeNetworks(ComposeContext context)
{
    private readonly SortedDictionary<string, ComposeNetwork> _declared = new(StringComparer.Ordinal)
    {
        [ComposeNames.DefaultNetwork] = new(ComposeNames.DefaultNetwork, Internal: false),
    };

    public void Declare(CatalogNode node)
    {
        foreach (var (name, value) in node is CatalogNode.Scalar { IsNull: true } ? [] : context.Map(node, "networks")?.Members ?? [])
        {
            if (!ComposeNodes.IsName(name))
            {
                context.Wrong(value, $"networks: {Quoted.Of(name)} is not a name: letters, digits, \"_\", \".\" and \"-\", at most 63");
                continue;
            }

            var isInternal = false;
            foreach (var (key, option) in value is CatalogNode.Scalar { IsNull: true } ? [] : context.Map(value, $"networks.{name}")?.Members ?? [])
            {
                isInternal |= key == "internal" && context.Flag(option, "internal") is true;
                Judge(name, key, option);
            }

            _declared[name] = new ComposeNetwork(name, isInternal);
        }
    }

    /// <summary>A service's own <c>networks</c>: a list of names, or a mapping without options.</summary>
    public IReadOnlyList<string> Read(CatalogNode node)
    {
        List<(string Name, CatalogNode Node)> named = [];
        if (node is CatalogNode.Map)
        {
            foreach (var (name, value) in context.Map(node, "networks")?.Members ?? [])
            {
                if (value is not (CatalogNode.Scalar { IsNull: true } or CatalogNode.Map { Members.Count: 0 }))
                {
                    context.Wrong(value, $"networks.{name}: options of a connection (aliases, addresses, priorities) are not supported: services are found by their names");
                }

                named.Add((name, value));
            }
        }
        else
        {
            named.AddRange(context.Items(node, "networks").Select(item => context.Literal(item, "networks")).OfType<ComposeText>().Select(t => (t.Value, (CatalogNode)t.Node)));
        }

        foreach (var (name, at) in named.Where(n => !_declared.ContainsKey(n.Name)))
        {
            context.Wrong(at, $"networks: {Quoted.Of(name)} is not among the networks at the top of the file: add it there");
        }

        if (named.Count == 0)
        {
            context.Wrong(node, "networks names none: leave it out for the default one");
        }

        return [.. named.Select(n => n.Name).Distinct(StringComparer.Ordinal)];
    }

    public IReadOnlyList<ComposeNetwork> UsedBy(IReadOnlyList<ComposeService> services) =>
        [.. _declared.Values.Where(n => services.Any(s => s.Networks.Contains(n.Name, StringComparer.Ordinal)))];

    private void Judge(string network, string key, CatalogNode option)
    {
        switch (key)
        {
            case "internal" or "labels":
                return;
            case "name":
                context.Note(option, $"networks.{network}: its name on the engine is ours, not the one given");
                return;
            case "driver" when context.Text(option, "driver") is { Value: "bridge" or "default" }:
            case "external" or "attachable" or "enable_ipv6" when context.Flag(option, key) is false:
            case var _ when key.StartsWith("x-", StringComparison.Ordinal):
                return;
            default:
                context.Wrong(option, $"networks.{network}: {Quoted.Of(key)} is not supported here: a network is this runtime's own bridge; internal and labels may be said of it");
                return;
        }
    }
}
