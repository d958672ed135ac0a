using McpRuntime.Backends.Docker.Builds;
using McpRuntime.Core.Compose;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>
/// A revision as Docker resources: its services' images, the runtime's networks, link and volumes, a container a service. Pure:
/// options and input in, resources out.
/// </summary>
internal sealed class DockerCompiler(DockerOptions options)
{
    /// <summary>An image's own user is kept when it is not root; else this one, which owns nothing anywhere.</summary>
    public const string NobodyElse = "65532:65532";

    /// <summary>The engine's word for no network but the container's own loopback.</summary>
    public const string NoNetwork = "none";

    private readonly ContainerCompiler _containers = new(options);

    public Compiled Compile(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        var set = DockerServiceSet.Of(input);
        var empty = Empty(input.Revision.Spec, report, set);
        if ((set.Refused ?? Refusal(input, set.Services, report)) is { } refused)
        {
            return empty with { Refused = refused };
        }

        var images = set.Services.SelectMany(s => s.Build is { } build ? BuildCompiler.WithNeeds(input, build, ImageOf(input, s)) : [ImageOf(input, s)])
            .DistinctBy(r => r.Id, StringComparer.Ordinal).ToArray();
        if (set.Main is not { } main || set.Services.Any(s => s.Image is null))
        {
            return empty with { Running = images, Stopped = images };
        }

        return set.Services.Select(RuntimeVolumes.Refusal).OfType<Fault>().FirstOrDefault() is { } mount ? empty with { Refused = mount }
            : input.Revision.Spec.GatewayTransport == GatewayTransport.Stdio ? OverStdio(input, set, main, images, empty)
            : EndpointPort(input, main) is not { } port ? empty with { Refused = NoEndpointPort }
            : Whole(input, set, main, port, images, empty);
    }

    private static readonly Fault NoEndpointPort = new(
        FaultKind.Refused, "NoEndpointPort", "The image exposes no single port and the guardrails name no ingress port: set endpoint_port to the port the server listens on.");

    private Compiled Whole(CompileInput input, DockerServiceSet set, DockerService main, int port, IReadOnlyList<Resource> images, Compiled empty)
    {
        var networks = RuntimeNetworks.Of(input, set);
        var volumes = set.Services.SelectMany(RuntimeVolumes.MountsOf).Select(m => m.Key).Distinct(StringComparer.Ordinal).Select(k => RuntimeVolumes.Of(input, k)).ToArray();
        Resource[] stay = [.. images.Concat(networks.All).DistinctBy(r => r.Id, StringComparer.Ordinal), .. volumes];
        Resource[] before = [.. stay, .. networks.Guarded];
        var containers = new Dictionary<string, Resource>(StringComparer.Ordinal);
        foreach (var service in set.Services)
        {
            containers[service.Name ?? ""] = ContainerOf(input, service, service == main ? port : null, networks, before, containers);
        }

        var endpoint = containers[main.Name ?? ""];
        return empty with
        {
            Running = [.. before, .. containers.Values],
            Stopped = stay,
            Deleted = input.KeepVolumes ? volumes : [],
            Complete = true,
            Rollout = endpoint.Rollout ?? Rollout.BlueGreen,
            Endpoint = new Endpoint(endpoint.Id, port, input.Revision.Spec.EndpointPath, input.Revision.Spec.GatewayTransport),
        };
    }

    /// <summary>
    /// A server that is reached by its stdin and stdout alone: with egress closed it has no network at all, with a host list one to the
    /// guard. It is never there twice:
    /// who keeps state for one client at a time (and most do) must not have two.
    /// </summary>
    private Compiled OverStdio(CompileInput input, DockerServiceSet set, DockerService service, IReadOnlyList<Resource> images, Compiled empty)
    {
        var networks = Egress.Of(input.Revision.Guardrails.Config.Network) is Egress.None ? null : RuntimeNetworks.Of(input, set);
        var mounts = RuntimeVolumes.MountsOf(service);
        var volumes = mounts.Select(m => RuntimeVolumes.Of(input, m.Key)).ToArray();
        Resource[] stay = [.. images.Concat(networks?.All ?? []).DistinctBy(r => r.Id, StringComparer.Ordinal), .. volumes];
        Resource[] before = [.. stay, .. networks?.Guarded ?? []];
        var body = _containers.Body(input, service, port: null, [networks?.Front.Id ?? NoNetwork], mounts, overStdio: true);
        var fingerprint = body.Shape.Fingerprint(input.Hash);
        var container = new Resource(
            DockerNames.Container(input.Identity, fingerprint), ResourceKind.Container, fingerprint, [.. before.Select(r => r.Id)], input.Revision.Generation, body);
        return empty with
        {
            Running = [.. before, container],
            Stopped = stay,
            Deleted = input.KeepVolumes ? volumes : [],
            Complete = true,
            Rollout = Rollout.Recreate,
            Endpoint = new Endpoint(container.Id, Port: 0, Path: "/mcp", GatewayTransport.Stdio),
            Report = networks is null ? [.. empty.Report.Select(WithoutNetwork)] : empty.Report,
        };
    }

    private static ControlReport WithoutNetwork(ControlReport report) =>
        report is { Outcome: ControlOutcome.Enforced, Control: Control.Egress or Control.Ingress or Control.Peers or Control.HostPorts or Control.Metadata }
            ? report with { Where = "HostConfig.NetworkMode=none" }
            : report;

    /// <param name="others">The services before this one, by name.</param>
    private Resource ContainerOf(
        CompileInput input, DockerService service, int? port, RuntimeNetworks networks, IReadOnlyList<Resource> before, Dictionary<string, Resource> others)
    {
        var mounts = RuntimeVolumes.MountsOf(service);
        var body = _containers.Body(input, service, port, networks.Of(service), mounts);
        var fingerprint = body.Shape.Fingerprint(input.Hash);
        var dependencies = service.Compose?.DependsOn ?? [];
        IEnumerable<string> On(bool started) => dependencies.Where(d => d.Condition is ComposeCondition.Started == started).Select(d => others[d.Service].Id);
        return new Resource(
            DockerNames.Container(input.Identity, fingerprint), ResourceKind.Container, fingerprint, [.. before.Select(r => r.Id), .. On(started: false)], input.Revision.Generation, body)
        {
            AfterStart = [.. On(started: true)],
            Service = service.Name,
            // Two of one service at once: harmless for what only answers, and not for what writes, or is found by its name.
            Rollout = mounts.Any(m => !m.ReadOnly) || (service.Name is not null && port is null) ? Rollout.Recreate : Rollout.BlueGreen,
            EndsForGood = service.Compose is { Restart: ComposeRestart.No },
        };
    }

    private static Resource ImageOf(CompileInput input, DockerService service) => new(
        DockerNames.Image(service.Pin),
        ResourceKind.Image,
        DockerNames.ImageFingerprint(service.Pin),
        [],
        input.Revision.Generation,
        new ImageBody(service.Pin, input.Revision.Spec.TeamId));

    private static Compiled Empty(RuntimeSpec spec, IReadOnlyList<ControlReport> report, DockerServiceSet set) => new(
        [],
        [],
        [],
        Complete: false,
        spec.Volumes.Count > 0 ? Rollout.Recreate : Rollout.BlueGreen,
        Endpoint: null,
        report,
        [.. GuardrailWarnings.Of(report, DockerBackend.BackendName), .. set.Notes.Select(n => new GuardrailWarning("source.compose_file", n, DockerBackend.BackendName, "info"))]);

    /// <summary>What can't run here at all, whatever the images turn out to be.</summary>
    private static Fault? Refusal(CompileInput input, IReadOnlyList<DockerService> services, IReadOnlyList<ControlReport> report)
    {
        if (input.Revision.Spec is { GatewayTransport: GatewayTransport.Stdio, Source: Source.Compose })
        {
            return new Fault(FaultKind.Refused, "StdioOfOneImage", "A compose source cannot speak over stdin and stdout; deploy the one image that does (source type docker), or let the service speak HTTP.");
        }

        if (input.Revision.Guardrails.Config.Images.RequireDigest && services.FirstOrDefault(s => !s.PinIsRegistryDigest && s.Build?.Body is not BuildBody { Source.PushToRegistry: true }) is { } local)
        {
            return new Fault(
                FaultKind.Refused, "DigestRequired", $"The guardrails require a registry's digest, and {local.Reference} is only known by the engine's own id ({local.Pin}): push it to a registry, or deploy it as name@sha256:….");
        }

        return report.FirstOrDefault(r => r.Outcome == ControlOutcome.Refused) is { } control
            ? new Fault(FaultKind.Refused, "GuardrailRefused", $"{GuardrailWarnings.Field(control.Control)}: {control.Message}")
            : null;
    }

    /// <summary>endpoint_port, else the compose file's one port of that service, else the image's one exposed port, else the first ingress port.</summary>
    private static int? EndpointPort(CompileInput input, DockerService main) =>
        input.Revision.Spec.EndpointPort
        ?? (main.Compose?.Ports is [var named] ? named
            : main.Image!.ExposedPorts is [var only] ? only
            : input.Revision.Guardrails.Config.Network.IngressPorts is [var first, ..] ? first : null);
}
