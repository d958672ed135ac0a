using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>
/// What an object says, field by field, without what the server fills in by itself: canonical, so that what was asked and what is live
/// can be compared. What somebody else added is there too: a field that we do not set may open what we closed.
/// </summary>
internal sealed record ObjectShape(IReadOnlyList<KeyValuePair<string, string>> Fields)
{
    /// <summary>Filled in by every server since 1.20 where we say nothing; each harmless.</summary>
    private static readonly Dictionary<string, string> Defaults = new(StringComparer.Ordinal)
    {
        ["terminationMessagePath"] = "/dev/termination-log",
        ["terminationMessagePolicy"] = "File",
        ["dnsPolicy"] = "ClusterFirst",
        ["restartPolicy"] = "Always",
        ["schedulerName"] = "default-scheduler",
        ["securityContext"] = "{}",
        ["resources"] = "{}",
    };

    /// <summary>Of a Service: what the cluster allots is its own.</summary>
    private static readonly string[] OfService = ["type", "selector", "ports", "externalIPs", "externalName", "publishNotReadyAddresses"];

    public string Fingerprint(KeyedHash hash) => hash.Of(Canonical(Fields))[..32];

    /// <summary><c>field:hash</c> by field: enough to name what changed, too little to guess a value from (keyed).</summary>
    public string Legend(KeyedHash hash) => string.Join(',', Fields.Select(f => $"{f.Key}:{hash.Short(Canonical([f]), 6)}"));

    /// <summary>Fields that changed, were added, or are gone, since the legend was written; empty without one.</summary>
    public IReadOnlyList<string> DifferingFrom(string? legend, KeyedHash hash)
    {
        if (legend is null)
        {
            return [];
        }

        var then = legend.Split(',');
        var now = Legend(hash).Split(',');
        return [.. now.Except(then, StringComparer.Ordinal).Concat(then.Except(now, StringComparer.Ordinal)).Select(field => field[..Math.Max(0, field.LastIndexOf(':'))]).Distinct(StringComparer.Ordinal)];
    }

    public static ObjectShape Of(KubeKind kind, JsonObject json)
    {
        List<KeyValuePair<string, string>> fields = [];
        if (kind == KubeKind.Secret)
        {
            Add(fields, "type", json["type"] ?? "Opaque");
            Add(fields, "data", json["data"] ?? new JsonObject());
        }
        else if (kind == KubeKind.ServiceAccount)
        {
            Add(fields, "automountServiceAccountToken", json["automountServiceAccountToken"]);
            Add(fields, "imagePullSecrets", json["imagePullSecrets"] ?? new JsonArray());
        }
        else if (kind == KubeKind.Service)
        {
            foreach (var name in OfService)
            {
                Add(fields, "spec." + name, json["spec"]?[name]);
            }
        }
        else
        {
            Add(fields, "spec", json["spec"]);
        }

        return new ObjectShape([.. fields.OrderBy(f => f.Key, StringComparer.Ordinal)]);
    }

    private static void Add(List<KeyValuePair<string, string>> fields, string path, JsonNode? node)
    {
        switch (node)
        {
            case null or JsonArray { Count: 0 }: // The server leaves an empty list out.
                return;
            case JsonObject { Count: > 0 } map:
                // Annotations of a template mean nothing to what runs ("kubectl rollout restart" sets one); our own label is made from the rest.
                var isTemplate = path.EndsWith(".template.metadata", StringComparison.Ordinal);
                foreach (var (name, value) in map.Where(m => m.Key != KubernetesNames.Revision && (!isTemplate || m.Key == "labels") && !IsDefault(map, m.Key, m.Value)))
                {
                    Add(fields, $"{path}.{name}", value);
                }

                return;
            case JsonArray { Count: > 0 } list:
                for (var i = 0; i < list.Count; i++)
                {
                    Add(fields, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), list[i]);
                }

                return;
            default:
                fields.Add(new(path, Text(path, node)));
                return;
        }
    }

    private static bool IsDefault(JsonObject map, string name, JsonNode? value) =>
        (Defaults.TryGetValue(name, out var usual) && usual == (value.AsText() ?? value?.ToJsonString()))

        // The old name of serviceAccountName, filled in to the same.
        || (name == "serviceAccount" && value.AsText() == map["serviceAccountName"].AsText());

    private static string Text(string path, JsonNode node)
    {
        var text = node.AsText() ?? node.ToJsonString();
        var isQuantity = path.Contains(".resources.", StringComparison.Ordinal) || path.EndsWith(".sizeLimit", StringComparison.Ordinal);
        return isQuantity && KubeQuantity.TryParse(text, out var number) ? number.ToString("0.#########", CultureInfo.InvariantCulture) : text;
    }

    /// <summary>Lengths before values, so that no value can pretend to be two.</summary>
    private static string Canonical(IEnumerable<KeyValuePair<string, string>> fields)
    {
        var text = new StringBuilder();
        foreach (var (key, value) in fields)
        {
            text.Append(CultureInfo.InvariantCulture, $"{key.Length}:{key}={value.Length}:{value};");
        }

        return text.ToString();
    }
}

/// <summary>Amounts as Kubernetes writes them: <c>500m</c>, <c>0.5</c>, <c>64Mi</c>, <c>67108864</c>. The server gives back another form than it got.</summary>
internal static class KubeQuantity
{
    private static readonly (string Suffix, decimal Factor)[] Suffixes =
    [
        ("Ki", 1L << 10), ("Mi", 1L << 20), ("Gi", 1L << 30), ("Ti", 1L << 40), ("Pi", 1L << 50),
        ("n", 0.000000001m), ("u", 0.000001m), ("m", 0.001m), ("k", 1e3m), ("M", 1e6m), ("G", 1e9m), ("T", 1e12m), ("P", 1e15m),
    ];

    public static bool TryParse(string text, out decimal number)
    {
        var (suffix, factor) = Suffixes.Append((Suffix: "", Factor: 1m)).First(s => text.EndsWith(s.Suffix, StringComparison.Ordinal));
        var parsed = decimal.TryParse(text.AsSpan(0, text.Length - suffix.Length), NumberStyles.Float, CultureInfo.InvariantCulture, out number);
        number *= factor;
        return parsed;
    }
}
