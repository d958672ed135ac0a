using System.Security.Cryptography.X509Certificates;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>A kubeconfig file, read as kubectl reads it. Proxies and password logins are refused by name, not passed over.</summary>
internal sealed class Kubeconfig
{
    private readonly string _path;
    private readonly YamlMappingNode _root;

    private Kubeconfig(string path, YamlMappingNode root)
    {
        _path = path;
        _root = root;
    }

    private string Folder => Path.GetDirectoryName(Path.GetFullPath(_path))!;

    /// <param name="context">Null: the current one.</param>
    /// <exception cref="FormatException">It can't be used; the message says why and where.</exception>
    public static ClusterAccess Load(string path, string? context, TimeProvider time)
    {
        try
        {
            using var reader = new StreamReader(path);
            var stream = new YamlStream();
            stream.Load(reader);
            return stream.Documents is [{ RootNode: YamlMappingNode root }]
                ? new Kubeconfig(path, root).Access(context, time)
                : throw new FormatException($"{path}: not a kubeconfig (one YAML document with clusters, users and contexts).");
        }
        catch (YamlException e)
        {
            throw new FormatException($"{path}:{e.Start.Line}: not YAML.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"{path}: {e.Message}", e);
        }
    }

    private ClusterAccess Access(string? asked, TimeProvider time)
    {
        var name = asked ?? Text(_root, "current-context") ?? throw Bad("has no current-context");
        var context = Named("contexts", name, "context");
        var cluster = Named("clusters", Text(context, "cluster") ?? throw Bad($"context \"{name}\" names no cluster"), "cluster");
        var user = Text(context, "user") is { Length: > 0 } userName ? Named("users", userName, "user") : new YamlMappingNode();
        if (Text(cluster, "proxy-url") is not null)
        {
            throw Bad("has a proxy-url, which is not supported: the API server is reached directly");
        }

        var insecure = Text(cluster, "insecure-skip-tls-verify") == "true";
        var authority = PemOf(cluster, "certificate-authority");
        if (!Uri.TryCreate(Text(cluster, "server"), UriKind.Absolute, out var server) || server.Scheme is not ("https" or "http"))
        {
            throw Bad($"has no server address (https://…) for context \"{name}\"");
        }

        return new ClusterAccess(
            new Uri(server.AbsoluteUri.TrimEnd('/') + "/"), authority, insecure, Text(cluster, "tls-server-name"), CertificateOf(user), TokenOf(user, time), Text(context, "namespace"));
    }

    private X509Certificate2? CertificateOf(YamlMappingNode user) => (PemOf(user, "client-certificate"), PemOf(user, "client-key")) switch
    {
        (null, null) => null,
        ({ } certificate, { } key) => ClusterAccess.Pair(certificate, key, _path),
        _ => throw Bad("has a client certificate without its key, or a key without its certificate"),
    };

    private ITokenSource TokenOf(YamlMappingNode user, TimeProvider time)
    {
        if (Text(user, "tokenFile") is { } file)
        {
            return new FileToken(Path.Combine(Folder, file), time);
        }

        if (Text(user, "token") is { } token)
        {
            return new FixedToken(token);
        }

        if (Child(user, "exec") is YamlMappingNode exec)
        {
            return new ExecToken(PluginOf(exec), time);
        }

        return Text(user, "username") is not null || Child(user, "auth-provider") is not null
            ? throw Bad("has a user with a password or an auth-provider; use a token, a client certificate, or an exec plugin")
            : new FixedToken(null);
    }

    private ExecPlugin PluginOf(YamlMappingNode exec)
    {
        var command = Text(exec, "command") ?? throw Bad("has an exec plugin without a command");
        var environment = Items(exec, "env").OfType<YamlMappingNode>().Where(e => Text(e, "name") is not null)
            .ToDictionary(e => Text(e, "name")!, e => Text(e, "value") ?? "", StringComparer.Ordinal);
        // A path with a folder in it is relative to the file, as kubectl has it; a bare name is looked for in PATH.
        var program = command.Contains('/', StringComparison.Ordinal) ? Path.Combine(Folder, command) : command;
        return new ExecPlugin(
            program, [.. Items(exec, "args").OfType<YamlScalarNode>().Select(a => a.Value ?? "")], environment, Text(exec, "apiVersion") ?? "client.authentication.k8s.io/v1", Folder);
    }

    private YamlMappingNode Named(string list, string name, string child) =>
        Items(_root, list).OfType<YamlMappingNode>().FirstOrDefault(i => Text(i, "name") == name) is { } item && Child(item, child) is YamlMappingNode found
            ? found
            : throw Bad($"has no {child} named \"{name}\"");

    private string? PemOf(YamlMappingNode node, string name)
    {
        if (Text(node, name + "-data") is { Length: > 0 } data)
        {
            try
            {
                return Encoding.UTF8.GetString(Convert.FromBase64String(data));
            }
            catch (FormatException)
            {
                throw Bad($"has a {name}-data that is not base64");
            }
        }

        return Text(node, name) is { Length: > 0 } file ? File.ReadAllText(Path.Combine(Folder, file)) : null;
    }

    private static YamlNode? Child(YamlMappingNode node, string name) => node.Children.TryGetValue(new YamlScalarNode(name), out var child) ? child : null;

    private static string? Text(YamlMappingNode node, string name) => (Child(node, name) as YamlScalarNode)?.Value;

    private static IEnumerable<YamlNode> Items(YamlMappingNode node, string name) => (Child(node, name) as YamlSequenceNode)?.Children ?? [];

    private FormatException Bad(string what) => new($"{_path} {what}.");
}
