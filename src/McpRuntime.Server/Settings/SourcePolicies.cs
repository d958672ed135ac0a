using System.Text.Json;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Settings;

/// <summary>The settings that are JSON: RUNTIME_SOURCE_POLICY, and the outer form of RUNTIME_GITOPS_REPOS.</summary>
internal static class SourcePolicies
{
    public static IReadOnlyDictionary<string, SourcePolicy> Read(SettingsReader read)
    {
        const string Name = "RUNTIME_SOURCE_POLICY";
        const string Allowed = "a JSON object by source, such as {\"git:infra\": {\"role\": \"operator\", \"teams\": [\"a\"], \"profiles\": false}}, and for crd:… also \"namespaces\": {\"namespace\": \"team\"}";
        var policy = new Dictionary<string, SourcePolicy>(StringComparer.Ordinal);
        if (JsonText(read, Name, JsonValueKind.Object, Allowed) is not { } text)
        {
            return policy;
        }

        try
        {
            foreach (var (source, entry) in JsonSerializer.Deserialize<Dictionary<string, PolicyEntry>>(text, PolicyEntry.Json) ?? [])
            {
                if (RoleNames.TryParse(entry.Role ?? "operator", out var role))
                {
                    policy[source] = new SourcePolicy(role, entry.Teams ?? [], entry.Profiles) { Namespaces = entry.Namespaces ?? [] };
                }
                else
                {
                    read.Refuse(Name, $"{source}: role \"{entry.Role}\"; allowed are {RoleNames.All}");
                }
            }
        }
        catch (JsonException)
        {
            read.Refuse(Name, $"allowed is {Allowed}");
        }

        return policy;
    }

    public static string? JsonText(SettingsReader read, string name, JsonValueKind kind, string allowed)
    {
        var text = read.Text(name);
        try
        {
            if (text is null || JsonSerializer.Deserialize<JsonElement>(text).ValueKind == kind)
            {
                return text;
            }
        }
        catch (JsonException)
        {
            // Falls through to the one error below.
        }

        read.Refuse(name, $"allowed is {allowed}");
        return null;
    }

    private sealed record PolicyEntry(string? Role, IReadOnlyList<string>? Teams, bool Profiles, Dictionary<string, string>? Namespaces)
    {
        public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
        {
            UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
        };
    }
}
