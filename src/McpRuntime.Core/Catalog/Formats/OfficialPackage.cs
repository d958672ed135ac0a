using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>An <c>oci</c> package: image, arguments as a list (never through a shell), environment, transport.</summary>
/// <remarks>
/// <c>packageArguments</c> are the server's own. <c>runtimeArguments</c> are <c>docker run</c>'s, which we do not start: what sets a
/// variable is read as one, what has no meaning here is passed over, and anything else is said to be the reason why it can't be deployed.
/// </remarks>
internal static class OfficialPackage
{
    private static readonly string[] Harmless = ["-i", "--interactive", "-t", "--tty", "--rm", "--init", "-d", "--detach", "run"];

    public static CatalogEntry Read(CatalogNode.Map package, CatalogEntry described)
    {
        var variables = package.Items("environmentVariables", "environment_variables").Select(CatalogFields.AsMap).Select(Variable).ToList();
        var (command, missing) = Command(package);
        var (fromFlags, unknown) = RuntimeFlags(package);
        variables.AddRange(fromFlags);
        var why = missing ?? unknown;
        var (transport, port, path) = Transport(package, variables);
        var source = CatalogFields.Checked(new SourceRequest { Type = "docker", Image = Image(package), Command = command.Count == 0 ? null : command }, package);
        return described with
        {
            Source = why is null ? source : null,
            NotDeployableBecause = why,
            Environment = CatalogFields.Distinct(variables),
            Transport = transport,
            EndpointPort = port,
            EndpointPath = path,
        };
    }

    /// <summary>Now the whole reference; before, name, version and registry apart.</summary>
    private static string Image(CatalogNode.Map package)
    {
        var identifier = package.Text("identifier", "name") ?? throw new CatalogFault(package.Line, "the package has no identifier");
        if (package.Link("registryBaseUrl", "registry_base_url") is { } registry && Uri.TryCreate(registry, UriKind.Absolute, out var uri) && !IsHost(identifier.Split('/')[0]))
        {
            identifier = $"{uri.Authority}/{identifier}";
        }

        var tagged = identifier.Contains('@', StringComparison.Ordinal) || identifier.LastIndexOf(':') > identifier.LastIndexOf('/');
        return !tagged && package.Text("version") is { Length: > 0 } version ? $"{identifier}:{version}" : identifier;
    }

    private static bool IsHost(string first) => first.Contains('.', StringComparison.Ordinal) || first.Contains(':', StringComparison.Ordinal) || first == "localhost";

    private static CatalogVariable Variable(CatalogNode.Map map)
    {
        var value = Value(map, out _);
        return new CatalogVariable(
            CatalogFields.VariableName(map, "name"),
            map.Flag(false, "isRequired", "is_required"),
            map.Flag(false, "isSecret", "is_secret"),
            value,
            map.Prose("description"));
    }

    private static (List<string> Command, string? Missing) Command(CatalogNode.Map package)
    {
        List<string> command = [];
        foreach (var argument in package.Items("packageArguments", "package_arguments").Select(CatalogFields.AsMap))
        {
            var name = argument.Text("type") == "named" ? argument.Text("name") ?? throw new CatalogFault(argument.Line, "a named argument has no name") : null;
            var value = Value(argument, out var incomplete);
            if (value is null && (incomplete || (name is null && argument.Find("value", "default") is null) || argument.Flag(false, "isRequired", "is_required")))
            {
                if (!argument.Flag(false, "isRequired", "is_required"))
                {
                    continue;
                }

                return (command, $"its argument {Quoted.Of(name ?? argument.Text("valueHint", "value_hint") ?? "?")} has to be given, which has no place in a deploy request of a catalog entry");
            }

            // A named one without a value is a switch; one that only offers an optional value is left out.
            if (name is not null && (value is not null || argument.Find("valueHint", "value_hint", "placeholder", "format", "choices") is null))
            {
                command.Add(name);
            }

            if (value is not null)
            {
                command.Add(value);
            }
        }

        return (command, null);
    }

    private static (List<CatalogVariable> Variables, string? Unknown) RuntimeFlags(CatalogNode.Map package)
    {
        List<CatalogVariable> variables = [];
        foreach (var argument in package.Items("runtimeArguments", "runtime_arguments").Select(CatalogFields.AsMap))
        {
            var name = argument.Text("type") == "named" ? argument.Text("name") ?? "" : Value(argument, out _) ?? "";
            if (Harmless.Contains(name, StringComparer.Ordinal))
            {
                continue;
            }

            // The same names stand in environmentVariables where they matter: only the value is new.
            var variable = argument.Text("value") ?? argument.Text("default");
            if (name is "-e" or "--env" && variable is not null && EnvironmentName.TryParse(variable.Split('=')[0], out var key, out _))
            {
                variables.Add(new CatalogVariable(
                    key.Value,
                    argument.Flag(false, "isRequired", "is_required"),
                    argument.Flag(false, "isSecret", "is_secret"),
                    Value(argument, out _)?.Split('=', 2) is [_, var value] ? value : null,
                    argument.Prose("description")));
                continue;
            }

            return (variables, $"it asks for the container flag {Quoted.Of(name)}, which is not taken from a catalog");
        }

        return (variables, null);
    }

    private static (GatewayTransport? Transport, int? Port, string? Path) Transport(CatalogNode.Map package, IReadOnlyList<CatalogVariable> variables)
    {
        if (package.Map("transport") is not { } map)
        {
            // Before 2025-09 packages had none, and spoke stdio.
            return (GatewayTransport.Stdio, null, null);
        }

        var transport = CatalogFields.Transport(map.Find("type"));
        if (map.Text("url") is not { } template)
        {
            return (transport, null, null);
        }

        var url = Filled(template, name => variables.FirstOrDefault(v => v.Name == name)?.Default ?? ArgumentDefault(package, name));
        if (url is null || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"))
        {
            return (transport, null, null);
        }

        return (transport, uri.Port is > 0 ? uri.Port : null, uri.AbsolutePath != "/" && EndpointPath.TryParse(uri.AbsolutePath, out var path, out _) ? path.Value : null);
    }

    private static string? ArgumentDefault(CatalogNode.Map package, string name) => package.Items("packageArguments", "package_arguments")
        .OfType<CatalogNode.Map>()
        .Where(argument => argument.Text("valueHint", "value_hint", "name")?.TrimStart('-') == name || argument.Text("name") == name)
        .Select(argument => argument.Text("value", "default"))
        .FirstOrDefault(value => value is not null);

    /// <summary>The fixed value with its variables filled in, else the default; null when there is none.</summary>
    /// <param name="incomplete">There is a value, but one of its variables has to be given.</param>
    private static string? Value(CatalogNode.Map input, out bool incomplete)
    {
        var template = input.Text("value");
        if (template is null)
        {
            incomplete = false;
            return input.Text("default");
        }

        var variables = input.Map("variables");
        var filled = Filled(template, name => (variables?.Find(name) as CatalogNode.Map)?.Text("value", "default"));
        incomplete = filled is null;
        return filled;
    }

    /// <summary>Null: a <c>{name}</c> has no value.</summary>
    private static string? Filled(string template, Func<string, string?> value)
    {
        var rest = template.AsSpan();
        var text = new System.Text.StringBuilder();
        while (rest.IndexOf('{') is var open and >= 0 && rest[open..].IndexOf('}') is var length and > 0)
        {
            if (value(rest.Slice(open + 1, length - 1).ToString()) is not { } found || text.Length > CatalogFields.LongestText)
            {
                return null;
            }

            text.Append(rest[..open]).Append(found);
            rest = rest[(open + length + 1)..];
        }

        return text.Append(rest).ToString();
    }
}
