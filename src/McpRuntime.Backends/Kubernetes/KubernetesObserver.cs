using System.Globalization;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>Everything of ours in the namespace, found by label; one list a kind. Reads only.</summary>
internal sealed class KubernetesObserver(KubernetesWire wire, ClusterIdentity identity, KubernetesInstallation installation, KubernetesControls controls, KubernetesOptions options)
{
    private static readonly ResourceKind[] Kinds = [ResourceKind.Account, ResourceKind.Secret, ResourceKind.NetworkPolicy, ResourceKind.Service, ResourceKind.Container];

    public async Task<IReadOnlyList<SeenResource>> OneAsync(RuntimeIdentity id, CancellationToken ct) =>
        (await LookAsync(KubernetesNames.Selector(id), ct)).GetValueOrDefault(id.RecordId) ?? [];

    public async Task<IReadOnlyDictionary<string, IReadOnlyList<SeenResource>>> AllAsync(CancellationToken ct) =>
        (await LookAsync(KubernetesNames.Selector(await installation.InstanceId(ct)), ct)).ToDictionary(s => s.Key, IReadOnlyList<SeenResource> (s) => s.Value, StringComparer.Ordinal);

    private async Task<Dictionary<string, List<SeenResource>>> LookAsync(string selector, CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        var lists = Kinds.ToDictionary(kind => kind, kind => wire.ListAsync(KubernetesNames.KindOf(kind)!, options.Namespace, selector, ct));
        var pods = wire.ListAsync(KubeKind.Pod, options.Namespace, selector, ct);
        await Task.WhenAll([.. lists.Values, pods]);

        // A connection that was made meanwhile may have led elsewhere.
        _ = await identity.VerifyAsync(ct);
        var podsOf = (await pods).Items.ToLookup(pod => pod.Label(KubernetesNames.Revision) ?? "", StringComparer.Ordinal);
        var policyOf = (await lists[ResourceKind.NetworkPolicy]).Items.GroupBy(p => p.Label(KubernetesNames.Record)!, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.First(), StringComparer.Ordinal);
        var seen = new Dictionary<string, List<SeenResource>>(StringComparer.Ordinal);
        foreach (var kind in Kinds)
        {
            foreach (var live in (await lists[kind]).Items)
            {
                var record = live.Label(KubernetesNames.Record)!;
                Add(record, kind is ResourceKind.Container ? Deployment(live, [.. podsOf[live.Name]], policyOf.GetValueOrDefault(record)) : Plain(kind, live));
            }
        }

        // Pods that were left alone when their Deployment was taken away from under them (kubectl delete --cascade=orphan).
        var deployments = (await lists[ResourceKind.Container]).Items.Select(d => d.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var orphans in podsOf.Where(pods => !deployments.Contains(pods.Key)))
        {
            Add(orphans.First().Label(KubernetesNames.Record)!, new SeenResource { Id = orphans.Key, Kind = ResourceKind.Container, Fingerprint = "", Health = Health.Stopped, Message = "Pods without their Deployment" });
        }

        return seen;

        void Add(string record, SeenResource resource) => (seen.TryGetValue(record, out var list) ? list : seen[record] = []).Add(resource);
    }

    private SeenResource Plain(ResourceKind kind, KubeObject live)
    {
        var shape = ObjectShape.Of(KubernetesNames.KindOf(kind)!, live.Json);
        return new SeenResource
        {
            Id = ObjectId.Of(kind, live.Name),
            Kind = kind,
            Fingerprint = shape.Fingerprint(installation.Hash),
            Health = live.IsDeleting ? Health.Stopped : Health.Serving,
            DifferingField = Differing(shape, live),
        };
    }

    private SeenResource Deployment(KubeObject live, IReadOnlyList<KubeObject> pods, KubeObject? policy)
    {
        var shape = ObjectShape.Of(KubeKind.Deployment, live.Json);
        var health = PodHealth.Of(live, pods);
        return new SeenResource
        {
            Id = live.Name,
            Kind = ResourceKind.Container,
            Fingerprint = shape.Fingerprint(installation.Hash),
            Health = health.Health,
            Instance = health.Instance,
            Message = health.Message,
            ExitCode = health.ExitCode,
            StartedAt = health.StartedAt,
            FinishedAt = health.FinishedAt,
            Address = health.Health is Health.Serving ? Address(live, health.Pod!) : null,
            Controls = controls.ReadBack(live, policy),
            DifferingField = Differing(shape, live),
        };
    }

    private string? Differing(ObjectShape shape, KubeObject live) =>
        shape.DifferingFrom(live.Annotation(KubernetesNames.Shape), installation.Hash) is { Count: > 0 } fields ? string.Join(", ", fields) : null;

    /// <summary>
    /// The Pod itself, not the Service before it: a handshake and a route are of one incarnation, and during an update a Service would lead
    /// to both. Reachable from inside a cluster always, from outside where its Pod network is routed.
    /// </summary>
    private static UpstreamAddress? Address(KubeObject deployment, KubeObject pod) =>
        pod.Text("status", "podIP") is { } ip
        && int.TryParse(deployment.Text("spec", "template", "metadata", "labels", KubernetesNames.Port), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? new UpstreamAddress(ip, port)
            : null;
}
