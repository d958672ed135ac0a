using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>An entry of our own format, which is ContextForge's <c>mcp-catalog.yml</c> with what is needed to run it, at the top or under <c>runtime:</c>.</summary>
internal static class ListedServer
{
    public static CatalogEntry Read(CatalogNode node, string origin)
    {
        var map = CatalogFields.AsMap(node);
        var id = map.Id("id");

        // The nested word wins: at the top, ContextForge's own "transport" speaks of the remote URL.
        var runtime = map.Map("runtime");
        CatalogNode.Map For(string key) => runtime?.Find(key) is not null ? runtime : map;

        var source = Source(For("source"), For("source_type"));
        return new CatalogEntry
        {
            Id = id,
            Name = map.Text("name") ?? id,
            Description = map.Prose("description"),
            Category = map.Prose("category"),
            Tags = map.Tags(),
            Icon = map.Link("icon", "logo_url"),
            DocumentationUrl = map.Link("documentation_url", "repo"),
            Deprecated = map.Flag(false, "deprecated"),
            Featured = map.Flag(false, "featured"),
            Source = source,
            NotDeployableBecause = source is null ? Why(map) : null,
            SupportedBackends = For("supported_backends").Backends(),
            GuardrailsProfile = For("guardrails_profile").Text("guardrails_profile"),
            RequiresApproval = For("requires_approval").Flag(false, "requires_approval"),
            EndpointPort = For("endpoint_port").Port("endpoint_port"),
            EndpointPath = For("endpoint_path").Path("endpoint_path"),
            Transport = source is null ? null : CatalogFields.Transport(For("transport").Find("transport")),
            Environment = CatalogFields.Distinct(Environment(For("environment").Find("environment"))),
            AllowedHosts = For("allowed_hosts").Hosts("allowed_hosts"),
            Volumes = For("volumes").Texts("volumes"),
            Origin = origin,
        };
    }

    private static string Why(CatalogNode.Map map) =>
        map.Find("url") is not null ? "it is a server that runs elsewhere: there is nothing to deploy" : "it names no source";

    private static SourceRequest? Source(CatalogNode.Map place, CatalogNode.Map typePlace)
    {
        if (place.Find("source") is not { } node)
        {
            return null;
        }

        var type = typePlace.Text("source_type");
        return CatalogFields.Checked(node is CatalogNode.Map map ? FromMap(map, type) : FromText(CatalogFields.Text(node, "source"), type), node);
    }

    private static SourceRequest FromText(string text, string? type) => (type ?? Guess(text)) switch
    {
        "docker" => new SourceRequest { Type = "docker", Image = text },
        "github" => text.Split('#', 2) is var parts && parts.Length == 2
            ? new SourceRequest { Type = "github", Repo = parts[0], Ref = parts[1] }
            : new SourceRequest { Type = "github", Repo = text },
        var other => new SourceRequest { Type = other, ComposeFile = text },
    };

    private static string Guess(string text) => text.StartsWith("https://", StringComparison.Ordinal) ? "github" : "docker";

    private static SourceRequest FromMap(CatalogNode.Map map, string? type)
    {
        var own = map.Text("type") ?? type;
        if (type is not null && own != type)
        {
            throw new CatalogFault(map.Line, $"source.type is {Quoted.Of(own!)} while source_type is {Quoted.Of(type)}");
        }

        return new SourceRequest
        {
            Type = own ?? (map.Find("image") is null ? map.Find("main_service") is null ? "github" : "compose" : "docker"),
            Image = map.Text("image"),
            Command = map.Find("command") is null ? null : map.Texts("command"),
            Repo = map.Text("repo"),
            Ref = map.Text("ref"),
            Branch = map.Text("branch"),
            Commit = map.Text("commit"),
            Dockerfile = map.Text("dockerfile"),
            Context = map.Text("context"),
            BuildArgs = map.Map("build_args")?.Members.ToDictionary(m => m.Key, m => CatalogFields.Text(m.Value, "build_args"), StringComparer.Ordinal),
            PushToRegistry = map.Find("push_to_registry") is null ? null : map.Flag(false, "push_to_registry"),
            Registry = map.Text("registry"),
            ComposeFile = map.Find("compose_file") is { } file ? CatalogFields.Text(file, "compose_file") : null,
            Path = map.Text("path"),
            MainService = map.Text("main_service"),
        };
    }

    /// <summary>A list of names, a list of mappings, or a mapping by name.</summary>
    private static IEnumerable<CatalogVariable> Environment(CatalogNode? node) => node switch
    {
        null => [],
        CatalogNode.List list => list.Items.Select(item => item is CatalogNode.Map map ? Variable(CatalogFields.VariableName(map, "name"), map) : Required(item)),
        CatalogNode.Map map => map.Members.Select(member => member.Value switch
        {
            CatalogNode.Map described => Variable(Name(member.Key, described.Line), described),
            CatalogNode.Scalar { IsNull: true } scalar => new CatalogVariable(Name(member.Key, scalar.Line), Required: true, Secret: false, Default: null, Description: null),
            var value => new CatalogVariable(Name(member.Key, value.Line), Required: false, Secret: false, CatalogFields.Text(value, "environment"), Description: null),
        }),
        _ => throw new CatalogFault(node.Line, "environment is neither a list nor a mapping"),
    };

    private static CatalogVariable Variable(string name, CatalogNode.Map map)
    {
        var value = map.Text("default", "value");
        return new CatalogVariable(name, map.Flag(value is null, "required"), map.Flag(false, "secret"), value, map.Prose("description"));
    }

    private static CatalogVariable Required(CatalogNode item) =>
        new(Name(CatalogFields.Text(item, "environment"), item.Line), Required: true, Secret: false, Default: null, Description: null);

    private static string Name(string text, int line) => EnvironmentName.TryParse(text, out var name, out var why) ? name.Value : throw new CatalogFault(line, why);
}
