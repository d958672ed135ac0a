using System.Globalization;
using System.Text.Json.Nodes;

namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>An object as the server tells it. Fields that we do not know of are there, so that nothing is lost or overlooked.</summary>
public sealed class KubeObject(JsonObject json)
{
    public JsonObject Json => json;

    public string Name => Text("metadata", "name") ?? "";

    public string? Namespace => Text("metadata", "namespace");

    public string Uid => Text("metadata", "uid") ?? "";

    public string ResourceVersion => Text("metadata", "resourceVersion") ?? "";

    public long Generation => Number("metadata", "generation") ?? 0;

    public DateTimeOffset? CreatedAt => Time("metadata", "creationTimestamp");

    public bool IsDeleting => Text("metadata", "deletionTimestamp") is not null;

    public JsonObject? Spec => json["spec"] as JsonObject;

    public JsonObject? Status => json["status"] as JsonObject;

    public string? Label(string name) => Text("metadata", "labels", name);

    public string? Annotation(string name) => Text("metadata", "annotations", name);

    /// <summary>Null: a step of the path is missing, or something else than asked.</summary>
    public JsonNode? At(params ReadOnlySpan<string> path)
    {
        JsonNode? node = json;
        foreach (var step in path)
        {
            node = (node as JsonObject)?[step];
        }

        return node;
    }

    public string? Text(params ReadOnlySpan<string> path) => At(path).AsText();

    public long? Number(params ReadOnlySpan<string> path) => At(path).AsNumber();

    public DateTimeOffset? Time(params ReadOnlySpan<string> path) => At(path).AsTime();
}

/// <summary>Reading of what may be missing or of another type: the server's objects are not ours to trust.</summary>
public static class KubeJson
{
    public static string? AsText(this JsonNode? node) => node is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    public static long? AsNumber(this JsonNode? node) => node is JsonValue value && value.TryGetValue<long>(out var number) ? number : null;

    public static bool? AsFlag(this JsonNode? node) => node is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    public static DateTimeOffset? AsTime(this JsonNode? node) =>
        DateTimeOffset.TryParse(node.AsText(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null;

    public static IEnumerable<JsonObject> Objects(this JsonNode? node) => (node as JsonArray)?.OfType<JsonObject>() ?? [];

    public static IEnumerable<string> Texts(this JsonNode? node) => (node as JsonArray)?.Select(AsText).OfType<string>() ?? [];
}

/// <param name="Version">To watch from.</param>
public sealed record KubeList(IReadOnlyList<KubeObject> Items, string Version);

/// <summary>What a watch says.</summary>
public enum KubeChange
{
    Added,
    Modified,
    Deleted,

    /// <summary>Nothing changed; only <see cref="KubeObject.ResourceVersion"/> is new.</summary>
    Bookmark,
}

public sealed record KubeEvent(KubeChange Change, KubeObject Object);
