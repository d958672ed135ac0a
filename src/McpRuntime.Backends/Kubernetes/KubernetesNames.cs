using System.Globalization;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>Every name and label that we give to anything in a cluster. All derive from the record's id.</summary>
internal static class KubernetesNames
{
    public const string Instance = "dev.mcpruntime/instance";
    public const string Record = "dev.mcpruntime/record";
    public const string ResourceLabel = "dev.mcpruntime/resource";

    /// <summary>Which Deployment a Pod is of: selectors are for life, so each has its own. Not compared: it is made from the comparison.</summary>
    public const string Revision = "dev.mcpruntime/revision";

    /// <summary>Part of the fingerprint: a restart is another Deployment.</summary>
    public const string Restart = "dev.mcpruntime/restart";

    /// <summary>The endpoint's port, read back for the address.</summary>
    public const string Port = "dev.mcpruntime/port";

    /// <summary>Short keyed hashes by field, to name the field that drifted. Never decides whether anything did.</summary>
    public const string Shape = "dev.mcpruntime/shape";

    /// <summary>The one container of a Pod.</summary>
    public const string Server = "server";

    /// <summary>Of the gateway's own Pods; NetworkPolicies let them in.</summary>
    public const string GatewayLabel = "app.kubernetes.io/name";
    public const string GatewayName = "mcp-runtime";

    /// <summary>Every name of this runtime begins so; ten characters of the record's id.</summary>
    public static string Prefix(RuntimeIdentity id) => $"mcp-{id.Short}";

    public static string Deployment(RuntimeIdentity id, string fingerprint) => $"{Prefix(id)}-{fingerprint[..8]}";

    public static string Secret(RuntimeIdentity id, string fingerprint) => $"{Prefix(id)}-env-{fingerprint[..8]}";

    public static JsonObject Labels(RuntimeIdentity id, string resource) => new()
    {
        [Instance] = id.InstanceId,
        [Record] = id.RecordId,
        [ResourceLabel] = resource,
        ["app.kubernetes.io/managed-by"] = KubernetesWire.FieldManager,
    };

    public static bool IsOurs(RuntimeIdentity id, KubeObject live) => live.Label(Instance) == id.InstanceId && live.Label(Record) == id.RecordId;

    public static string Selector(RuntimeIdentity id) => $"{Instance}={id.InstanceId},{Record}={id.RecordId}";

    public static string Selector(string instanceId) => $"{Instance}={instanceId},{Record}";

    public static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>The API's kind of each of ours; null for what is nothing of a cluster's.</summary>
    public static KubeKind? KindOf(ResourceKind kind) => kind switch
    {
        ResourceKind.Account => KubeKind.ServiceAccount,
        ResourceKind.Secret => KubeKind.Secret,
        ResourceKind.NetworkPolicy => KubeKind.NetworkPolicy,
        ResourceKind.Service => KubeKind.Service,
        ResourceKind.Container => KubeKind.Deployment,
        ResourceKind.Image or ResourceKind.Build or ResourceKind.Network or ResourceKind.Volume or ResourceKind.GuardPolicy or ResourceKind.GuardLink or ResourceKind.Route or ResourceKind.Registration => null,
    };
}

/// <summary>An object to be, and the shape it must show when read back. May hold secrets.</summary>
internal sealed record ObjectBody(KubeKind Kind, JsonObject Manifest, ObjectShape Shape) : ResourceBody
{
    /// <summary>A record prints its members; this one's may be secret.</summary>
    public override string ToString() => Kind.Kind;
}
