using System.Text;
using McpRuntime.Core.Catalog.Formats;
using McpRuntime.Core.Specs;
using McpRuntime.Core.Specs.Rules;

namespace McpRuntime.Core.Compose;

internal static class EnvironmentReader
{
    public static IReadOnlyDictionary<string, SecretText> Read(ComposeContext context, CatalogNode node)
    {
        var environment = new SortedDictionary<string, SecretText>(StringComparer.Ordinal);
        foreach (var (name, value, at) in context.Pairs(node, "environment", inEnvironment: true))
        {
            if (!EnvironmentName.TryParse(name, out _, out var why))
            {
                context.Wrong(at, $"environment: {why}");
                continue;
            }

            // A name alone takes the value from the request, as compose takes it from its own environment.
            var given = value is null ? context.Variable(name)?.Value.Reveal() : value;
            if (given is null)
            {
                context.Wrong(at, $"environment: {name} has no value here and none in the request's environment: send one, or write {name}: \"\"");
            }
            else if (given.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(given) > EnvironmentRule.LongestValue)
            {
                context.Wrong(at, $"environment: {name} holds a NUL or is longer than {EnvironmentRule.LongestValue} bytes");
            }
            else
            {
                environment[name] = new SecretText(given);
            }
        }

        return environment;
    }
}

internal static class PortsReader
{
    private const int WidestRange = 100;

    /// <returns>The container's ports, and whether any was meant to be open on the host.</returns>
    public static (IReadOnlyList<int> Ports, bool Publishes) Read(ComposeContext context, CatalogNode node, string key)
    {
        SortedSet<int> ports = [];
        var publishes = false;
        foreach (var item in context.Items(node, key))
        {
            if (item is CatalogNode.Map && key == "ports")
            {
                publishes |= Long(context, item, ports);
            }
            else if (context.Text(item, key) is { } text)
            {
                if (ComposeTexts.TryPorts(text.Value, WidestRange, out var range, out var outside, out var why))
                {
                    ports.UnionWith(Enumerable.Range(range.First, range.Last - range.First + 1));
                    publishes |= outside;
                }
                else
                {
                    context.Wrong(item, $"{key}: {text.Shown}: {why}");
                }
            }
        }

        return ([.. ports], publishes);
    }

    private static bool Long(ComposeContext context, CatalogNode node, SortedSet<int> ports)
    {
        var (found, publishes) = (false, false);
        foreach (var (key, value) in context.Map(node, "ports")?.Members ?? [])
        {
            switch (key)
            {
                case "target":
                    found = true;
                    if (context.Whole(value, "ports.target", 1, 65_535) is { } port)
                    {
                        ports.Add(port);
                    }

                    break;
                case "published" or "host_ip":
                    publishes = true;
                    break;
                case "protocol" when context.Text(value, key) is { Value: "tcp" }:
                case "mode" or "name" or "app_protocol":
                    break;
                default:
                    context.Wrong(value, key == "protocol" ? "ports: only tcp ports are carried here" : $"ports: {Quoted.Of(key)} is not supported: target is");
                    break;
            }
        }

        if (!found)
        {
            context.Wrong(node, "ports: target is missing: the container's own port");
        }

        return publishes;
    }
}

internal static class BuildReader
{
    public static ComposeBuild? Read(ComposeContext context, CatalogNode node)
    {
        if (!context.MayBuild)
        {
            context.Wrong(node, "build needs the files of a repository, and this text comes alone: deploy it with repo, ref and path, or give an image");
            return null;
        }

        var build = new ComposeBuild(".", "Dockerfile", null, new SortedDictionary<string, SecretText>(StringComparer.Ordinal));
        if (node is CatalogNode.Scalar)
        {
            return context.Text(node, "build") is { } folder ? Checked(context, node, build with { Context = folder.Value }) : null;
        }

        foreach (var (key, value) in context.Map(node, "build")?.Members ?? [])
        {
            switch (key)
            {
                case "context":
                    build = build with { Context = context.Text(value, "build.context")?.Value ?? "." };
                    break;
                case "dockerfile":
                    build = build with { Dockerfile = context.Text(value, "build.dockerfile")?.Value ?? "Dockerfile" };
                    break;
                case "target":
                    build = build with { Target = context.Text(value, "build.target")?.Value };
                    break;
                case "args":
                    build = build with { Args = Args(context, value) };
                    break;
                default:
                    context.Wrong(value, $"build: {Quoted.Of(key)} is not supported: context, dockerfile, target and args are");
                    break;
            }
        }

        return Checked(context, node, build);
    }

    private static ComposeBuild? Checked(ComposeContext context, CatalogNode node, ComposeBuild build)
    {
        if (!IsInside(build.Context) || !IsInside(build.Dockerfile) || build.Target is { } target && !ComposeNodes.IsName(target))
        {
            context.Wrong(node, "build: context and dockerfile must be paths inside the repository, relative, with \"/\" between parts, without \"..\"; target a stage's name");
            return null;
        }

        return build;
    }

    private static SortedDictionary<string, SecretText> Args(ComposeContext context, CatalogNode node)
    {
        var args = new SortedDictionary<string, SecretText>(StringComparer.Ordinal);
        foreach (var (name, value, at) in context.Pairs(node, "build.args"))
        {
            if (!EnvironmentName.TryParse(name, out _, out var why) || (value ?? context.Variable(name)?.Value.Reveal()) is not { } given)
            {
                context.Wrong(at, $"build.args: {why ?? $"{name} has no value here and none in the request's environment"}");
            }
            else
            {
                args[name] = new SecretText(given);
            }
        }

        return args;
    }

    private static bool IsInside(string path) =>
        path.Length is > 0 and <= 512 && path[0] is not ('/' or '-' or '~') && !path.Any(c => c is < ' ' or > '~' or '\\' or ':')
        && !path.Split('/').Any(p => p == ".." || p.Equals(".git", StringComparison.OrdinalIgnoreCase));
}

public static class ComposePlatform
{
    /// <summary><c>os/architecture</c> as the engine's own words; a variant is dropped, since an image does not tell its own reliably.</summary>
    public static string? Normalise(string text)
    {
        var parts = text.Split('/');
        if (parts.Length is < 1 or > 3 || parts.Any(p => p.Length is 0 or > 32 || !p.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')))
        {
            return null;
        }

        var (os, architecture) = parts.Length == 1 ? ("linux", parts[0]) : (parts[0].ToLowerInvariant(), parts[1]);
        return $"{os}/{Architecture(architecture)}";
    }

    public static string Architecture(string word) => word.ToLowerInvariant() switch
    {
        "x86_64" or "x86-64" => "amd64",
        "aarch64" => "arm64",
        "armhf" or "armv7l" => "arm",
        "i386" or "i686" => "386",
        var other => other,
    };
}
