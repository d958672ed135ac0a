using System.Globalization;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Catalog.Formats;

/// <summary>Typed, bounded reading of an entry's fields. What can't be read is a <see cref="CatalogFault"/> with its line.</summary>
internal static class CatalogFields
{
    public const int LongestText = 4096;

    private const int LongestId = 200;

    private const int MostItems = 256;

    private static readonly string[] BackendNames = ["docker", "ibm_code_engine", "kubernetes"];

    /// <summary>Letters, digits and <c>._/@:-</c>, beginning with a letter or digit: it stands in paths and may hold slashes.</summary>
    public static bool IsId(string text) =>
        text.Length is > 0 and <= LongestId
        && char.IsAsciiLetterOrDigit(text[0])
        && text[^1] != '/'
        && !text.Contains("..", StringComparison.Ordinal)
        && !text.Contains("//", StringComparison.Ordinal)
        && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '/' or '@' or ':' or '-');

    public static CatalogNode.Map AsMap(CatalogNode node) => node as CatalogNode.Map ?? throw new CatalogFault(node.Line, "is not a mapping");

    public static CatalogNode.Map? Map(this CatalogNode.Map map, params ReadOnlySpan<string> keys) => map.Find(keys) is { } node
        ? node as CatalogNode.Map ?? throw new CatalogFault(node.Line, $"{keys[0]} is not a mapping")
        : null;

    public static IReadOnlyList<CatalogNode> Items(this CatalogNode.Map map, params ReadOnlySpan<string> keys)
    {
        if (map.Find(keys) is not { } node)
        {
            return [];
        }

        var items = (node as CatalogNode.List ?? throw new CatalogFault(node.Line, $"{keys[0]} is not a list")).Items;
        return items.Count <= MostItems ? items : throw new CatalogFault(node.Line, $"{keys[0]} has {items.Count} items; at most {MostItems} are read");
    }

    public static string Id(this CatalogNode.Map map, string key)
    {
        var id = map.Text(key) ?? throw new CatalogFault(map.Line, $"{key} is missing");
        return IsId(id) ? id : throw new CatalogFault(map.Line, $"{Quoted.Of(id)} is not an id: letters, digits and ._/@:-, at most {LongestId}");
    }

    public static string? Text(this CatalogNode.Map map, params ReadOnlySpan<string> keys)
    {
        if (map.Find(keys) is not { } node)
        {
            return null;
        }

        var text = Text(node, keys[0]);
        return text.Length <= LongestText ? text : throw new CatalogFault(node.Line, $"{keys[0]} has {text.Length} characters; at most {LongestText} are read");
    }

    /// <summary>For people, so cut rather than refused.</summary>
    public static string? Prose(this CatalogNode.Map map, params ReadOnlySpan<string> keys) =>
        map.Find(keys) is CatalogNode.Scalar { Value: var text } ? (text.Length <= LongestText ? text : text[..LongestText]).Trim() : null;

    /// <summary>Only what a browser may follow: http and https. Another link is left out.</summary>
    public static string? Link(this CatalogNode.Map map, params ReadOnlySpan<string> keys) =>
        map.Find(keys) is CatalogNode.Scalar { Value: { Length: <= 2048 } text } && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? text : null;

    public static string Text(CatalogNode node, string what) => node is CatalogNode.Scalar { IsNull: false } scalar
        ? scalar.Value.Contains('\0', StringComparison.Ordinal) ? throw new CatalogFault(node.Line, $"{what} holds a NUL") : scalar.Value
        : throw new CatalogFault(node.Line, $"{what} is not text");

    public static bool Flag(this CatalogNode.Map map, bool otherwise, params ReadOnlySpan<string> keys)
    {
        if (map.Find(keys) is not { } node)
        {
            return otherwise;
        }

        return node is CatalogNode.Scalar scalar && bool.TryParse(scalar.Value, out var value) ? value : throw new CatalogFault(node.Line, $"{keys[0]} is not true or false");
    }

    public static int? Port(this CatalogNode.Map map, string key)
    {
        if (map.Find(key) is not { } node)
        {
            return null;
        }

        return node is CatalogNode.Scalar scalar && int.TryParse(scalar.Value, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is > 0 and < 65536
            ? port
            : throw new CatalogFault(node.Line, $"{key} is not a port: 1 to 65535");
    }

    public static string? Path(this CatalogNode.Map map, string key)
    {
        if (map.Text(key) is not { } text)
        {
            return null;
        }

        return EndpointPath.TryParse(text, out var path, out var why) ? path.Value : throw new CatalogFault(map.Line, $"{key} {why}");
    }

    public static IReadOnlyList<string> Texts(this CatalogNode.Map map, params ReadOnlySpan<string> keys)
    {
        var name = keys[0];
        return [.. map.Items(keys).Select(item => Text(item, name))];
    }

    /// <summary>Text, or a mapping that holds it: both are found in the wild.</summary>
    public static IReadOnlyList<string> Tags(this CatalogNode.Map map) =>
    [
        .. map.Items("tags")
            .Select(item => item is CatalogNode.Map tag ? tag.Text("label", "name", "id") : Text(item, "tags"))
            .OfType<string>()
            .Where(tag => tag.Length is > 0 and <= 64)
            .Distinct(StringComparer.Ordinal),
    ];

    public static IReadOnlyList<string>? Hosts(this CatalogNode.Map map, params ReadOnlySpan<string> keys)
    {
        if (map.Find(keys) is null)
        {
            return null;
        }

        var name = keys[0];
        return
        [
            .. map.Items(keys).Select(item => Text(item, name) is var text && EgressHost.TryParse(text, out var host, out var why)
                ? host.ToString()
                : throw new CatalogFault(item.Line, $"{name}: {Quoted.Of(text)} is not a host")),
        ];
    }

    public static IReadOnlyList<string> Backends(this CatalogNode.Map map) =>
    [
        .. map.Items("supported_backends").Select(item => Text(item, "supported_backends") is var name && BackendNames.Contains(name, StringComparer.Ordinal)
            ? name
            : throw new CatalogFault(item.Line, $"supported_backends: {Quoted.Of(name)} is not one of {string.Join(", ", BackendNames)}")),
    ];

    public static GatewayTransport? Transport(CatalogNode? node) => node is null
        ? null
        : Text(node, "transport").ToLowerInvariant() switch
        {
            "sse" => GatewayTransport.Sse,
            "stdio" => GatewayTransport.Stdio,
            "streamablehttp" or "streamable-http" or "streamable_http" or "streamable" or "streaming" or "http" => GatewayTransport.StreamableHttp,
            var other => throw new CatalogFault(node.Line, $"transport {Quoted.Of(other)} is not SSE, STREAMABLEHTTP or STDIO"),
        };

    public static string VariableName(CatalogNode.Map map, params ReadOnlySpan<string> keys)
    {
        var text = map.Text(keys) ?? throw new CatalogFault(map.Line, "a variable has no name");
        return EnvironmentName.TryParse(text, out var name, out var why) ? name.Value : throw new CatalogFault(map.Line, why);
    }

    /// <summary>By name, the first of each; sorted, so that two readings are equal.</summary>
    public static IReadOnlyList<CatalogVariable> Distinct(IEnumerable<CatalogVariable> variables) => [.. variables.DistinctBy(v => v.Name, StringComparer.Ordinal).OrderBy(v => v.Name, StringComparer.Ordinal)];

    /// <summary>The entry's source must be one that could be deployed: better said when it is read than when it is asked for.</summary>
    public static SourceRequest Checked(SourceRequest source, CatalogNode at)
    {
        List<ValidationError> errors = [];
        _ = SourceParser.Parse(source, allowedGitHosts: null, "source", errors);
        return errors.Count == 0 ? source : throw new CatalogFault(at.Line, string.Join("; ", errors.Select(e => $"{e.Path} {e.Message}")));
    }
}
