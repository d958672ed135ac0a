using System.ComponentModel.DataAnnotations;
using System.Net;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>The installation's settings of this backend; validated where they are read.</summary>
public sealed record KubernetesOptions
{
    /// <summary>RUNTIME_KUBERNETES_KUBECONFIG; null: the Pod we run in.</summary>
    public string? Kubeconfig { get; init; }

    /// <summary>RUNTIME_KUBERNETES_NAMESPACE: where everything is put. It must be there.</summary>
    [Required]
    public string Namespace { get; init; } = "mcp-runtime";

    /// <summary>RUNTIME_KUBERNETES_NETWORK_POLICY: whether the cluster's network plugin is known to enforce NetworkPolicies. No API tells; without this word nothing that rests on them is called enforced.</summary>
    public bool NetworkPolicyEnforced { get; init; }

    /// <summary>RUNTIME_KUBERNETES_GATEWAY_PEERS: address ranges the gateway calls from, besides Pods that carry its label.</summary>
    public IReadOnlyList<string> GatewayPeers { get; init; } = [];

    /// <summary>RUNTIME_KUBERNETES_GATEWAY_NAMESPACE: where the gateway's own Pods are; null: in <see cref="Namespace"/> too.</summary>
    public string? GatewayNamespace { get; init; }

    /// <summary>RUNTIME_KUBERNETES_LOCAL_IMAGES: prefixes of images that are on every node already. They are run by name, never pulled, and pinned to no digest.</summary>
    public IReadOnlyList<string> LocalImages { get; init; } = [];

    /// <summary>RUNTIME_KUBERNETES_PULL_SECRETS: names of the namespace's own image pull secrets.</summary>
    public IReadOnlyList<string> PullSecrets { get; init; } = [];

    /// <summary>RUNTIME_REGISTRY_CREDENTIALS: for the question to a registry for a digest.</summary>
    public string? RegistryCredentials { get; init; }

    /// <summary>RUNTIME_ALLOW_PRIVATE_ADDRESSES: registries there may be asked too.</summary>
    public IReadOnlyList<IPNetwork> PrivateAddresses { get; init; } = [];

    /// <summary>RUNTIME_GUARDRAILS_MODE, for configs that name none.</summary>
    public GuardrailsMode Mode { get; init; } = GuardrailsMode.Warn;

    /// <summary>Bytes of the memory-backed /tmp under a read-only root; counted against the Pod's memory.</summary>
    [Range(1 << 20, 1 << 30)]
    public long TmpSize { get; init; } = 64L << 20;

    /// <summary>Between SIGTERM and SIGKILL. In-flight calls have drained before; a removal must end well within the lease's margin.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>What the backend needs to know of the installation it belongs to.</summary>
/// <param name="InstanceId">Of this installation; in every label we set.</param>
/// <param name="PinIdentity">Pins the cluster's uid at first contact and gives what is pinned.</param>
/// <param name="Hash">Keyed by the installation: environment values are part of a secret's fingerprint.</param>
public sealed record KubernetesInstallation(
    Func<CancellationToken, Task<string>> InstanceId,
    Func<string, CancellationToken, Task<string>> PinIdentity,
    KeyedHash Hash);
