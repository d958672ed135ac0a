using System.Text.Json.Nodes;

namespace McpRuntime.Kubernetes.Tests;

/// <summary>The Pod Security level "restricted", field by field, for a cluster that does not enforce it itself yet.</summary>
internal static class RestrictedPods
{
    private static readonly string[] Volumes = ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"];

    private static readonly string[] Host = ["hostNetwork", "hostPID", "hostIPC"];

    /// <summary>Of every Pod and every template of Pods in what kubectl shows as JSON: each field that the level refuses.</summary>
    public static IReadOnlyList<string> Faults(JsonNode shown, out int pods)
    {
        var specs = (shown["items"]?.AsArray() ?? [shown.DeepClone()]).Select(item => (Name: $"{item!["kind"]}/{item["metadata"]?["name"]}", Spec: item["kind"]?.GetValue<string>() == "Pod" ? item["spec"] : item["spec"]?["template"]?["spec"]))
            .Where(item => item.Spec is not null).ToList();
        pods = specs.Count;
        return [.. specs.SelectMany(item => OfPod(item.Spec!).Select(fault => $"{item.Name}: {fault}"))];
    }

    private static IEnumerable<string> OfPod(JsonNode spec)
    {
        var context = spec["securityContext"];
        foreach (var host in Host.Where(host => Is(spec[host], true)))
        {
            yield return host;
        }

        foreach (var kind in List(spec["volumes"]).SelectMany(volume => volume.AsObject().Select(field => field.Key)).Where(field => field != "name" && !Volumes.Contains(field, StringComparer.Ordinal)))
        {
            yield return $"volumes[*].{kind}";
        }

        foreach (var fault in OfContext(context).Concat(List(context?["sysctls"]).Select(_ => "sysctls")))
        {
            yield return $"securityContext.{fault}";
        }

        foreach (var container in List(spec["containers"]).Concat(List(spec["initContainers"])).Concat(List(spec["ephemeralContainers"])))
        {
            foreach (var fault in OfContainer(container, context))
            {
                yield return $"{container["name"]}: {fault}";
            }
        }
    }

    private static IEnumerable<string> OfContainer(JsonNode container, JsonNode? pods)
    {
        var own = container["securityContext"];
        (string Fault, bool Found)[] checks =
        [
            ("privileged", Is(own?["privileged"], true)),
            ("allowPrivilegeEscalation", !Is(own?["allowPrivilegeEscalation"], false)),
            ("runAsNonRoot", !Is(own?["runAsNonRoot"] ?? pods?["runAsNonRoot"], true)),
            ("seccompProfile", Text((own?["seccompProfile"] ?? pods?["seccompProfile"])?["type"]) is not ("RuntimeDefault" or "Localhost")),
            ("capabilities.drop", !List(own?["capabilities"]?["drop"]).Any(name => Text(name) == "ALL")),
            ("capabilities.add", List(own?["capabilities"]?["add"]).Any(name => Text(name) != "NET_BIND_SERVICE")),
            ("procMount", Text(own?["procMount"]) is not (null or "Default")),
            ("ports[*].hostPort", List(container["ports"]).Any(port => port["hostPort"] is { } taken && taken.GetValue<int>() != 0)),
        ];
        return checks.Where(check => check.Found).Select(check => check.Fault).Concat(OfContext(own));
    }

    /// <summary>What a Pod's and a container's context have in common.</summary>
    private static IEnumerable<string> OfContext(JsonNode? context)
    {
        (string Fault, bool Found)[] checks =
        [
            ("runAsNonRoot", Is(context?["runAsNonRoot"], false)),
            ("runAsUser", context?["runAsUser"] is { } user && user.GetValue<long>() == 0),
            ("seccompProfile", Text(context?["seccompProfile"]?["type"]) == "Unconfined"),
            ("appArmorProfile", Text(context?["appArmorProfile"]?["type"]) == "Unconfined"),
            ("seLinuxOptions", context?["seLinuxOptions"] is not null),
            ("windowsOptions.hostProcess", Is(context?["windowsOptions"]?["hostProcess"], true)),
        ];
        return checks.Where(check => check.Found).Select(check => check.Fault);
    }

    private static IEnumerable<JsonNode> List(JsonNode? list) => list is JsonArray some ? some.OfType<JsonNode>() : [];

    private static bool Is(JsonNode? node, bool value) => node is not null && node.GetValue<bool>() == value;

    private static string? Text(JsonNode? node) => node?.GetValue<string>();
}
