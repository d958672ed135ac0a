using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Kubernetes;

/// <summary>A revision as objects of a cluster. Pure: options and input in, resources out.</summary>
internal sealed class KubernetesCompiler(KubernetesOptions options)
{
    private readonly KubernetesManifests _manifests = new(options);

    public Compiled Compile(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        var spec = input.Revision.Spec;
        var warnings = GuardrailWarnings.Of(report, KubernetesBackend.BackendName);
        var empty = new Compiled([], [], [], Complete: false, RolloutOf(spec), Endpoint: null, report, warnings);
        var source = spec.Source.Match<Source.Docker?>(docker => docker, _ => null, _ => null);
        if (Refusal(input, source, report) is { } refused)
        {
            return empty with { Refused = refused };
        }

        if (input.Revision.Facts is not { } facts || source is null)
        {
            return empty;
        }

        var isStdio = spec.GatewayTransport == GatewayTransport.Stdio;
        int? port = isStdio ? null : EndpointPort(spec, facts.Image, input.Revision.Guardrails.Config);
        return port is null && !isStdio
            ? empty with { Refused = new Fault(FaultKind.Refused, "NoEndpointPort", "The image exposes no single port and the guardrails name no ingress port: set endpoint_port to the port the server listens on.") }
            : Whole(input, source, facts, port, empty);
    }

    private Compiled Whole(CompileInput input, Source.Docker source, ResolvedFacts facts, int? port, Compiled empty)
    {
        var id = input.Identity;
        var spec = input.Revision.Spec;
        var account = Resource(input, ResourceKind.Account, _manifests.Account(id), []);
        var policy = Resource(input, ResourceKind.NetworkPolicy, _manifests.NetworkPolicy(id, input.Revision.Guardrails.Config, port), []);
        var secret = input.Environment.Count == 0 ? null : Named(input, ResourceKind.Secret, KubernetesManifests.Secret(id, input.Environment), KubernetesNames.Secret, []);
        List<Resource> stay = [account, policy];
        if (secret is not null)
        {
            stay.Add(secret);
        }

        if (port is { } open)
        {
            stay.Add(Resource(input, ResourceKind.Service, KubernetesManifests.Service(id, open), []));
        }

        // Never a Pod without its policy: what starts first could get out before it comes.
        var deployment = Named(
            input, ResourceKind.Container, _manifests.Deployment(input, source, facts, port, secret?.Id), KubernetesNames.Deployment, [.. stay.Where(r => r.Kind is not ResourceKind.Service).Select(r => r.Id)]);
        return empty with
        {
            Running = [.. stay, deployment],
            Stopped = stay,
            Complete = true,
            Endpoint = new Endpoint(deployment.Id, port ?? 0, spec.EndpointPath, spec.GatewayTransport),
        };
    }

    private static Resource Resource(CompileInput input, ResourceKind kind, JsonObject manifest, IReadOnlyList<string> dependsOn)
    {
        var shape = ObjectShape.Of(KubernetesNames.KindOf(kind)!, manifest);
        return Finished(input, kind, manifest, shape, $"{manifest["metadata"]!["name"]}", dependsOn);
    }

    /// <summary>Under a name that carries its fingerprint: an update is another object beside it.</summary>
    private static Resource Named(CompileInput input, ResourceKind kind, JsonObject manifest, Func<RuntimeIdentity, string, string> name, IReadOnlyList<string> dependsOn)
    {
        var shape = ObjectShape.Of(KubernetesNames.KindOf(kind)!, manifest);
        var called = name(input.Identity, shape.Fingerprint(input.Hash));
        manifest["metadata"]!["name"] = called;
        if (kind is ResourceKind.Container)
        {
            manifest["spec"]!["selector"]!["matchLabels"]![KubernetesNames.Revision] = called;
            manifest["spec"]!["template"]!["metadata"]!["labels"]![KubernetesNames.Revision] = called;
        }

        return Finished(input, kind, manifest, shape, called, dependsOn);
    }

    /// <summary>Ids are unique over kinds, names are not: an account and a policy share the runtime's.</summary>
    private static Resource Finished(CompileInput input, ResourceKind kind, JsonObject manifest, ObjectShape shape, string name, IReadOnlyList<string> dependsOn)
    {
        manifest["metadata"]!["annotations"] = new JsonObject { [KubernetesNames.Shape] = shape.Legend(input.Hash) };
        var body = new ObjectBody(KubernetesNames.KindOf(kind)!, manifest, shape);
        return new Resource(ObjectId.Of(kind, name), kind, shape.Fingerprint(input.Hash), dependsOn, input.Revision.Generation, body);
    }

    private static Rollout RolloutOf(RuntimeSpec spec) => spec.GatewayTransport == GatewayTransport.Stdio ? Rollout.Recreate : Rollout.BlueGreen;

    /// <summary>What can't run here at all, whatever the image turns out to be.</summary>
    private static Fault? Refusal(CompileInput input, Source.Docker? source, IReadOnlyList<ControlReport> report)
    {
        var spec = input.Revision.Spec;
        if (source is null)
        {
            return new Fault(FaultKind.Refused, "SourceNotSupported", $"A {spec.Source.Type} source can't run on Kubernetes: nothing is built in the cluster, and compose is Docker's. Deploy a built image (source type docker).");
        }

        if (spec.GatewayTransport == GatewayTransport.Stdio)
        {
            return new Fault(FaultKind.Refused, "StdioNotSupportedYet", "A server that speaks over stdin and stdout cannot be bridged on Kubernetes yet; deploy one that speaks HTTP (STREAMABLEHTTP or SSE).");
        }

        if (spec.Volumes.Count > 0)
        {
            return new Fault(FaultKind.Refused, "VolumesNotSupported", $"The volume {spec.Volumes[0]} was asked for, and this backend keeps no data: deploy without volumes, or on backend docker.");
        }

        if (input.Revision.Guardrails.Config.Images.RequireDigest && input.Revision.Facts is { PinIsRegistryDigest: false } local)
        {
            return new Fault(FaultKind.Refused, "DigestRequired", $"The guardrails require a registry's digest, and {local.Pin} is one of RUNTIME_KUBERNETES_LOCAL_IMAGES, known by name only: push it to a registry, or deploy it as name@sha256:….");
        }

        return report.FirstOrDefault(r => r.Outcome == ControlOutcome.Refused) is { } control
            ? new Fault(FaultKind.Refused, "GuardrailRefused", $"{GuardrailWarnings.Field(control.Control)}: {control.Message}")
            : null;
    }

    /// <summary>endpoint_port, else the image's one exposed port, else the first ingress port.</summary>
    private static int? EndpointPort(RuntimeSpec spec, ImageFacts? image, GuardrailsConfig guardrails) =>
        spec.EndpointPort ?? (image?.ExposedPorts is [var only] ? only : guardrails.Network.IngressPorts is [var first, ..] ? first : null);
}

/// <summary>A resource's id: the object's name, with its kind before it where kinds share a name.</summary>
internal static class ObjectId
{
    public static string Of(ResourceKind kind, string name) => kind switch
    {
        ResourceKind.Account => "account/" + name,
        ResourceKind.NetworkPolicy => "networkpolicy/" + name,
        ResourceKind.Service => "service/" + name,
        _ => name,
    };

    public static string NameOf(string id) => id[(id.IndexOf('/', StringComparison.Ordinal) + 1)..];
}
