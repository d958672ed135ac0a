using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>Docker's <c>server.yaml</c>, and the servers of its catalog YAML: containers that speak over stdio.</summary>
internal static class DockerServer
{
    private static readonly string[] Types = ["server", "remote", "poci"];

    /// <summary>Has its type words beside fields that only it has.</summary>
    public static bool Is(CatalogNode.Map map) =>
        map.Find("type") is CatalogNode.Scalar type && Types.Contains(type.Value, StringComparer.Ordinal) && map.Find("id") is null && map.Find("about", "run", "config", "meta", "image", "remote") is not null;

    /// <summary><c>server.yaml</c>: description, run and config are nested.</summary>
    public static CatalogEntry Read(CatalogNode node, string origin)
    {
        var map = CatalogFields.AsMap(node);
        var about = map.Map("about");
        var run = map.Map("run");
        var config = map.Map("config");
        return Entry(map, run, config, map.Id("name"), origin) with
        {
            Name = about?.Text("title") ?? map.Id("name"),
            Description = about?.Prose("description"),
            Icon = about?.Link("icon"),
            Category = map.Map("meta")?.Prose("category"),
            Tags = map.Map("meta")?.Tags() ?? [],
            DocumentationUrl = map.Map("source")?.Link("project"),
        };
    }

    /// <summary>A member of <c>registry:</c>: everything at the top, the id is the key.</summary>
    public static CatalogEntry FromCatalog(string key, CatalogNode node, string origin)
    {
        var map = CatalogFields.AsMap(node);
        if (!CatalogFields.IsId(key))
        {
            throw new CatalogFault(node.Line, $"{Quoted.Of(key)} is not an id");
        }

        return Entry(map, map, map, key, origin) with
        {
            Name = map.Text("title", "name") ?? key,
            Description = map.Prose("description"),
            Icon = map.Link("icon"),
            Category = map.Map("metadata")?.Prose("category"),
            Tags = map.Map("metadata")?.Tags() ?? [],
            DocumentationUrl = map.Link("upstream", "source"),
        };
    }

    private static CatalogEntry Entry(CatalogNode.Map map, CatalogNode.Map? run, CatalogNode.Map? config, string id, string origin)
    {
        var (source, why) = Source(map, run, map.Text("type") ?? "server");
        var (volumes, unmountable) = Volumes(run);
        return new CatalogEntry
        {
            Id = id,
            Name = id,
            Source = why is null && unmountable is null ? CatalogFields.Checked(source!, map) : null,
            NotDeployableBecause = why ?? unmountable,
            Transport = GatewayTransport.Stdio,
            Environment = CatalogFields.Distinct(Secrets(config).Concat(Variables(config)).Concat(Fixed(run == map ? null : run))),
            AllowedHosts = run?.Hosts("allowHosts"),
            DisableNetwork = run?.Flag(false, "disableNetwork") ?? false,
            Volumes = volumes,
            Origin = origin,
        };
    }

    private static (SourceRequest? Source, string? Why) Source(CatalogNode.Map map, CatalogNode.Map? run, string type)
    {
        if (type != "server")
        {
            return (null, type switch
            {
                "remote" => "it is a server that runs elsewhere: there is nothing to deploy",
                "poci" => "it starts one container a tool call, which is not a running server",
                _ => $"its type {Quoted.Of(type)} is not known here",
            });
        }

        IReadOnlyList<string>? command = run?.Find("command") is null ? null : run.Texts("command");
        if (command?.Any(IsTemplate) == true)
        {
            return (null, "its command is filled in from a configuration, which has no place in a deploy request");
        }

        if (map.Text("image") is { } image)
        {
            return (new SourceRequest { Type = "docker", Image = image, Command = command }, null);
        }

        return map.Map("source") is { } build && build.Text("project") is { } repo
            ? (new SourceRequest
            {
                Type = "github",
                Repo = repo,
                Commit = build.Text("commit"),
                Branch = build.Find("commit") is null ? build.Text("branch") : null,
                Context = build.Text("directory"),
                Dockerfile = build.Text("dockerfile"),
            }, null)
            : (null, "it names neither an image nor a source to build");
    }

    /// <summary>Named volumes become ours; host paths and templates of them have no place here.</summary>
    private static (IReadOnlyList<string> Volumes, string? Why) Volumes(CatalogNode.Map? run)
    {
        List<string> paths = [];
        foreach (var text in run?.Texts("volumes") ?? [])
        {
            var parts = text.Split(':');
            if (IsTemplate(text) || parts.Length is < 2 or > 3 || parts[0].Contains('/', StringComparison.Ordinal) || !ContainerPath.TryParse(parts[1], out var path, out _))
            {
                return ([], "it mounts paths of the host, which a runtime never gets");
            }

            paths.Add(path.Value);
        }

        return (paths, null);
    }

    private static IEnumerable<CatalogVariable> Secrets(CatalogNode.Map? config) =>
        (config?.Items("secrets") ?? []).Select(CatalogFields.AsMap).Where(secret => secret.Find("env") is not null).Select(secret => new CatalogVariable(
            CatalogFields.VariableName(secret, "env"),
            secret.Flag(true, "required"),
            Secret: true,
            Default: null,
            secret.Prose("description")));

    /// <summary>A value that is a template has to come from the one who deploys, and may be left out.</summary>
    private static IEnumerable<CatalogVariable> Variables(CatalogNode.Map? config) =>
        (config?.Items("env") ?? []).Select(CatalogFields.AsMap).Select(variable => new CatalogVariable(
            CatalogFields.VariableName(variable, "name"),
            Required: false,
            Secret: false,
            variable.Text("value") is { } value && !IsTemplate(value) ? value : null,
            variable.Prose("description")));

    private static IEnumerable<CatalogVariable> Fixed(CatalogNode.Map? run) =>
        (run?.Map("env")?.Members ?? []).Select(member => new CatalogVariable(
            EnvironmentName.TryParse(member.Key, out var name, out var why) ? name.Value : throw new CatalogFault(member.Value.Line, why),
            Required: false,
            Secret: false,
            CatalogFields.Text(member.Value, "env") is var value && !IsTemplate(value) ? value : null,
            Description: null));

    private static bool IsTemplate(string text) => text.Contains("{{", StringComparison.Ordinal);
}
