using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Manifests;
using McpRuntime.Core.Records;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>An object of the cluster, read as the manifest that it is: the same reading as of a file in Git.</summary>
internal static class ObjectManifest
{
    private const int MostErrors = 20;

    private static readonly JsonSerializerOptions AsItIs = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static ManifestSet Read(KubeKind kind, KubeObject item) =>
        ManifestReader.Read(item.Name, new JsonObject
        {
            // An item of a list names neither.
            ["apiVersion"] = kind.ApiVersion,
            ["kind"] = kind.Kind,
            ["metadata"] = item.Namespace is { } space ? new JsonObject { ["name"] = item.Name, ["namespace"] = space } : new JsonObject { ["name"] = item.Name },
            ["spec"] = item.Spec?.DeepClone(),
        }.ToJsonString(AsItIs));

    /// <summary>Without file and line, which a cluster's object has not.</summary>
    public static string Tell(IReadOnlyList<ManifestError> errors) =>
        string.Join("; ", errors.Take(MostErrors).Select(error => $"{error.Path} {error.Message}".Trim())) + (errors.Count > MostErrors ? $"; and {errors.Count - MostErrors} more" : "");

    /// <summary>What the door said, as one CamelCase word.</summary>
    public static string Reason(Refusal refusal) => refusal.Kind switch
    {
        RefusalKind.Malformed or RefusalKind.Invalid => "Invalid",
        RefusalKind.Forbidden => "NotAllowed",
        RefusalKind.NotFound => "NotFound",
        RefusalKind.Conflict or RefusalKind.PreconditionFailed => "Conflict",
        RefusalKind.Throttled or RefusalKind.Unavailable => "Unavailable",
    };
}
