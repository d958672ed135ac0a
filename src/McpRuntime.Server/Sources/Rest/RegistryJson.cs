using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>The registry's own spelling: camelCase, and what is not there is left out.</summary>
internal static class RegistryJson
{
    public const string Schema = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json";

    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web) { DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };
}

internal sealed record RegistryPageJson(IReadOnlyList<RegistryItemJson> Servers, RegistryMetadataJson Metadata);

internal sealed record RegistryMetadataJson(int Count, string? NextCursor);

internal sealed record RegistryItemJson(RegistryServerJson Server, [property: JsonPropertyName("_meta")] RegistryMetaJson Meta)
{
    private const int LongestText = 100;

    public static RegistryItemJson Of(RuntimeView runtime, RegistryNaming naming)
    {
        var title = runtime.Spec.Catalog?.Name ?? runtime.Display.Server?.ServerName ?? runtime.Name;
        var server = new RegistryServerJson(
            RegistryJson.Schema,
            naming.Of(runtime),
            Short(runtime.Spec.Catalog?.Description) ?? Short($"{title}, an MCP server that runs here")!,
            Short(title),
            string.Create(CultureInfo.InvariantCulture, $"{runtime.ServingGeneration ?? runtime.Generation}.0.0"),
            [new RegistryRemoteJson(runtime.Display.Server?.Transport == "SSE" ? "sse" : "streamable-http", naming.Url(runtime), [RegistryHeaderJson.Bearer])]);
        return new RegistryItemJson(server, new RegistryMetaJson(new OfficialMetaJson("active", runtime.CreatedAt, runtime.UpdatedAt, IsLatest: true)));
    }

    private static string? Short(string? text) => text?.Trim() is { Length: > 0 } some ? some.Length <= LongestText ? some : some[..(LongestText - 1)] + "…" : null;
}

internal sealed record RegistryServerJson(
    [property: JsonPropertyName("$schema")] string Schema,
    string Name,
    string Description,
    string? Title,
    string Version,
    IReadOnlyList<RegistryRemoteJson> Remotes);

internal sealed record RegistryRemoteJson(string Type, string Url, IReadOnlyList<RegistryHeaderJson> Headers);

internal sealed record RegistryHeaderJson(string Name, string Description, string Value, bool IsRequired, bool IsSecret, IReadOnlyDictionary<string, RegistryInputJson> Variables)
{
    public static readonly RegistryHeaderJson Bearer = new(
        "Authorization",
        "A token of this installation with the role caller.",
        "Bearer {token}",
        IsRequired: true,
        IsSecret: true,
        new Dictionary<string, RegistryInputJson>(StringComparer.Ordinal) { ["token"] = new("mcprt_… or a JWT", IsRequired: true, IsSecret: true) });
}

internal sealed record RegistryInputJson(string Description, bool IsRequired, bool IsSecret);

internal sealed record RegistryMetaJson([property: JsonPropertyName("io.modelcontextprotocol.registry/official")] OfficialMetaJson Official);

internal sealed record OfficialMetaJson(string Status, DateTimeOffset PublishedAt, DateTimeOffset UpdatedAt, bool IsLatest);

/// <summary>A registry's names are a reversed host and a name: <c>org.example.mcp/hello</c> for <c>https://mcp.example.org/mcp/hello</c>.</summary>
internal sealed class RegistryNaming(HttpContext http, GatewayOptions options)
{
    private const int LongestName = 200;

    private readonly string _root = options.PublicUrl?.AbsoluteUri.TrimEnd('/') ?? $"{http.Request.Scheme}://{http.Request.Host}{http.Request.PathBase}";
    private readonly string _namespace = Reversed(options.PublicUrl?.Host ?? http.Request.Host.Host);

    public string Of(RuntimeView runtime)
    {
        var name = $"{_namespace}/{runtime.Spec.GatewayName ?? runtime.Name}";
        return name.Length <= LongestName ? name : $"{_namespace}/{runtime.Id}";
    }

    public string Url(RuntimeView runtime) => $"{_root}/mcp/{Uri.EscapeDataString(runtime.Spec.GatewayName ?? runtime.Name)}";

    /// <summary>An address has no reverse; an IPv6 one could not be written in a name at all.</summary>
    private static string Reversed(string host) => IPAddress.TryParse(host.Trim('[', ']'), out var address)
        ? address.AddressFamily is System.Net.Sockets.AddressFamily.InterNetwork ? host : "local"
        : string.Join('.', host.Split('.').Reverse());
}
