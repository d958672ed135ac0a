using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// A revision as Docker resources: its services' images, the runtime's network, link and volumes, a container a service. Pure: options
/// and input in, resources out.
/// </summary>
internal sealed class DockerCompiler(DockerOptions options)
{
    /// <summary>An image's own user is kept when it is not root; else this one, which owns nothing anywhere.</summary>
    public const string NobodyElse = "65532:65532";

    private readonly ContainerCompiler _containers = new(options);

    public Compiled Compile(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        var empty = Empty(input.Revision.Spec, report);
        var set = DockerServiceSet.Of(input);
        if ((set.Refused ?? Refusal(input, set.Services, report)) is { } refused)
        {
            return empty with { Refused = refused };
        }

        var images = set.Services.Select(s => ImageOf(input, s)).DistinctBy(r => r.Id, StringComparer.Ordinal).ToArray();
        if (set.Services.Count == 0 || set.Services.Any(s => s.Image is null))
        {
            return empty with { Running = images, Stopped = images };
        }

        return set.Services.Select(RuntimeVolumes.Refusal).OfType<Fault>().FirstOrDefault() is { } mount
            ? empty with { Refused = mount }
            : Whole(input, set.Services, images, empty);
    }

    private Compiled Whole(CompileInput input, IReadOnlyList<DockerService> services, IReadOnlyList<Resource> images, Compiled empty)
    {
        var (spec, guardrails, main) = (input.Revision.Spec, input.Revision.Guardrails.Config, services[0]);
        if (EndpointPort(spec, main.Image!, guardrails) is not { } port)
        {
            return empty with
            {
                Refused = new Fault(FaultKind.Refused, "NoEndpointPort", "The image exposes no single port and the guardrails name no ingress port: set endpoint_port to the port the server listens on."),
            };
        }

        var network = RuntimeNetwork.Of(input);
        var volumes = services.SelectMany(RuntimeVolumes.PathsOf).Distinct(StringComparer.Ordinal).Select(p => RuntimeVolumes.Of(input, p)).ToArray();
        Resource[] stay = [.. images, network, .. volumes];
        Resource[] before = [.. stay, .. RuntimeNetwork.GuardedBy(input, network)];
        var containers = services.Select(s => ContainerOf(input, s, port, network, volumes, before)).ToArray();
        return empty with
        {
            Running = [.. before, .. containers],
            Stopped = stay,
            Deleted = input.KeepVolumes ? volumes : [],
            Complete = true,
            Rollout = volumes.Length > 0 ? Rollout.Recreate : Rollout.BlueGreen,
            Endpoint = new Endpoint(containers[0].Id, port, spec.EndpointPath, spec.GatewayTransport),
        };
    }

    private Resource ContainerOf(CompileInput input, DockerService service, int port, Resource network, IReadOnlyList<Resource> volumes, IReadOnlyList<Resource> before)
    {
        var body = _containers.Body(input, service, port, network.Id, volumes);
        var fingerprint = body.Shape.Fingerprint(input.Hash);
        return new Resource(
            DockerNames.Container(input.Identity, fingerprint), ResourceKind.Container, fingerprint, [.. before.Select(r => r.Id)], input.Revision.Generation, body);
    }

    private static Resource ImageOf(CompileInput input, DockerService service) => new(
        DockerNames.Image(service.Pin),
        ResourceKind.Image,
        DockerNames.ImageFingerprint(service.Pin),
        [],
        input.Revision.Generation,
        new ImageBody(service.Pin, input.Revision.Spec.TeamId));

    private static Compiled Empty(RuntimeSpec spec, IReadOnlyList<ControlReport> report) => new(
        [],
        [],
        [],
        Complete: false,
        spec.Volumes.Count > 0 ? Rollout.Recreate : Rollout.BlueGreen,
        Endpoint: null,
        report,
        GuardrailWarnings.Of(report, DockerBackend.BackendName));

    /// <summary>What can't run here at all, whatever the images turn out to be.</summary>
    private static Fault? Refusal(CompileInput input, IReadOnlyList<DockerService> services, IReadOnlyList<ControlReport> report)
    {
        if (input.Revision.Spec.GatewayTransport == GatewayTransport.Stdio)
        {
            return new Fault(FaultKind.Refused, "StdioNotSupportedYet", "A server that speaks over stdin and stdout cannot be bridged yet; deploy one that speaks HTTP (STREAMABLEHTTP or SSE).");
        }

        if (input.Revision.Guardrails.Config.Images.RequireDigest && services.FirstOrDefault(s => !s.PinIsRegistryDigest) is { } local)
        {
            return new Fault(
                FaultKind.Refused, "DigestRequired", $"The guardrails require a registry's digest, and {local.Reference} is only known by the engine's own id ({local.Pin}): push it to a registry, or deploy it as name@sha256:….");
        }

        return report.FirstOrDefault(r => r.Outcome == ControlOutcome.Refused) is { } control
            ? new Fault(FaultKind.Refused, "GuardrailRefused", $"{GuardrailWarnings.Field(control.Control)}: {control.Message}")
            : null;
    }

    /// <summary>endpoint_port, else the image's one exposed port, else the first ingress port.</summary>
    private static int? EndpointPort(RuntimeSpec spec, ImageFacts image, GuardrailsConfig guardrails) =>
        spec.EndpointPort ?? (image.ExposedPorts is [var only] ? only : guardrails.Network.IngressPorts is [var first, ..] ? first : null);
}
