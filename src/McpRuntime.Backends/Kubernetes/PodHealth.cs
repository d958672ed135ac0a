using System.Globalization;
using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>What a Deployment and its Pod say of the server, as one of our words, with theirs.</summary>
internal sealed record PodHealth(Health Health, string? Message, int? ExitCode = null, KubeObject? Pod = null)
{
    /// <summary>Trouble that a kubelet goes on trying by itself, and that yet has to be told: it may never end.</summary>
    private static readonly string[] Troubles =
    [
        "ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "InvalidImageName", "RegistryUnavailable", "ImageInspectError",
        "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "RunContainerError",
    ];

    public string Instance => Health is Health.Serving && Pod is not null ? $"{Pod.Uid}@{Server(Pod)?["containerID"].AsText()}" : "";

    public DateTimeOffset? StartedAt => Pod is null ? null : Server(Pod)?["state"]?["running"]?["startedAt"].AsTime() ?? Server(Pod)?["lastState"]?["terminated"]?["startedAt"].AsTime();

    public DateTimeOffset? FinishedAt => Pod is null ? null : Ended(Server(Pod))?["finishedAt"].AsTime();

    /// <param name="pods">Those of this Deployment.</param>
    public static PodHealth Of(KubeObject deployment, IReadOnlyList<KubeObject> pods)
    {
        if (deployment.IsDeleting)
        {
            return new(Health.Stopped, "being deleted");
        }

        if (deployment.Number("spec", "replicas") == 0)
        {
            return new(Health.Stopped, "scaled to 0");
        }

        // What stands in status is of an older spec until its controller has seen this one.
        var isCurrent = deployment.Number("status", "observedGeneration") >= deployment.Generation && deployment.Number("status", "updatedReplicas") > 0;
        if (!isCurrent || pods.Where(p => !p.IsDeleting).MaxBy(p => p.CreatedAt) is not { } pod)
        {
            return new(Health.Starting, Refusal(deployment) ?? "its Pod is being made");
        }

        return Of(pod) with { Pod = pod };
    }

    private static PodHealth Of(KubeObject pod)
    {
        var server = Server(pod);
        if (pod.Text("status", "phase") == "Failed")
        {
            return new(Health.Failed, $"{pod.Text("status", "reason") ?? "Failed"}: {pod.Text("status", "message") ?? "its node ended it"}", ExitCodeOf(server));
        }

        if (server?["state"]?["waiting"] is { } waiting)
        {
            var reason = waiting["reason"].AsText() ?? "";
            return Troubles.Contains(reason, StringComparer.Ordinal)
                ? new(Health.Failed, Words(reason, waiting["message"].AsText(), server), ExitCodeOf(server))
                : new(Health.Starting, reason.Length == 0 ? null : $"{reason} {waiting["message"].AsText()}".Trim());
        }

        if (Ended(server) is { } ended && server?["state"]?["running"] is null)
        {
            return new(Health.Failed, EndWords(ended), ExitCodeOf(server));
        }

        if (server?["state"]?["running"] is null)
        {
            return new(Health.Starting, Unscheduled(pod) ?? "its container is being made");
        }

        return server["ready"].AsFlag() == true ? new(Health.Serving, null) : new(Health.Starting, "it runs, and its port takes no connection yet");
    }

    public static JsonObject? Server(KubeObject pod) => pod.At("status", "containerStatuses").Objects().FirstOrDefault(c => c["name"].AsText() == KubernetesNames.Server);

    private static string? Unscheduled(KubeObject pod) =>
        Condition(pod, "PodScheduled") is { } scheduled && scheduled["status"].AsText() == "False" ? $"{scheduled["reason"].AsText()}: {scheduled["message"].AsText()}" : null;

    /// <summary>A quota, or an admission policy, that keeps the Pod from being made.</summary>
    private static string? Refusal(KubeObject deployment) =>
        Condition(deployment, "ReplicaFailure") is { } failure && failure["status"].AsText() == "True" ? $"{failure["reason"].AsText()}: {failure["message"].AsText()}" : null;

    private static JsonObject? Condition(KubeObject live, string type) => live.At("status", "conditions").Objects().FirstOrDefault(c => c["type"].AsText() == type);

    private static string Words(string reason, string? message, JsonObject? server) =>
        reason == "CrashLoopBackOff" && Ended(server) is { } ended ? $"CrashLoopBackOff: {EndWords(ended)}" : $"{reason}: {message ?? "without a word"}";

    private static string EndWords(JsonNode ended)
    {
        var code = ended["exitCode"].AsNumber() ?? -1;
        return ended["reason"].AsText() == "OOMKilled"
            ? "OOMKilled: killed by the kernel at its memory limit"
            : string.Create(CultureInfo.InvariantCulture, $"exited with {code}{(ended["message"].AsText() is { Length: > 0 } message ? $": {message}" : "")}");
    }

    private static JsonNode? Ended(JsonObject? server) => server?["state"]?["terminated"] ?? server?["lastState"]?["terminated"];

    private static int? ExitCodeOf(JsonObject? server) => (int?)Ended(server)?["exitCode"].AsNumber();
}
