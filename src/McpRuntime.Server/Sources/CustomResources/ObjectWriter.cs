using System.Text.Json.Nodes;
using McpRuntime.Backends;
using McpRuntime.Backends.Kubernetes.Wire;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>What is written to our objects: the finalizer, the status, events. Each write only if it would change something, and only to the object that was looked at.</summary>
internal sealed partial class ObjectWriter(KubernetesWire wire, ClusterMirror mirror, TimeProvider time, ILogger<ObjectWriter> logger)
{
    public const string Finalizer = "mcpruntime.dev/teardown";

    public static bool HasFinalizer(KubeObject item) => Finalizers(item).Contains(Finalizer, StringComparer.Ordinal);

    /// <summary>Before anything is made, so that nothing is left when the object goes.</summary>
    /// <returns>False: the object is not as it was seen; it is looked at again.</returns>
    public async Task<bool> HoldAsync(KubeKind kind, KubeObject item, CancellationToken ct) =>
        HasFinalizer(item) || await SetAsync(kind, item, [.. Finalizers(item), Finalizer], ct) is not null;

    /// <summary>Lets the object go.</summary>
    public async Task ReleaseAsync(KubeKind kind, KubeObject item, CancellationToken ct)
    {
        if (!HasFinalizer(item))
        {
            return;
        }

        var left = await SetAsync(kind, item, [.. Finalizers(item).Where(name => name != Finalizer)], ct);
        if (left is null || (left.IsDeleting && Finalizers(left).Count == 0))
        {
            mirror.Gone(kind, item);
        }
    }

    /// <returns>Whether it was another than before.</returns>
    public async Task<bool> TellAsync(KubeKind kind, KubeObject item, JsonObject status, CancellationToken ct)
    {
        // Through text: a number that was read and one that was made compare equal only so.
        var wanted = JsonNode.Parse(status.ToJsonString());
        if (JsonNode.DeepEquals(wanted, item.Status))
        {
            return false;
        }

        var whole = (JsonObject)item.Json.DeepClone();
        whole["status"] = wanted;
        mirror.Written(kind, await wire.ReplaceAsync(kind, item.Namespace, item.Name, whole, ct, "status"), item.ResourceVersion);
        return true;
    }

    /// <summary>An Event, for <c>kubectl describe</c>. That one can't be written stops nothing.</summary>
    public async Task EventAsync(KubeKind kind, KubeObject item, string reason, string message, bool warning, CancellationToken ct)
    {
        var now = ObjectConditions.Time(time.GetUtcNow());
        var space = item.Namespace ?? "default";
        var about = new JsonObject { ["apiVersion"] = kind.ApiVersion, ["kind"] = kind.Kind, ["name"] = item.Name, ["uid"] = item.Uid, ["resourceVersion"] = item.ResourceVersion };
        if (item.Namespace is not null)
        {
            about["namespace"] = item.Namespace;
        }

        try
        {
            await wire.CreateAsync(
                KubeKind.Event,
                space,
                new JsonObject
                {
                    ["metadata"] = new JsonObject { ["generateName"] = $"{item.Name}.", ["namespace"] = space },
                    ["involvedObject"] = about,
                    ["reason"] = reason,
                    ["message"] = message.Length <= 1_000 ? message : message[..1_000] + "…",
                    ["type"] = warning ? "Warning" : "Normal",
                    ["source"] = new JsonObject { ["component"] = KubernetesWire.FieldManager },
                    ["firstTimestamp"] = now,
                    ["lastTimestamp"] = now,
                    ["count"] = 1,
                },
                ct);
        }
        catch (BackendFault fault)
        {
            Log.NoEvent(logger, item.Name, fault.Fault.Message);
        }
    }

    private static List<string> Finalizers(KubeObject item) => [.. item.At("metadata", "finalizers").Texts()];

    /// <summary>The list is replaced as a whole: with the version that was seen, so that nobody else's entry is lost.</summary>
    private async Task<KubeObject?> SetAsync(KubeKind kind, KubeObject item, IReadOnlyList<string> finalizers, CancellationToken ct)
    {
        var patch = new JsonObject
        {
            ["metadata"] = new JsonObject
            {
                ["uid"] = item.Uid,
                ["resourceVersion"] = item.ResourceVersion,
                ["finalizers"] = new JsonArray([.. finalizers.Select(name => JsonValue.Create(name))]),
            },
        };
        var written = await wire.PatchAsync(kind, item.Namespace, item.Name, patch, ct);
        if (written is not null)
        {
            mirror.Written(kind, written, item.ResourceVersion);
        }

        return written;
    }

    private static partial class Log
    {
        [LoggerMessage(Level = LogLevel.Debug, Message = "Custom resources: no event for {Name}: {Why}")]
        public static partial void NoEvent(ILogger logger, string name, string why);
    }
}
