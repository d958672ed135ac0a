using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace McpRuntime.CodeEngineDouble;

/// <summary>What the documentation says of names, sizes and words, held against every write. Written from the fact sheet, not from the client.</summary>
internal static partial class Validation
{
    private static readonly Dictionary<string, string[]> Pairs = new(StringComparer.Ordinal)
    {
        ["0.125"] = ["0.25", "0.5", "1"], ["0.25"] = ["0.5", "1", "2"], ["0.5"] = ["1", "2", "4"], ["1"] = ["2", "4", "8"], ["2"] = ["4", "8", "16"], ["4"] = ["8", "16", "32"],
        ["6"] = ["12", "24", "48"], ["8"] = ["16", "32"], ["10"] = ["20", "40"], ["12"] = ["24", "48"],
    };

    private static readonly int[] ReservedPorts = [8022, 8008, 8012, 9090, 9091, 15090];

    private static readonly string[] AppFields =
    [
        "name", "image_reference", "image_secret", "image_port", "managed_domain_mappings", "probe_liveness", "probe_readiness", "run_arguments", "run_commands", "run_as_user",
        "run_compute_resource_token_enabled", "run_env_variables", "run_service_account", "run_volume_mounts", "scale_min_instances", "scale_max_instances", "scale_initial_instances",
        "scale_concurrency", "scale_concurrency_target", "scale_cpu_limit", "scale_memory_limit", "scale_ephemeral_storage_limit", "scale_request_timeout", "scale_down_delay",
    ];

    public static IReadOnlyCollection<string> SettableOfApps => AppFields;

    public static void App(JsonObject app)
    {
        Name(Text(app, "name"), AppName(), 63, "An application name must consist of lowercase alphanumeric characters, '-' and must start with an alphabetic character and end with an alphanumeric character.");
        var image = Text(app, "image_reference") ?? throw Bad("image_reference is required");
        Check(image.Length is >= 1 and <= 256 && Image().IsMatch(image), $"image_reference '{image}' is not valid");
        foreach (var (field, _) in app)
        {
            Check(AppFields.Contains(field, StringComparer.Ordinal), $"unknown field {field}");
        }

        var port = Whole(app, "image_port", 0, 65535, 8080);
        Check(!ReservedPorts.Contains(port), $"image_port {port} is reserved");
        Word(app, "managed_domain_mappings", "local", "local_private", "local_public");
        Word(app, "run_service_account", "default", "manager", "none", "reader", "writer");
        Whole(app, "scale_min_instances", 0, 250, 0);
        Whole(app, "scale_max_instances", 0, 250, 10);
        Whole(app, "scale_concurrency", 1, 1000, 100);
        Whole(app, "scale_request_timeout", 1, 600, 300);
        Whole(app, "scale_down_delay", 0, 3600, 0);
        var memory = Size(app);
        var disk = Gigabytes(Text(app, "scale_ephemeral_storage_limit") ?? "400M", "scale_ephemeral_storage_limit");
        Check(disk <= Math.Max(0.4m, memory), "scale_ephemeral_storage_limit is more than the memory");
        Probe(app["probe_liveness"]);
        Probe(app["probe_readiness"]);
        foreach (var variable in Items(app, "run_env_variables", 100))
        {
            Variable(variable);
        }

        foreach (var mount in Items(app, "run_volume_mounts", 100))
        {
            Check(mount["name"] is null, "run_volume_mounts.name is not accepted from version 2025-07-10 on");
            Check(Text(mount, "type") is "config_map" or "secret" or "persistent_data_store" && Text(mount, "reference") is not null && Text(mount, "mount_path") is { } path && path.StartsWith('/'), "run_volume_mounts is not valid");
        }

        Check(Items(app, "run_arguments", 100).Count + Items(app, "run_commands", 100).Count >= 0, "run_arguments");
    }

    public static void Build(JsonObject build)
    {
        Name(Text(build, "name"), PlainName(), 63, "The build's name is not valid.");
        Check(Text(build, "output_image") is { Length: > 0 } image && Image().IsMatch(image), "output_image is not valid");
        Check(Text(build, "output_secret") is not null, "output_secret is required");
        Check(Text(build, "strategy_type") is "dockerfile" or "buildpacks", "strategy_type is not valid");
        Check((Text(build, "strategy_size") ?? "medium") is "small" or "medium" or "large" or "xlarge" or "xxlarge", "strategy_size is not valid");
        Check(Text(build, "source_url") is { Length: <= 253 } url && SourceUrl().IsMatch(url), "source_url is not valid");
        Whole(build, "timeout", 1, 3600, 600);
        foreach (var parameter in Items(build, "run_build_params", 100))
        {
            Variable(parameter);
        }
    }

    public static void Secret(JsonObject secret, bool isNew)
    {
        if (isNew)
        {
            Name(Text(secret, "name"), SecretName(), 253, "The secret's name is not valid.");
            Check(Text(secret, "format") is "generic" or "registry" or "ssh_auth" or "basic_auth" or "hmac_auth" or "tls", "format is not valid");
        }

        Check(secret["data"] is JsonObject data && data.All(d => Key().IsMatch(d.Key) && d.Value is JsonValue value && value.TryGetValue<string>(out var text) && text.Length <= 1_048_576), "data is not valid");
    }

    public static string? Text(JsonNode? node, string field) => node?[field] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static Refused Bad(string message) => new(400, "bad_request", message);

    private static void Variable(JsonNode variable)
    {
        var type = Text(variable, "type") ?? "literal";
        Check(
            type switch
            {
                "literal" => Text(variable, "name") is { Length: <= 253 } name && Key().IsMatch(name) && Text(variable, "value") is { Length: <= 1_048_576 },
                "secret_key_reference" or "config_map_key_reference" => Text(variable, "reference") is not null && Text(variable, "key") is not null,
                "secret_full_reference" or "config_map_full_reference" => Text(variable, "reference") is not null,
                _ => false,
            },
            $"a variable of type {type} is not valid");
    }

    private static void Probe(JsonNode? probe)
    {
        if (probe is JsonObject set)
        {
            Check(Text(set, "type") is "tcp" or "http", "a probe's type is not valid");
            Whole(set, "port", 1, 65535, 8080);
            Whole(set, "interval", 1, 60, 10);
            Whole(set, "timeout", 1, 3600, 1);
            Whole(set, "initial_delay", 1, 10, 1);
            Whole(set, "failure_threshold", 1, 10, 1);
        }
    }

    private static decimal Size(JsonObject app)
    {
        var cpu = Text(app, "scale_cpu_limit") ?? "1";
        var memory = Gigabytes(Text(app, "scale_memory_limit") ?? "4G", "scale_memory_limit");
        Check(
            Pairs.TryGetValue(cpu, out var sizes) && sizes.Contains(memory.ToString("0.###", CultureInfo.InvariantCulture), StringComparer.Ordinal),
            $"scale_cpu_limit {cpu} and scale_memory_limit {memory}G are not a supported combination");
        return memory;
    }

    private static decimal Gigabytes(string text, string field)
    {
        var match = Quantity().Match(text);
        Check(match.Success && text.Length <= 10 && match.Groups["unit"].Value is "G" or "M", $"{field} is not valid");
        return decimal.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture) / (match.Groups["unit"].Value == "M" ? 1000 : 1);
    }

    private static int Whole(JsonObject from, string field, int min, int max, int otherwise)
    {
        if (from[field] is not { } node)
        {
            return otherwise;
        }

        Check(node is JsonValue value && value.TryGetValue<int>(out var number) && number >= min && number <= max, $"{field} is out of range {min}..{max}");
        return node.GetValue<int>();
    }

    private static void Word(JsonObject from, string field, params ReadOnlySpan<string> words) => Check(from[field] is null || words.Contains(Text(from, field) ?? ""), $"{field} is not valid");

    private static List<JsonNode> Items(JsonObject from, string field, int most)
    {
        var items = from[field] is JsonArray array ? array.ToList() : [];
        Check(items.Count <= most, $"{field} has more than {most} items");
        return items!;
    }

    private static void Name(string? name, Regex form, int longest, string message) => Check(name is { Length: > 0 } && name.Length <= longest && form.IsMatch(name), message);

    private static void Check(bool holds, string message)
    {
        if (!holds)
        {
            throw Bad(message);
        }
    }

    [GeneratedRegex("^[a-z]([-a-z0-9]*[a-z0-9])?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex AppName();

    [GeneratedRegex("^[a-z0-9]([\\-a-z0-9]*[a-z0-9])?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex PlainName();

    [GeneratedRegex("^[a-z0-9]([\\-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([\\-a-z0-9]*[a-z0-9])?)*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SecretName();

    [GeneratedRegex("^[-_.A-Za-z0-9]{1,253}$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Key();

    [GeneratedRegex("^([a-z0-9][a-z0-9\\-_.]+[a-z0-9][\\/])?([a-z0-9][a-z0-9\\-_]+[a-z0-9][\\/])?[a-z0-9][a-z0-9\\-_.\\/]+[a-z0-9](:[\\w][\\w.\\-]{0,127})?(@sha256:[a-fA-F0-9]{64})?$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Image();

    [GeneratedRegex("^((https:\\/\\/[a-z0-9]([\\-.]?[a-z0-9])+(:\\d{1,5})?)|((ssh:\\/\\/)?git@[a-z0-9]([\\-.]{0,1}[a-z0-9])+(:[a-zA-Z0-9\\/][\\w\\-.]*)?))(\\/([\\w\\-.]|%20)+)*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex SourceUrl();

    [GeneratedRegex("^(?<number>[0-9.]+)(?<unit>[eEinumkKMGTPB]*)$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Quantity();
}
