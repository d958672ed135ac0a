using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>Makes and removes objects of ours; what only has our name is left alone.</summary>
internal sealed class KubernetesObjects(KubernetesWire wire, KubernetesInstallation installation, KubernetesOptions options, TimeProvider time)
{
    private static readonly Outcome Done = new Outcome.Done();

    /// <summary>Together with the calls before and after it below the cap of an effect (8 s).</summary>
    private static readonly TimeSpan RemovalWait = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(150);

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, ObjectBody body, CancellationToken ct)
    {
        var name = ObjectId.NameOf(resource.Id);
        var live = await wire.GetAsync(body.Kind, options.Namespace, name, ct);
        if (live is not null && !KubernetesNames.IsOurs(id, live))
        {
            return NotOurs(body.Kind, name);
        }

        if (live is { IsDeleting: true })
        {
            return Fault(FaultKind.Transient, "BeingDeleted", $"{body.Kind.Kind} {name} is being deleted; it is made anew once it is gone.");
        }

        if (live is not null && FingerprintOf(body.Kind, live) == resource.Fingerprint)
        {
            return resource.Kind is ResourceKind.Container ? await ReviveAsync(name, live, ct) : Done;
        }

        var applied = await wire.ApplyAsync(body.Kind, options.Namespace, name, body.Manifest, ct);
        if (FingerprintOf(body.Kind, applied) != resource.Fingerprint)
        {
            // Fields that somebody else added are theirs, and an apply leaves them. The whole object does not.
            await wire.ReplaceAsync(body.Kind, options.Namespace, name, Whole(body, applied), ct);
        }

        return Done;
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, KubeKind api, CancellationToken ct)
    {
        var name = ObjectId.NameOf(resourceId);
        var live = await wire.GetAsync(api, options.Namespace, name, ct);
        if (live is not null && !KubernetesNames.IsOurs(id, live))
        {
            return NotOurs(api, name);
        }

        if (live is { IsDeleting: false })
        {
            _ = await wire.DeleteAsync(api, options.Namespace, name, live.Uid, ct);
        }

        return kind is ResourceKind.Container ? await AwaitGoneAsync(id, name, ct) : Done;
    }

    /// <summary>The kubelet starts what crashed again by itself, with pauses of up to five minutes; a new Pod starts now.</summary>
    private async Task<Outcome> ReviveAsync(string name, KubeObject deployment, CancellationToken ct)
    {
        var pods = (await wire.ListAsync(KubeKind.Pod, options.Namespace, $"{KubernetesNames.Revision}={name}", ct)).Items;
        if (PodHealth.Of(deployment, pods) is { Health: Health.Failed, Pod: { } dead })
        {
            _ = await wire.DeleteAsync(KubeKind.Pod, options.Namespace, dead.Name, dead.Uid, ct, grace: 0);
        }

        return Done;
    }

    /// <summary>
    /// A Deployment goes after its Pods. They are told so by us, too: the cluster's own collector comes to them with seconds of delay, and to
    /// those that lost their Deployment never.
    /// </summary>
    private async Task<Outcome> AwaitGoneAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        var selector = $"{KubernetesNames.Selector(id)},{KubernetesNames.Revision}={name}";
        var began = time.GetTimestamp();
        while (await RemoveDependantsAsync(selector, ct) > 0 || await wire.GetAsync(KubeKind.Deployment, options.Namespace, name, ct) is not null)
        {
            if (time.GetElapsedTime(began) > RemovalWait)
            {
                return new Outcome.InProgress($"Deployment {name} and its Pods are being deleted.");
            }

            await Task.Delay(Look, time, ct);
        }

        return Done;
    }

    /// <summary>ReplicaSets first: one that is going makes no new Pods.</summary>
    private async Task<int> RemoveDependantsAsync(string selector, CancellationToken ct)
    {
        var left = 0;
        foreach (var kind in new[] { KubeKind.ReplicaSet, KubeKind.Pod })
        {
            foreach (var dependant in (await wire.ListAsync(kind, options.Namespace, selector, ct)).Items)
            {
                left++;
                if (!dependant.IsDeleting)
                {
                    _ = await wire.DeleteAsync(kind, options.Namespace, dependant.Name, dependant.Uid, ct);
                }
            }
        }

        return left;
    }

    private string FingerprintOf(KubeKind kind, KubeObject live) => ObjectShape.Of(kind, live.Json).Fingerprint(installation.Hash);

    /// <summary>What we want, with what the server alone decides.</summary>
    private static JsonObject Whole(ObjectBody body, KubeObject live)
    {
        var whole = body.Manifest.DeepClone().AsObject();
        whole["metadata"]!["resourceVersion"] = live.ResourceVersion;
        foreach (var allotted in body.Kind == KubeKind.Service ? (string[])["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] : [])
        {
            if (live.Spec?[allotted] is { } value)
            {
                whole["spec"]![allotted] = value.DeepClone();
            }
        }

        return whole;
    }

    private static Outcome.Faulted Fault(FaultKind kind, string reason, string message) => new(new Fault(kind, reason, message));

    private Outcome.Faulted NotOurs(KubeKind kind, string name) => Fault(
        FaultKind.Refused, "NotOurs", $"There is a {kind.Kind} {name} in namespace {options.Namespace} that does not carry this runtime's labels; it is left alone. Remove or rename it.");
}
