using System.Globalization;
using McpRuntime.Backends.Docker.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Docker;

/// <summary>A revision as Docker resources. Pure: options and input in, resources out.</summary>
internal sealed class DockerCompiler(DockerOptions options)
{
    /// <summary>An image's own user is kept when it is not root; else this one, which owns nothing anywhere.</summary>
    public const string NobodyElse = "65532:65532";

    /// <summary>
    /// A resolver that never answers (TEST-NET-1). Engines before 23.0.11 and 25.0.5 forward a closed container's queries from the
    /// host's own namespace when the host's resolver is on loopback (CVE-2024-29018).
    /// </summary>
    private const string DeadResolver = "192.0.2.1";

    public Compiled Compile(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        var spec = input.Revision.Spec;
        var warnings = GuardrailWarnings.Of(report, DockerBackend.BackendName);
        var source = spec.Source.Match<Source.Docker?>(docker => docker, _ => null, _ => null);
        if (Refusal(input, source, report) is { } refused)
        {
            return Empty(spec, report, warnings) with { Refused = refused };
        }

        if (input.Revision.Facts is not { } facts)
        {
            return Empty(spec, report, warnings);
        }

        var image = ImageOf(input, facts);
        return facts.Image is { } imageFacts && source is not null
            ? Whole(input, source, facts, imageFacts, image, report, warnings)
            : Empty(spec, report, warnings) with { Running = [image], Stopped = [image] };
    }

    private Compiled Whole(
        CompileInput input, Source.Docker source, ResolvedFacts facts, ImageFacts imageFacts, Resource image, IReadOnlyList<ControlReport> report, IReadOnlyList<GuardrailWarning> warnings)
    {
        var spec = input.Revision.Spec;
        var guardrails = input.Revision.Guardrails.Config;
        var paths = spec.Volumes.Concat(imageFacts.Volumes).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        if (paths.FirstOrDefault(p => !IsAllowedMount(p, guardrails.Filesystem.AllowedMounts)) is { } outside)
        {
            return Empty(spec, report, warnings) with { Refused = MountRefused(outside, spec.Volumes.Contains(outside, StringComparer.Ordinal), guardrails.Filesystem.AllowedMounts) };
        }

        if (EndpointPort(spec, imageFacts, guardrails) is not { } port)
        {
            return Empty(spec, report, warnings) with
            {
                Refused = new Fault(FaultKind.Refused, "NoEndpointPort", "The image exposes no single port and the guardrails name no ingress port: set endpoint_port to the port the server listens on."),
            };
        }

        var closed = Egress.Of(guardrails.Network) is not Egress.All;
        var network = NetworkOf(input, closed);
        var volumes = paths.Select(p => VolumeOf(input, p)).ToArray();
        Resource[] guarded = closed ? [LinkOf(input, network), .. PolicyOf(input, network)] : [];
        var body = ContainerOf(input, source, facts, imageFacts, port, network.Id, volumes);
        var fingerprint = body.Shape.Fingerprint(input.Hash);
        Resource[] stay = [image, network, .. volumes];
        Resource[] running = [.. stay, .. guarded];
        var container = new Resource(
            DockerNames.Container(input.Identity, fingerprint), ResourceKind.Container, fingerprint, [.. running.Select(r => r.Id)], input.Revision.Generation, body);
        return new Compiled(
            [.. running, container],
            stay,
            input.KeepVolumes ? volumes : [],
            Complete: true,
            volumes.Length > 0 ? Rollout.Recreate : Rollout.BlueGreen,
            new Endpoint(container.Id, port, spec.EndpointPath, spec.GatewayTransport),
            report,
            warnings);
    }

    private ContainerBody ContainerOf(
        CompileInput input, Source.Docker source, ResolvedFacts facts, ImageFacts image, int port, string network, IReadOnlyList<Resource> volumes)
    {
        var guardrails = input.Revision.Guardrails.Config;
        var replaceUser = guardrails.Process.RunAsNonRoot && ImageUser.IsRoot(image.User);
        var labels = DockerNames.Labels(input.Identity, "container");
        labels[DockerNames.Restart] = DockerNames.Text(input.RestartToken);
        labels[DockerNames.Port] = DockerNames.Text(port);
        var host = HostOf(guardrails, network, volumes);
        labels[DockerNames.Limits] = LimitsLabel.Of(host);
        var create = new ContainerCreate
        {
            Image = facts.Pin,
            User = replaceUser ? NobodyElse : null,
            Env = Environment(input),
            Cmd = source.Command,
            Labels = labels,
            HostConfig = host,
        };
        var shape = ContainerShape.Asked(create, image, network);
        labels[DockerNames.Shape] = shape.Legend(input.Hash);
        return new ContainerBody(create, network, shape)
        {
            MustNotBeRoot = guardrails.Process.RunAsNonRoot && !replaceUser && !ImageUser.IsNumeric(image.User),
        };
    }

    private HostConfig HostOf(GuardrailsConfig guardrails, string network, IReadOnlyList<Resource> volumes)
    {
        var memory = MemoryQuantity.TryParse(guardrails.Resources.Memory, out var bytes, out _) ? bytes.Bytes : 0;
        return new HostConfig
        {
            NetworkMode = network,
            // We are the reconciler: an engine that restarts by itself would hide crashes and fight a stop.
            RestartPolicy = new RestartPolicy("no"),
            LogConfig = new LogConfig("json-file", new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["max-size"] = options.LogSize,
                ["max-file"] = options.LogFiles.ToString(CultureInfo.InvariantCulture),
            }),
            CapDrop = guardrails.Capabilities.DropAll ? ["ALL"] : null,
            CapAdd = guardrails.Capabilities.Add.Count > 0 ? guardrails.Capabilities.Add : null,
            Dns = Egress.Of(guardrails.Network) is Egress.All ? null : [DeadResolver],
            IpcMode = "private",
            ReadonlyRootfs = guardrails.Filesystem.ReadOnlyRoot,
            Tmpfs = guardrails.Filesystem.ReadOnlyRoot
                ? new SortedDictionary<string, string>(StringComparer.Ordinal) { ["/tmp"] = string.Create(CultureInfo.InvariantCulture, $"rw,noexec,nosuid,nodev,size={options.TmpSize}") }
                : null,
            SecurityOpt = SecurityOpt(guardrails),
            NanoCpus = CpuQuantity.TryParse(guardrails.Resources.Cpu, out var cpu, out _) ? cpu.NanoCpus : 0,
            Memory = memory,
            // Equal: no swap. The default would be twice the memory.
            MemorySwap = memory,
            PidsLimit = guardrails.Resources.MaxPids,
            Init = true,
            Mounts = volumes.Count == 0 ? null : [.. volumes.Select(v => new Mount("volume", v.Id, ((VolumeBody)v.Body).Path))],
        };
    }

    private string[]? SecurityOpt(GuardrailsConfig guardrails)
    {
        List<string> lines = [];
        if (guardrails.Process.NoNewPrivileges)
        {
            lines.Add("no-new-privileges:true");
        }

        // The engine's default is had by saying nothing; "unconfined" passes only where an admin's profile says it (admission).
        if (guardrails.Seccomp is { } seccomp && seccomp != DockerControls.DefaultSeccomp)
        {
            lines.Add($"seccomp={(seccomp == DockerControls.Unconfined ? seccomp : options.SeccompProfiles[seccomp])}");
        }

        // An engine without AppArmor takes the line and does nothing; one that has it but not the profile would not start the container.
        if (guardrails.Apparmor is { } apparmor && (apparmor == DockerControls.Unconfined || options.ApparmorProfiles.Contains(apparmor, StringComparer.Ordinal)))
        {
            lines.Add($"apparmor={apparmor}");
        }

        return lines.Count == 0 ? null : [.. lines];
    }

    private static Resource ImageOf(CompileInput input, ResolvedFacts facts) => new(
        DockerNames.Image(facts.Pin), ResourceKind.Image, DockerNames.ImageFingerprint(facts.Pin), [], input.Revision.Generation, new ImageBody(facts.Pin, input.Revision.Spec.TeamId));

    private static Resource NetworkOf(CompileInput input, bool closed)
    {
        var body = new NetworkBody(closed);
        return new Resource(DockerNames.Network(input.Identity, WayOut.NameOf(input.Revision.Guardrails)), ResourceKind.Network, body.Shape.Fingerprint, [], input.Revision.Generation, body);
    }

    private static Resource VolumeOf(CompileInput input, string path) => new(
        DockerNames.Volume(input.Identity, path), ResourceKind.Volume, VolumeBody.Fingerprint("local", path), [], input.Revision.Generation, new VolumeBody(path));

    private static Resource LinkOf(CompileInput input, Resource network) => new(
        DockerNames.GuardLink(network.Id), ResourceKind.GuardLink, GuardLinkBody.Fingerprint(network.Id), [network.Id], input.Revision.Generation, new GuardLinkBody(network.Id));

    private static Resource[] PolicyOf(CompileInput input, Resource network)
    {
        if (WayOut.Of(input.Revision.Guardrails) is not { } way)
        {
            return [];
        }

        var body = new GuardPolicyBody(network.Id, way, input.Identity.RecordId);
        return [new Resource(DockerNames.GuardPolicy(network.Id), ResourceKind.GuardPolicy, body.Fingerprint, [DockerNames.GuardLink(network.Id)], input.Revision.Generation, body)];
    }

    /// <summary>The proxy's variables over the asked ones: another proxy than the guard can't be reached. What is not to be proxied stays the server's own affair.</summary>
    private static string[] Environment(CompileInput input)
    {
        var environment = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in input.Environment)
        {
            environment[name] = value.Reveal();
        }

        foreach (var (name, value) in WayOut.Of(input.Revision.Guardrails) is null ? [] : WayOut.Variables())
        {
            if (name.EndsWith("_PROXY", StringComparison.OrdinalIgnoreCase) && name.StartsWith("HTTP", StringComparison.OrdinalIgnoreCase))
            {
                environment[name] = value;
            }
            else
            {
                _ = environment.TryAdd(name, value);
            }
        }

        return [.. environment.Select(e => $"{e.Key}={e.Value}")];
    }

    private static Compiled Empty(RuntimeSpec spec, IReadOnlyList<ControlReport> report, IReadOnlyList<GuardrailWarning> warnings) => new(
        [], [], [], Complete: false, spec.Volumes.Count > 0 ? Rollout.Recreate : Rollout.BlueGreen, Endpoint: null, report, warnings);

    /// <summary>What can't run here at all, whatever the image turns out to be.</summary>
    private static Fault? Refusal(CompileInput input, Source.Docker? source, IReadOnlyList<ControlReport> report)
    {
        var spec = input.Revision.Spec;
        if (source is null)
        {
            return new Fault(FaultKind.Refused, "SourceNotSupportedYet", $"A {spec.Source.Type} source cannot be run yet; deploy a built image (source type docker).");
        }

        if (spec.GatewayTransport == GatewayTransport.Stdio)
        {
            return new Fault(FaultKind.Refused, "StdioNotSupportedYet", "A server that speaks over stdin and stdout cannot be bridged yet; deploy one that speaks HTTP (STREAMABLEHTTP or SSE).");
        }

        if (input.Revision.Guardrails.Config.Images.RequireDigest && input.Revision.Facts is { PinIsRegistryDigest: false } local)
        {
            return new Fault(
                FaultKind.Refused, "DigestRequired", $"The guardrails require a registry's digest, and {source.Image} is only known by the engine's own id ({local.Pin}): push it to a registry, or deploy it as name@sha256:….");
        }

        return report.FirstOrDefault(r => r.Outcome == ControlOutcome.Refused) is { } control
            ? new Fault(FaultKind.Refused, "GuardrailRefused", $"{GuardrailWarnings.Field(control.Control)}: {control.Message}")
            : null;
    }

    /// <summary>endpoint_port, else the image's one exposed port, else the first ingress port.</summary>
    private static int? EndpointPort(RuntimeSpec spec, ImageFacts image, GuardrailsConfig guardrails) =>
        spec.EndpointPort ?? (image.ExposedPorts is [var only] ? only : guardrails.Network.IngressPorts is [var first, ..] ? first : null);

    /// <summary>Admission has judged the volumes that were asked for; the image's own are only known now.</summary>
    private static bool IsAllowedMount(string path, IReadOnlyList<string> allowed) =>
        ContainerPath.TryParse(path, out var parsed, out _) && !parsed.IsRoot && !parsed.IsSystem
        && allowed.Any(a => ContainerPath.TryParse(a, out var root, out _) && parsed.IsWithin(root));

    private static Fault MountRefused(string path, bool asked, IReadOnlyList<string> allowed)
    {
        var whose = asked ? $"The volume {path} was asked for" : $"The image keeps data in a volume at {path}";
        var where = allowed.Count == 0 ? "no mounts at all" : $"mounts only inside {string.Join(", ", allowed)}";
        return new Fault(FaultKind.Refused, "MountNotAllowed", $"{whose}, and the guardrails allow {where}. Use a profile whose allowed_mounts cover it.");
    }
}

/// <summary>The USER of an image.</summary>
internal static class ImageUser
{
    public static bool IsRoot(string user) => Name(user) is "" or "root" || (IsNumeric(user) && Name(user).All(c => c == '0'));

    public static bool IsNumeric(string user) => Name(user) is { Length: > 0 } name && name.All(char.IsAsciiDigit);

    public static string Name(string user) => user.Split(':')[0].Trim();
}
