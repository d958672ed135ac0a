using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Guardrails;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>What Kubernetes holds of each control: before anything runs (from what is asked), and after (from the live objects).</summary>
internal sealed class KubernetesControls(KubernetesOptions options)
{
    /// <summary>No filter at all; admission lets it pass only from a profile that an admin made.</summary>
    public const string Unconfined = "unconfined";

    private const string DefaultSeccomp = "runtime/default";

    private const string PluginUnknown =
        "A NetworkPolicy says so, but whether the cluster's network plugin enforces it can't be asked of any API: set RUNTIME_KUBERNETES_NETWORK_POLICY=enforced once you know that it does. ";

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig asked) => [.. Enum.GetValues<Control>().Select(control => One(control, asked, Egress.Of(asked.Network)))];

    private ControlReport One(Control control, GuardrailsConfig asked, Egress egress) => control switch
    {
        Control.Egress => egress is Egress.All ? NotAsked(control) : ByPolicy(control, asked, "NetworkPolicy: no egress", "The server may reach the network."),
        Control.AllowedHosts => egress is Egress.Hosts
            ? Lacking(control, asked, "Host lists are not filtered on Kubernetes: as far as its policies are enforced nothing at all gets out, the listed hosts neither. Allow all egress, or none.")
            : NotAsked(control),
        Control.Ingress => ByPolicy(control, asked, "NetworkPolicy: from the gateway to the endpoint only", "Every Pod of the cluster may reach the server past the gateway."),
        Control.Peers => egress is Egress.All
            ? Lacking(control, asked, "With open egress the server reaches every Pod and Service of the cluster whose own policies let it in. Close egress.")
            : ByPolicy(control, asked, "NetworkPolicy: no egress", "The server may reach other Pods."),
        Control.HostPorts => egress is Egress.All
            ? Lacking(control, asked, "With open egress the server reaches the ports that nodes have open. Close egress.")
            : ByPolicy(control, asked, "NetworkPolicy: no egress", "The server may reach the ports that nodes have open; many plugins exempt a Pod's own node."),
        Control.Metadata => ByPolicy(control, asked, egress is Egress.All ? "NetworkPolicy: all but 169.254.0.0/16" : "NetworkPolicy: no egress", "The server may reach a cloud's metadata address (169.254.169.254)."),
        Control.Dns => egress is Egress.All ? NotAsked(control) : ByPolicy(control, asked, "NetworkPolicy: no egress; dnsPolicy None", "The server's resolver never answers, but it may ask the cluster's by address."),
        Control.ReadOnlyRoot => asked.Filesystem.ReadOnlyRoot ? Enforced(control, "securityContext.readOnlyRootFilesystem, emptyDir at /tmp") : NotAsked(control),
        Control.Mounts => Enforced(control, "volumes: emptyDir only"),
        Control.DropCapabilities => asked.Capabilities.DropAll ? Enforced(control, "securityContext.capabilities.drop") : NotAsked(control),
        Control.AddCapabilities => asked.Capabilities.Add.Count > 0 ? Enforced(control, "securityContext.capabilities.add") : NotAsked(control),
        Control.Cpu => asked.Resources.Cpu is null ? NotAsked(control) : Enforced(control, "resources.limits.cpu"),
        Control.Memory => asked.Resources.Memory is null ? NotAsked(control) : Enforced(control, "resources.limits.memory"),
        Control.Pids => asked.Resources.MaxPids is null
            ? NotAsked(control)
            : Lacking(control, asked, "The number of processes is a setting of the node (the kubelet's podPidsLimit), not of a Pod: it is not limited as asked."),
        Control.Seccomp => asked.Seccomp switch
        {
            null or Unconfined => NotAsked(control),
            DefaultSeccomp => Enforced(control, "securityContext.seccompProfile"),
            { } name => new ControlReport(control, ControlOutcome.Refused, Message: $"There is no seccomp profile \"{name}\" on the nodes that we know of: use {DefaultSeccomp}."),
        },
        Control.Apparmor => asked.Apparmor is null or Unconfined ? NotAsked(control) : new ControlReport(control, ControlOutcome.Unavailable, Message: "Whether the nodes have AppArmor, and the profile, can't be asked of the cluster."),
        Control.NoNewPrivileges => asked.Process.NoNewPrivileges ? Enforced(control, "securityContext.allowPrivilegeEscalation") : NotAsked(control),
        Control.NonRoot => asked.Process.RunAsNonRoot ? Enforced(control, "securityContext.runAsNonRoot") : NotAsked(control),
        Control.RequireDigest => asked.Images.RequireDigest ? Enforced(control, "image: a registry's digest") : NotAsked(control),
        Control.AllowedRegistries => Enforced(control, "admission"),
        Control.SecretsAtRest => NotAsked(control) with { Message = "Encrypted in our database; in the cluster a Secret, encrypted where the API server is set up to, and readable to whoever may read Secrets of its namespace." },
        Control.Timeout => asked.Resources.TimeoutSeconds is null ? NotAsked(control) : Lacking(control, asked, "Kubernetes has no request timeout: the gateway's own applies."),
        Control.Scale => asked.Resources is { MinScale: null, MaxScale: null } ? NotAsked(control) : Lacking(control, asked, "There is one Pod, always."),
    };

    /// <summary>What the live objects show, control by control.</summary>
    /// <param name="policy">The runtime's live NetworkPolicy; null: there is none.</param>
    public IReadOnlyList<ControlReport> ReadBack(KubeObject deployment, KubeObject? policy) =>
        [.. Enum.GetValues<Control>().Select(control => Seen(control, new LivePod(deployment), new LivePolicy(policy?.Spec)))];

    private ControlReport Seen(Control control, LivePod pod, LivePolicy policy) => control switch
    {
        Control.Egress or Control.Peers or Control.Dns or Control.HostPorts => Held(control, Holds(policy.IsClosed && !pod.IsOnHost), policy.Words),
        Control.Metadata => Held(control, Holds((policy.IsClosed || policy.ExceptsMetadata) && !pod.IsOnHost), policy.Words),
        Control.AllowedHosts => new ControlReport(control, policy.IsClosed ? ControlOutcome.Enforced : ControlOutcome.NotAsked, Observed: policy.IsClosed ? "nothing gets out" : null),
        Control.Ingress => Held(control, Holds(policy.IsGuarded && !pod.IsOnHost), policy.Words),
        Control.ReadOnlyRoot => Held(control, pod.Flag("readOnlyRootFilesystem") == true, $"readOnlyRootFilesystem={pod.Word("readOnlyRootFilesystem")}"),
        Control.Mounts => Held(control, pod.VolumeKinds.All(kind => kind == "emptyDir"), $"volumes: {string.Join(", ", pod.VolumeKinds)}"),
        Control.DropCapabilities => Held(control, pod.Dropped.Contains("ALL", StringComparer.Ordinal) && !pod.IsPrivileged, $"drop=[{string.Join(", ", pod.Dropped)}] privileged={pod.Word("privileged")}"),
        Control.AddCapabilities => Held(control, !pod.IsPrivileged, $"add=[{string.Join(", ", pod.Added)}]"),
        Control.Cpu => Held(control, pod.Limit("cpu") is not null, $"limits.cpu={pod.Limit("cpu")}"),
        Control.Memory => Held(control, pod.Limit("memory") is not null, $"limits.memory={pod.Limit("memory")}"),
        Control.Seccomp => Held(control, pod.Seccomp is "RuntimeDefault" or "Localhost" && !pod.IsPrivileged, $"seccompProfile={pod.Seccomp ?? "none"}"),
        Control.Apparmor => new ControlReport(control, ControlOutcome.Unavailable, Observed: "not asked of the node"),
        Control.NoNewPrivileges => Held(control, pod.Flag("allowPrivilegeEscalation") == false, $"allowPrivilegeEscalation={pod.Word("allowPrivilegeEscalation")}"),
        Control.NonRoot => Held(control, pod.Flag("runAsNonRoot") == true, $"runAsNonRoot={pod.Word("runAsNonRoot")} runAsUser={pod.Word("runAsUser")}"),
        Control.RequireDigest => Held(control, pod.Image.Contains("@sha256:", StringComparison.Ordinal), pod.Image),
        Control.AllowedRegistries => Held(control, held: true, pod.Image),
        Control.Pids => Held(control, held: false, "no such field in a Pod"),
        Control.SecretsAtRest or Control.Timeout or Control.Scale => NotAsked(control),
    };

    private bool Holds(bool said) => said && options.NetworkPolicyEnforced;

    private ControlReport ByPolicy(Control control, GuardrailsConfig asked, string where, string effect) =>
        options.NetworkPolicyEnforced ? Enforced(control, where) : Lacking(control, asked, PluginUnknown + effect);

    /// <summary>Weakened, or the mode's "no".</summary>
    private ControlReport Lacking(Control control, GuardrailsConfig asked, string message) =>
        (asked.Mode ?? options.Mode) == GuardrailsMode.Refuse ? new ControlReport(control, ControlOutcome.Refused, Message: message) : new ControlReport(control, ControlOutcome.Weakened, Message: message);

    private static ControlReport Enforced(Control control, string where) => new(control, ControlOutcome.Enforced, where);

    private static ControlReport NotAsked(Control control) => new(control, ControlOutcome.NotAsked);

    private static ControlReport Held(Control control, bool held, string observed) => new(control, held ? ControlOutcome.Enforced : ControlOutcome.Weakened, Observed: observed);

    /// <summary>A Deployment's template, as it stands on the server.</summary>
    private sealed class LivePod(KubeObject deployment)
    {
        private readonly JsonObject? _pod = deployment.At("spec", "template", "spec") as JsonObject;

        private JsonObject? Server => _pod?["containers"].Objects().FirstOrDefault(c => c["name"].AsText() == KubernetesNames.Server);

        public bool IsPrivileged => _pod?["containers"].Objects().Any(c => c["securityContext"]?["privileged"].AsFlag() == true) != false;

        public bool IsOnHost => _pod?["hostNetwork"].AsFlag() == true;

        public string Image => Server?["image"].AsText() ?? "";

        public string? Seccomp => Server?["securityContext"]?["seccompProfile"]?["type"].AsText() ?? _pod?["securityContext"]?["seccompProfile"]?["type"].AsText();

        public IEnumerable<string> Dropped => Server?["securityContext"]?["capabilities"]?["drop"].Texts() ?? [];

        public IEnumerable<string> Added => Server?["securityContext"]?["capabilities"]?["add"].Texts() ?? [];

        public IEnumerable<string> VolumeKinds => _pod?["volumes"].Objects().Select(v => v.Select(f => f.Key).FirstOrDefault(k => k != "name") ?? "") ?? [];

        public bool? Flag(string name) => Server?["securityContext"]?[name].AsFlag();

        public string Word(string name) => Server?["securityContext"]?[name]?.ToJsonString() ?? "unset";

        public string? Limit(string name) => Server?["resources"]?["limits"]?[name].AsText();
    }

    private sealed class LivePolicy(JsonObject? spec)
    {
        private bool IsOf(string type) => spec?["policyTypes"].Texts().Contains(type, StringComparer.Ordinal) == true;

        public bool IsClosed => IsOf("Egress") && !spec!["egress"].Objects().Any();

        public bool IsGuarded => IsOf("Ingress") && spec!["ingress"].Objects().All(rule => rule["from"].Objects().Any());

        public bool ExceptsMetadata => IsOf("Egress") && spec!["egress"].Objects().SelectMany(rule => rule["to"].Objects())
            .All(to => to["ipBlock"] is null || to["ipBlock"]!["except"].Texts().Contains("169.254.0.0/16", StringComparer.Ordinal));

        public string Words => spec is null ? "no NetworkPolicy" : $"NetworkPolicy: {spec["ingress"].Objects().Count()} ways in, {spec["egress"].Objects().Count()} ways out; enforcement is the plugin's";
    }
}
