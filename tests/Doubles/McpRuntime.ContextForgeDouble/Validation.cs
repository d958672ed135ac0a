using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace McpRuntime.ContextForgeDouble;

/// <summary>Its input rules, as strictly as they are documented: a client that passes here sends nothing by accident.</summary>
internal static partial class Validation
{
    private static readonly string[] Known = ["name", "url", "description", "transport", "auth_type", "auth_token", "tags", "visibility", "team_id"];

    public static void Check(JsonObject fields, Switches switches)
    {
        foreach (var (name, _) in fields.Where(field => !Known.Contains(field.Key, StringComparer.Ordinal)))
        {
            throw new Refused(422, $"{name}: Extra inputs are not permitted");
        }

        Must(Text(fields, "name") is { Length: > 0 and <= 255 } value && NameRule().IsMatch(value), "name: Gateway name can only contain letters, numbers, underscore, dot, space and hyphen");
        Must(Uri.TryCreate(Text(fields, "url"), UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0, "url: Gateway URL must be an http or https URL");
        Must(Text(fields, "transport") is "SSE" or "STREAMABLEHTTP", "transport: Invalid transport type");
        Must(Text(fields, "auth_type") != "bearer" || Text(fields, "auth_token") is { Length: > 0 }, "auth_token: For 'bearer' auth, 'auth_token' must be provided");
        Must(Text(fields, "description") is null or { Length: <= 8192 }, "description: too long");
        Must(Text(fields, "description")?.AsSpan().IndexOfAny("<>") is null or < 0, "description: contains HTML tags");
        Must(Text(fields, "visibility") is null or "public" or "team" or "private", "visibility: not one of public, team, private");
        Must(Text(fields, "visibility") != "team" || Text(fields, "team_id") is { Length: > 0 }, "team_id: is required with visibility team");
        foreach (var tag in fields["tags"]?.AsArray() ?? [])
        {
            Must(tag!.GetValueKind() is JsonValueKind.String && tag.GetValue<string>() is { Length: >= 2 and <= 50 } text && TagRule().IsMatch(text), $"tags: {tag} is not a tag");
        }

        if (!switches.AllowsPrivate)
        {
            MustBePublic(url!);
        }
    }

    /// <summary>The words were seen on a live service.</summary>
    private static void MustBePublic(Uri url)
    {
        Must(url.Host is not "localhost", "Gateway URL contains localhost address which is blocked by SSRF protection");
        if (IPAddress.TryParse(url.Host, out var address))
        {
            var bytes = address.GetAddressBytes();
            Must(!IPAddress.IsLoopback(address), "Gateway URL contains localhost address which is blocked by SSRF protection");
            Must(bytes is not [10, ..] and not [192, 168, ..] and not [172, >= 16 and < 32, ..], "Gateway URL contains private network address which is blocked by SSRF protection");
        }
    }

    private static string? Text(JsonObject fields, string name) => fields[name] is JsonValue value && value.GetValueKind() is JsonValueKind.String ? value.GetValue<string>() : null;

    private static void Must(bool holds, string detail)
    {
        if (!holds)
        {
            throw new Refused(422, detail);
        }
    }

    [GeneratedRegex(@"^[a-zA-Z0-9_.\- ]+$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NameRule();

    [GeneratedRegex(@"^[a-z0-9][a-z0-9\-:.]*[a-z0-9]$", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex TagRule();
}
