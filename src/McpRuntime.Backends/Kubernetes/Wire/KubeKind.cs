namespace McpRuntime.Backends.Kubernetes.Wire;

/// <summary>A kind of object, as the API addresses it.</summary>
/// <param name="Group">Empty: the core group.</param>
/// <param name="Plural">As in paths: <c>deployments</c>.</param>
public sealed record KubeKind(string Group, string Version, string Plural, string Kind, bool Namespaced = true)
{
    public static readonly KubeKind Namespace = new("", "v1", "namespaces", "Namespace", Namespaced: false);
    public static readonly KubeKind Node = new("", "v1", "nodes", "Node", Namespaced: false);
    public static readonly KubeKind Pod = new("", "v1", "pods", "Pod");
    public static readonly KubeKind Event = new("", "v1", "events", "Event");
    public static readonly KubeKind Secret = new("", "v1", "secrets", "Secret");
    public static readonly KubeKind Service = new("", "v1", "services", "Service");
    public static readonly KubeKind ServiceAccount = new("", "v1", "serviceaccounts", "ServiceAccount");
    public static readonly KubeKind Deployment = new("apps", "v1", "deployments", "Deployment");
    public static readonly KubeKind ReplicaSet = new("apps", "v1", "replicasets", "ReplicaSet");
    public static readonly KubeKind NetworkPolicy = new("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy");
    public static readonly KubeKind CustomResourceDefinition = new("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", Namespaced: false);

    public static readonly KubeKind McpRuntime = new("mcpruntime.dev", "v1alpha1", "mcpruntimes", "McpRuntime");
    public static readonly KubeKind GuardrailProfile = new("mcpruntime.dev", "v1alpha1", "guardrailprofiles", "GuardrailProfile", Namespaced: false);

    public string ApiVersion => Group.Length == 0 ? Version : $"{Group}/{Version}";

    /// <param name="space">Null: all namespaces (or a kind that has none).</param>
    internal string Path(string? space, string? name = null)
    {
        var root = Group.Length == 0 ? $"api/{Version}" : $"apis/{Group}/{Version}";
        var within = Namespaced && space is not null ? $"/namespaces/{Uri.EscapeDataString(space)}" : "";
        return $"{root}{within}/{Plural}{(name is null ? "" : "/" + Uri.EscapeDataString(name))}";
    }
}
