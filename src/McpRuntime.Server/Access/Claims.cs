using System.Text.Json;
using McpRuntime.Core.Records;
using McpRuntime.Server.Settings;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

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

        // The token is valid by now, so its payload is JSON.
        using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
        var roles = Roles.None;
        foreach (var word in Values(payload.RootElement, settings.RolesClaim))
        {
            roles |= RoleNames.TryParse(word, out var role) ? role : Roles.None;
        }

        string[] teams = [.. Values(payload.RootElement, settings.TeamsClaim).Concat(Values(payload.RootElement, settings.GroupsClaim)).Distinct(StringComparer.Ordinal).Take(MaxValues)];
        return new Caller(subject, roles, teams, "rest", address);
    }

    /// <summary>One string, an array of strings, or one string of words divided by spaces.</summary>
    private static IEnumerable<string> Values(JsonElement payload, string name)
    {
        if (!payload.TryGetProperty(name, out var value))
        {
            value = payload;
            foreach (var part in name.Split('.'))
            {
                if (value.ValueKind != JsonValueKind.Object || !value.TryGetProperty(part, out value))
                {
                    return [];
                }
            }
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => value.GetString()!.Split(' ', StringSplitOptions.RemoveEmptyEntries).Where(IsUsable).Take(MaxValues),
            JsonValueKind.Array => value.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.String).Select(item => item.GetString()!).Where(IsUsable).Take(MaxValues),
            _ => [],
        };
    }

    private static bool IsUsable(string word) => word.Length is > 0 and <= MaxLength && !word.Any(char.IsControl);
}
