using System.Security.Cryptography;
using System.Text;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Gateways.ContextForge;

/// <summary>A registration as it was asked for; the token and the route's transport are added when it is put.</summary>
internal sealed record RegistrationBody : ResourceBody
{
    public required string Name { get; init; }

    public required string Url { get; init; }

    public required string Description { get; init; }

    public required string Visibility { get; init; }

    /// <summary>ContextForge's own team id; only with visibility <c>team</c>.</summary>
    public required string? TeamId { get; init; }

    /// <summary>The runtime's, as ContextForge keeps tags; ours are not among them.</summary>
    public required IReadOnlyList<string> Tags { get; init; }

    public required bool Enabled { get; init; }

    public static RegistrationBody Of(CompileInput input, Uri publicUrl, bool running)
    {
        var spec = input.Revision.Spec;
        var name = spec.GatewayName ?? input.Name;
        return new RegistrationBody
        {
            Name = name,
            Url = $"{publicUrl.AbsoluteUri.TrimEnd('/')}/mcp/{Uri.EscapeDataString(name)}",
            Description = RegistrationText.Description(spec.Catalog?.Description) ?? $"MCP server {name}",
            Visibility = spec.Visibility.ToString().ToLowerInvariant(),
            TeamId = spec.Visibility is Core.Specs.Visibility.Team ? spec.TeamId : null,
            Tags = RegistrationText.Tags(spec.Tags),
            Enabled = running,
        };
    }

    public string Fingerprint() => FingerprintOf(Name, Url, Visibility, TeamId, Tags, Enabled);

    /// <summary>Over what we set and ContextForge gives back as it was set. The description is not: it is escaped there, and steers nothing.</summary>
    public static string FingerprintOf(string name, string url, string visibility, string? teamId, IEnumerable<string> tags, bool enabled)
    {
        var canonical = string.Join('\n', [name, url, visibility, teamId ?? "", enabled ? "enabled" : "disabled", .. tags.Order(StringComparer.Ordinal)]);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes("registration-v1\n" + canonical)));
    }
}
