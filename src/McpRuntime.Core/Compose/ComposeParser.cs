using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <param name="File">Null exactly when there are errors.</param>
/// <param name="Used">The variables that the file refers to.</param>
public sealed record ComposeReading(ComposeFile? File, IReadOnlyList<ComposeError> Errors, IReadOnlySet<string> Used);

/// <summary>
/// Text → the services it means, or what is wrong with it, each with its line. Never throws for what is in the text; bounded in size,
/// depth and in what aliases add up to. Every key is honoured, noted or refused: none is passed over.
/// </summary>
public static class ComposeParser
{
    /// <summary>Characters.</summary>
    public const int Longest = SourceParser.LongestComposeFile;

    /// <summary>A network has 13 addresses; the guard takes one.</summary>
    public const int MostServices = 12;

    private static readonly Dictionary<string, string> Refused = new(StringComparer.Ordinal)
    {
        ["include"] = "include is not supported: one file holds the whole project",
        ["secrets"] = "secrets come from files of the host, which are not there: send the value in environment and name it as ${NAME}",
        ["configs"] = "configs come from files of the host, which are not there: put the file into the image, or its value into environment",
    };

    /// <param name="variables">What it may refer to: nothing else, the service's own environment least of all.</param>
    /// <param name="file">The file's name, for errors.</param>
    /// <param name="mayBuild">It comes from a repository, whose checkout a <c>build</c> may use.</param>
    public static ComposeReading Parse(string text, IReadOnlyDictionary<string, ComposeVariable> variables, string file = ComposeNames.InlineFile, bool mayBuild = false)
    {
        var context = new ComposeContext(file, variables, mayBuild);
        if (text.Length > Longest)
        {
            context.Wrong(1, 0, $"has {text.Length} characters; at most {Longest} are read");
            return new ComposeReading(null, context.Errors, context.Used);
        }

        var read = Root(text, context) is { } root ? Project(root, context) : null;
        return new ComposeReading(context.Errors.Count == 0 ? read : null, context.Errors, context.Used);
    }

    private static CatalogNode.Map? Root(string text, ComposeContext context)
    {
        try
        {
            switch (CatalogReader.Read(text))
            {
                case [CatalogNode.Map { Broken: { } broken }]:
                    context.Wrong(broken.Line, 0, broken.Message);
                    return null;
                case [CatalogNode.Map map]:
                    return map;
                case [var other]:
                    context.Wrong(other, "is not a compose file: a mapping with services was expected");
                    return null;
                case []:
                    context.Wrong(1, 0, "is empty: a mapping with services was expected");
                    return null;
                case var documents:
                    context.Wrong(documents[1], "a second document begins: one file holds one project");
                    return null;
            }
        }
        catch (CatalogFault fault)
        {
            context.Wrong(fault.Line, 0, fault.Message);
            return null;
        }
    }

    private static ComposeFile? Project(CatalogNode.Map root, ComposeContext context)
    {
        CatalogNode.Map? services = null;
        var volumes = new ComposeVolumes(context);
        var networks = new ComposeNetworks(context);
        foreach (var (key, node) in root.Members)
        {
            switch (key)
            {
                case "services":
                    services = context.Map(node, "services");
                    break;
                case "volumes":
                    volumes.Declare(node);
                    break;
                case "networks":
                    networks.Declare(node);
                    break;
                case "name" or "version":
                    _ = context.Text(node, key);
                    break;
                case var _ when key.StartsWith("x-", StringComparison.Ordinal):
                    break;
                default:
                    context.Wrong(node, Refused.TryGetValue(key, out var why) ? why : $"{Quoted.Of(key)} is not a key of a compose file");
                    break;
            }
        }

        if (services is null || services.Members.Count is 0 or > MostServices)
        {
            context.Wrong(services ?? root, services is null or { Members.Count: 0 } ? "has no services" : $"has {services.Members.Count} services; at most {MostServices} are allowed");
            return null;
        }

        var read = services.Members.Select(member => ServiceReader.Read(member.Key, member.Value, context, volumes, networks)).OfType<ComposeService>().ToList();
        context.Service = null;
        if (context.Errors.Count == 0)
        {
            DependencyCheck.Of(read, context);
        }

        return new ComposeFile(read, networks.UsedBy(read), context.Notes);
    }
}
