using System.Text.Json;
using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;
using Microsoft.IdentityModel.JsonWebTokens;

namespace McpRuntime.Server.Access;

/// <summary>A JWT's claims → subject, roles, teams. Claim names are settings; a dotted name looks inside (<c>realm_access.roles</c>).</summary>
internal static class Claims
{
    private const int MaxValues = 256;
    private const int MaxLength = 255;

    /// <summary>Null: no usable subject, so nothing could be attributed to it.</summary>
    public static Caller? Of(JsonWebToken token, AccessSettings settings, string? address)
    {
        if (token.Subject is not { Length: > 0 and <= MaxLength } subject || subject.Any(char.IsControl))
        {
            return null;
        }

        var roles = Roles.None;
        foreach (var word in Values(token, settings.RolesClaim))
        {
            roles |= RoleNames.TryParse(word, out var role) ? role : Roles.None;
        }

        string[] teams = [.. Values(token, settings.TeamsClaim).Concat(Values(token, settings.GroupsClaim)).Distinct(StringComparer.Ordinal).Take(MaxValues)];
        return new Caller(subject, roles, teams, "rest", address);
    }

    /// <summary>One string, an array of strings, or one string of words divided by spaces.</summary>
    private static IEnumerable<string> Values(JsonWebToken token, string name)
    {
        var parts = token.TryGetPayloadValue<JsonElement>(name, out _) ? [name] : name.Split('.');
        if (!token.TryGetPayloadValue<JsonElement>(parts[0], out var value))
        {
            return [];
        }

        foreach (var part in parts.Skip(1))
        {
            if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(part, out value))
            {
                return [];
            }
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Take(MaxValues),
            JsonValueKind.Array => value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String)
                .Select(item => item.GetString()!).Where(item => item.Length is > 0 and <= MaxLength).Take(MaxValues),
            _ => [],
        };
    }
}
