using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>A runtime's objects as documents. Pure. Defaults that matter are written out: what is not said can be changed by a default.</summary>
internal sealed class KubernetesManifests(KubernetesOptions options)
{
    /// <summary>An image's own user is kept when it is known not to be root; else this one, which owns nothing anywhere.</summary>
    public const long NobodyElse = 65532;

    /// <summary>TEST-NET-1: a resolver that never answers, for what may not get out.</summary>
    private const string DeadResolver = "192.0.2.1";

    public JsonObject Account(RuntimeIdentity id) => new()
    {
        ["metadata"] = Metadata(KubernetesNames.Prefix(id), KubernetesNames.Labels(id, "account")),
        ["automountServiceAccountToken"] = false,
        ["imagePullSecrets"] = new JsonArray([.. options.PullSecrets.Select(name => new JsonObject { ["name"] = name })]),
    };

    public static JsonObject Secret(RuntimeIdentity id, IReadOnlyDictionary<string, SecretText> environment) => new()
    {
        ["metadata"] = Metadata("", KubernetesNames.Labels(id, "environment")),
        ["type"] = "Opaque",
        ["data"] = new JsonObject(environment.OrderBy(e => e.Key, StringComparer.Ordinal)
            .Select(e => KeyValuePair.Create(e.Key, (JsonNode?)Convert.ToBase64String(Encoding.UTF8.GetBytes(e.Value.Reveal()))))),
    };

    /// <summary>Nothing in but the gateway to the endpoint, nothing out but what egress says.</summary>
    public JsonObject NetworkPolicy(RuntimeIdentity id, GuardrailsConfig guardrails, int? port) => new()
    {
        ["metadata"] = Metadata(KubernetesNames.Prefix(id), KubernetesNames.Labels(id, "policy")),
        ["spec"] = new JsonObject
        {
            ["podSelector"] = new JsonObject { ["matchLabels"] = Pods(id) },
            ["policyTypes"] = new JsonArray("Ingress", "Egress"),
            ["ingress"] = port is { } open ? new JsonArray(new JsonObject { ["from"] = Gateway(), ["ports"] = new JsonArray(PortOf(open)) }) : new JsonArray(),
            // A host list stays closed until a guard filters by it: tighter than asked, never looser.
            ["egress"] = Egress.Of(guardrails.Network) is Egress.All ? new JsonArray(Anywhere()) : new JsonArray(),
        },
    };

    public static JsonObject Service(RuntimeIdentity id, int port) => new()
    {
        ["metadata"] = Metadata(KubernetesNames.Prefix(id), KubernetesNames.Labels(id, "service")),
        ["spec"] = new JsonObject
        {
            ["type"] = "ClusterIP",
            ["selector"] = Pods(id),
            ["ports"] = new JsonArray(new JsonObject { ["name"] = "mcp", ["port"] = port, ["targetPort"] = port, ["protocol"] = "TCP" }),
        },
    };

    /// <summary>Without its name and its revision, which are made from the rest.</summary>
    /// <param name="port">Null: a server that speaks over its standard streams.</param>
    public JsonObject Deployment(CompileInput input, Source.Docker source, ResolvedFacts facts, int? port, string? secret)
    {
        var id = input.Identity;
        var labels = Pods(id);
        labels[KubernetesNames.ResourceLabel] = KubernetesNames.Server;
        labels[KubernetesNames.Restart] = KubernetesNames.Text(input.RestartToken);
        if (port is { } open)
        {
            labels[KubernetesNames.Port] = KubernetesNames.Text(open);
        }

        return new JsonObject
        {
            ["metadata"] = Metadata("", KubernetesNames.Labels(id, KubernetesNames.Server)),
            ["spec"] = new JsonObject
            {
                ["replicas"] = 1,
                ["revisionHistoryLimit"] = 0,
                ["progressDeadlineSeconds"] = 600,
                // One Deployment is one revision; it rolls only when it was edited by hand, and then two versions must not run at once.
                ["strategy"] = new JsonObject { ["type"] = "Recreate" },
                ["selector"] = new JsonObject { ["matchLabels"] = Pods(id) },
                ["template"] = new JsonObject { ["metadata"] = new JsonObject { ["labels"] = labels }, ["spec"] = Pod(input, source, facts, port, secret) },
            },
        };
    }

    private JsonObject Pod(CompileInput input, Source.Docker source, ResolvedFacts facts, int? port, string? secret)
    {
        var guardrails = input.Revision.Guardrails.Config;
        var places = new List<(string Name, string Path, JsonObject Volume)>();
        if (guardrails.Filesystem.ReadOnlyRoot)
        {
            places.Add(("tmp", "/tmp", new JsonObject { ["medium"] = "Memory", ["sizeLimit"] = KubernetesNames.Text(options.TmpSize) }));
        }

        // What an image keeps in volumes of its own goes with the Pod here; without a place it could not write there at all.
        places.AddRange((facts.Image?.Volumes ?? []).Where(path => path != "/tmp")
            .Select((path, i) => (string.Create(CultureInfo.InvariantCulture, $"image-{i}"), path, new JsonObject { ["sizeLimit"] = KubernetesNames.Text(options.TmpSize) })));
        var pod = new JsonObject
        {
            ["serviceAccountName"] = KubernetesNames.Prefix(input.Identity),
            ["automountServiceAccountToken"] = false,
            ["enableServiceLinks"] = false,
            ["terminationGracePeriodSeconds"] = (long)options.StopGrace.TotalSeconds,
            ["containers"] = new JsonArray(Container(input, source, facts, port, secret, places)),
        };
        if (PodSecurity(guardrails) is { Count: > 0 } security)
        {
            pod["securityContext"] = security;
        }

        if (places.Count > 0)
        {
            pod["volumes"] = new JsonArray([.. places.Select(p => new JsonObject { ["name"] = p.Name, ["emptyDir"] = p.Volume })]);
        }

        if (Egress.Of(guardrails.Network) is not Egress.All)
        {
            pod["dnsPolicy"] = "None";
            pod["dnsConfig"] = new JsonObject { ["nameservers"] = new JsonArray(DeadResolver) };
        }

        return pod;
    }

    private static JsonObject Container(CompileInput input, Source.Docker source, ResolvedFacts facts, int? port, string? secret, List<(string Name, string Path, JsonObject Volume)> places)
    {
        var guardrails = input.Revision.Guardrails.Config;
        var container = new JsonObject
        {
            ["name"] = KubernetesNames.Server,
            ["image"] = facts.Pin,
            ["imagePullPolicy"] = facts.PinIsRegistryDigest ? "IfNotPresent" : "Never",
            ["resources"] = Resources(guardrails.Resources),
            ["securityContext"] = ContainerSecurity(guardrails, facts),
        };
        if (source.Command is { Count: > 0 } command)
        {
            container["args"] = new JsonArray([.. command.Select(word => JsonValue.Create(word))]);
        }

        if (secret is not null)
        {
            container["envFrom"] = new JsonArray(new JsonObject { ["secretRef"] = new JsonObject { ["name"] = secret } });
        }

        if (places.Count > 0)
        {
            container["volumeMounts"] = new JsonArray([.. places.Select(p => new JsonObject { ["name"] = p.Name, ["mountPath"] = p.Path })]);
        }

        if (port is { } open)
        {
            container["ports"] = new JsonArray(new JsonObject { ["name"] = "mcp", ["containerPort"] = open, ["protocol"] = "TCP" });
            // Whether it takes connections; whether it speaks MCP is the handshake's word.
            container["readinessProbe"] = new JsonObject
            {
                ["tcpSocket"] = new JsonObject { ["port"] = open }, ["periodSeconds"] = 2, ["timeoutSeconds"] = 2, ["successThreshold"] = 1, ["failureThreshold"] = 3,
            };
        }
        else
        {
            container["stdin"] = true;
        }

        return container;
    }

    private static JsonObject Resources(ResourceGuardrails asked)
    {
        var (limits, requests) = (new JsonObject(), new JsonObject());
        if (CpuQuantity.TryParse(asked.Cpu, out var cpu, out _))
        {
            var milli = cpu.NanoCpus / 1_000_000;
            limits["cpu"] = $"{KubernetesNames.Text(milli)}m";
            // Servers wait most of the time: a tenth is kept free for each, and what is idle is anybody's up to the limit.
            requests["cpu"] = $"{KubernetesNames.Text(Math.Max(1, milli / 10))}m";
        }

        if (MemoryQuantity.TryParse(asked.Memory, out var memory, out _))
        {
            limits["memory"] = KubernetesNames.Text(memory.Bytes);
            requests["memory"] = KubernetesNames.Text(memory.Bytes);
        }

        return limits.Count == 0 ? [] : new JsonObject { ["limits"] = limits, ["requests"] = requests };
    }

    private static JsonObject PodSecurity(GuardrailsConfig guardrails) => guardrails.Seccomp switch
    {
        null => [],
        KubernetesControls.Unconfined => new JsonObject { ["seccompProfile"] = new JsonObject { ["type"] = "Unconfined" } },
        _ => new JsonObject { ["seccompProfile"] = new JsonObject { ["type"] = "RuntimeDefault" } },
    };

    private static JsonObject ContainerSecurity(GuardrailsConfig guardrails, ResolvedFacts facts)
    {
        var security = new JsonObject
        {
            ["privileged"] = false,
            ["allowPrivilegeEscalation"] = !guardrails.Process.NoNewPrivileges,
            ["readOnlyRootFilesystem"] = guardrails.Filesystem.ReadOnlyRoot,
        };
        var capabilities = new JsonObject();
        if (guardrails.Capabilities.DropAll)
        {
            capabilities["drop"] = new JsonArray("ALL");
        }
        else if (LinuxCapabilities.MustDrop(guardrails) is { Count: > 0 } dropped)
        {
            capabilities["drop"] = new JsonArray([.. dropped.Select(name => JsonValue.Create(name))]);
        }

        if (guardrails.Capabilities.Add.Count > 0)
        {
            capabilities["add"] = new JsonArray([.. guardrails.Capabilities.Add.Select(name => JsonValue.Create(name))]);
        }

        if (capabilities.Count > 0)
        {
            security["capabilities"] = capabilities;
        }

        if (IsNonRoot(guardrails))
        {
            security["runAsNonRoot"] = true;
            // A name can't be checked against 0 by a kubelet; without the image's facts its user is not known at all.
            if (facts.Image is not { } image || Docker.ImageUser.IsRoot(image.User) || !Docker.ImageUser.IsNumeric(image.User))
            {
                security["runAsUser"] = NobodyElse;
                security["runAsGroup"] = NobodyElse;
            }
        }

        return security;
    }

    /// <summary>
    /// Asked for, or as good as: what drops all capabilities and forbids new privileges is meant to pass a namespace's "restricted" Pod
    /// Security, which lets nobody in as root.
    /// </summary>
    public static bool IsNonRoot(GuardrailsConfig guardrails) => guardrails.Process.RunAsNonRoot || (guardrails.Process.NoNewPrivileges && guardrails.Capabilities.DropAll);

    private JsonArray Gateway() => new([
        GatewayPods(),
        .. options.GatewayPeers.Select(range => new JsonObject { ["ipBlock"] = new JsonObject { ["cidr"] = range } }),
    ]);

    /// <summary>A selector of Pods alone means those of the policy's own namespace; every namespace carries its name as a label (from 1.21 on).</summary>
    private JsonObject GatewayPods()
    {
        var pods = new JsonObject { ["podSelector"] = new JsonObject { ["matchLabels"] = new JsonObject { [KubernetesNames.GatewayLabel] = KubernetesNames.GatewayName } } };
        if (options.GatewayNamespace is { } elsewhere && elsewhere != options.Namespace)
        {
            pods["namespaceSelector"] = new JsonObject { ["matchLabels"] = new JsonObject { ["kubernetes.io/metadata.name"] = elsewhere } };
        }

        return pods;
    }

    /// <summary>Everywhere but the address where clouds hand out a node's credentials; names are resolved wherever the cluster does it.</summary>
    private static JsonObject Anywhere() => new()
    {
        ["to"] = new JsonArray(
            new JsonObject { ["ipBlock"] = new JsonObject { ["cidr"] = "0.0.0.0/0", ["except"] = new JsonArray("169.254.0.0/16") } },
            new JsonObject { ["namespaceSelector"] = new JsonObject() }),
    };

    private static JsonObject PortOf(int port) => new() { ["port"] = port, ["protocol"] = "TCP" };

    private static JsonObject Pods(RuntimeIdentity id) => new() { [KubernetesNames.Instance] = id.InstanceId, [KubernetesNames.Record] = id.RecordId };

    private static JsonObject Metadata(string name, JsonObject labels) => new() { ["name"] = name, ["labels"] = labels };
}
