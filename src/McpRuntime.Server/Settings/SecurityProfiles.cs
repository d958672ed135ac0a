using System.Text.Json;

namespace McpRuntime.Server.Settings;

/// <summary>Seccomp and AppArmor profiles that an admin configured by name. Read and judged at start: a profile that is none would only show when a container does not start.</summary>
internal sealed record SecurityProfiles(IReadOnlyDictionary<string, string> Seccomp, IReadOnlyList<string> Apparmor)
{
    private const string SeccompVariable = "RUNTIME_SECCOMP_PROFILES";
    private const long LargestProfile = 1 << 20;

    // What the engine itself reads from the profile's JSON (moby's and runc's names).
    private static readonly string[] Actions =
        ["SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"];

    public static SecurityProfiles Read(SettingsReader read) => new(
        ReadSeccomp(read),
        read.List("RUNTIME_APPARMOR_PROFILES", [], name => IsName(name) ? null : "allowed are names of profiles that are loaded on the engine's host, such as mcp-standard"));

    private static Dictionary<string, string> ReadSeccomp(SettingsReader read)
    {
        var profiles = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, path) in Files(read))
        {
            if (!IsName(name))
            {
                read.Refuse(SeccompVariable, $"\"{name}\" is no name for a profile: letters, digits, '.', '_' and '-', and not \"unconfined\"");
            }
            else if (Profile(path, out var problem) is { } json)
            {
                profiles[name] = json;
            }
            else
            {
                read.Refuse(SeccompVariable, $"the profile \"{name}\" at {path}: {problem}");
            }
        }

        return profiles;
    }

    /// <summary>A folder of <c>name.json</c>, or a JSON object of names and paths.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Files(SettingsReader read)
    {
        if (read.Text(SeccompVariable) is not { } value)
        {
            return [];
        }

        if (value[0] == '{')
        {
            try
            {
                return JsonSerializer.Deserialize<Dictionary<string, string>>(value) ?? [];
            }
            catch (JsonException)
            {
                read.Refuse(SeccompVariable, "is not a JSON object of names and paths; write {\"name\":\"/path/name.json\"} or a folder");
                return [];
            }
        }

        if (!Directory.Exists(value))
        {
            read.Refuse(SeccompVariable, $"no folder at {Path.GetFullPath(value)}");
            return [];
        }

        return Directory.EnumerateFiles(value, "*.json").Order(StringComparer.Ordinal).Select(path => KeyValuePair.Create(Path.GetFileNameWithoutExtension(path), path));
    }

    /// <summary>Its JSON on one line, as the engine takes it.</summary>
    private static string? Profile(string path, out string problem)
    {
        try
        {
            if (new FileInfo(path).Length > LargestProfile)
            {
                problem = $"is larger than {LargestProfile} bytes";
                return null;
            }

            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("defaultAction", out var action) || action.ValueKind != JsonValueKind.String || !Actions.Contains(action.GetString(), StringComparer.Ordinal))
            {
                problem = "is no seccomp profile: an object with a defaultAction such as SCMP_ACT_ERRNO is";
                return null;
            }

            problem = "";
            return JsonSerializer.Serialize(root);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            problem = e.Message;
            return null;
        }
    }

    private static bool IsName(string name) =>
        name is { Length: > 0 and <= 128 } && name != "unconfined" && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');
}
