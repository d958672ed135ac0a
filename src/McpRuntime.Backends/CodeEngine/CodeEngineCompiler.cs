using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>A revision as Code Engine resources: its environment's secret, its build, its app. Pure.</summary>
internal sealed class CodeEngineCompiler(CodeEngineOptions options)
{
    /// <summary>What the platform assumes; no image tells us its port, since no image is ever here.</summary>
    private const int UsualPort = 8080;

    /// <summary>Of every server that must not be root: a user who owns nothing anywhere.</summary>
    private const long NobodyElse = 65532;

    /// <summary>A probe that fails once must not restart a server that is busy: the platform's own default does.</summary>
    private const int FailuresAllowed = 3;

    /// <summary>The platform's own listeners.</summary>
    private static readonly int[] ReservedPorts = [8022, 8008, 8012, 9090, 9091, 15090];

    public Compiled Compile(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        var spec = input.Revision.Spec;
        var warnings = Warnings(input, report);
        var empty = new Compiled([], [], [], Complete: false, Rollout.BlueGreen, Endpoint: null, report, warnings);
        if (Refusal(input, report) is { } refused)
        {
            return empty with { Refused = refused };
        }

        if (input.Revision.Facts is not { } facts)
        {
            return empty;
        }

        // Known by its commit alone: it has to be built before there is a digest to run.
        if (spec.Source is Source.GitHub repository && !facts.PinIsRegistryDigest)
        {
            var arguments = BuildArguments(input.Identity, repository, input.Hash, input.Revision.Generation);
            var build = BuildOf(input.Identity, repository, facts.Commit!, arguments);
            Resource[] before = arguments is null ? [] : [arguments];
            var body = new BuildBody(build, input.RestartToken);
            return empty with { Running = [.. before, new Resource(build.Name, ResourceKind.Build, BuildBody.Fingerprint(build), [.. before.Select(r => r.Id)], input.Revision.Generation, body)] };
        }

        var secret = SecretOf(input);
        var app = AppOf(input, facts, secret, isParked: false);
        Resource[] stay = secret is null ? [] : [secret];
        return new Compiled(
            [.. stay, app],
            options.Stop == StopMode.Recreate ? stay : [.. stay, Parked(input, facts, secret, app)],
            [],
            Complete: true,
            Rollout.BlueGreen,
            new Endpoint(app.Id, PortOf(input), spec.EndpointPath, spec.GatewayTransport) { SleepsWhenIdle = ((AppBody)app.Body).Create.ScaleMinInstances == 0 },
            report,
            warnings);
    }

    /// <summary>The same app, so under the running one's name: no instance kept, and out of reach from outside the project.</summary>
    private Resource Parked(CompileInput input, ResolvedFacts facts, Resource? secret, Resource app)
    {
        var parked = AppOf(input, facts, secret, isParked: true);
        var body = (AppBody)parked.Body;
        return parked with { Id = app.Id, Body = body with { Create = body.Create with { Name = app.Id } } };
    }

    private Resource AppOf(CompileInput input, ResolvedFacts facts, Resource? secret, bool isParked)
    {
        var spec = input.Revision.Spec;
        var guardrails = input.Revision.Guardrails.Config;
        var size = AppSize.Fitting(guardrails.Resources)!;
        var scale = AppScale.Of(guardrails.Resources, spec.GatewayTransport);
        var port = PortOf(input);
        var create = new AppCreate
        {
            Name = "",
            ImageReference = facts.Pin,
            ImageSecret = options.RegistrySecret,
            ImagePort = port,
            ManagedDomainMappings = isParked ? "local" : Word(options.Visibility),
            ProbeLiveness = new Probe { Type = "tcp", Port = port, Interval = 30, Timeout = 5, FailureThreshold = FailuresAllowed },
            ProbeReadiness = new Probe { Type = "tcp", Port = port, Interval = 5, Timeout = 2, FailureThreshold = FailuresAllowed },
            RunArguments = spec.Source is Source.Docker { Command: { } command } ? command : [],
            RunCommands = [],
            RunAsUser = guardrails.Process.RunAsNonRoot ? NobodyElse : null,
            RunComputeResourceTokenEnabled = false,
            RunEnvVariables = Variables(input, secret, isParked),
            RunServiceAccount = "none",
            RunVolumeMounts = [],
            ScaleMinInstances = isParked ? 0 : scale.Min,
            ScaleMaxInstances = scale.Max,
            ScaleConcurrency = 100,
            ScaleCpuLimit = size.Cpu,
            ScaleMemoryLimit = size.Memory,

            // At most the larger of 400 MB and the memory.
            ScaleEphemeralStorageLimit = "400M",
            ScaleRequestTimeout = scale.TimeoutSeconds,
        };
        var shape = AppShape.Of(create);
        var fingerprint = shape.Fingerprint(input.Hash);
        var name = CodeEngineNames.App(input.Identity, fingerprint);
        var named = create with { Name = name, RunEnvVariables = [.. create.RunEnvVariables, Variable.Literal(CodeEngineNames.Shape, shape.Legend(input.Hash))] };
        return new Resource(name, ResourceKind.Container, fingerprint, secret is null ? [] : [secret.Id], input.Revision.Generation, new AppBody(named, shape, isParked));
    }

    private static Variable[] Variables(CompileInput input, Resource? secret, bool isParked)
    {
        List<Variable> variables =
        [
            Variable.Literal(CodeEngineNames.Instance, input.Identity.InstanceId),
            Variable.Literal(CodeEngineNames.Record, input.Identity.RecordId),
            Variable.Literal(CodeEngineNames.Restart, CodeEngineNames.Text(input.RestartToken)),
        ];
        if (isParked)
        {
            variables.Add(Variable.Literal(CodeEngineNames.Parked, "true"));
        }

        if (secret is not null)
        {
            // By reference, whole: a literal would be readable to whoever may list apps.
            variables.Add(new Variable { Type = "secret_full_reference", Reference = secret.Id });
        }

        return [.. variables];
    }

    private static Resource? SecretOf(CompileInput input) => input.Environment.Count == 0
        ? null
        : SecretOf(input.Identity, input.Environment.Select(e => KeyValuePair.Create(e.Key, e.Value.Reveal())), input.Hash, input.Revision.Generation);

    private static Resource SecretOf(RuntimeIdentity id, IEnumerable<KeyValuePair<string, string>> values, KeyedHash hash, long generation)
    {
        var data = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            [CodeEngineNames.Instance] = id.InstanceId,
            [CodeEngineNames.Record] = id.RecordId,
        };
        foreach (var (name, value) in values)
        {
            data[name] = value;
        }

        var fingerprint = SecretBody.Fingerprint(data, hash);
        return new Resource(CodeEngineNames.Secret(id, fingerprint), ResourceKind.Secret, fingerprint, [], generation, new SecretBody(data));
    }

    /// <summary>What builds this revision; null for what is not a repository, or has no commit yet.</summary>
    public BuildSettings? BuildFor(RuntimeIdentity id, Revision revision, KeyedHash hash) =>
        options.CanBuild && revision is { Spec.Source: Source.GitHub repository, Facts.Commit: { } commit }
            ? BuildOf(id, repository, commit, BuildArguments(id, repository, hash, revision.Generation))
            : null;

    /// <summary>Build arguments may hold tokens, and whoever may list builds reads literals: they are a secret of ours, wanted as long as the build is.</summary>
    private static Resource? BuildArguments(RuntimeIdentity id, Source.GitHub repository, KeyedHash hash, long generation) =>
        repository.BuildArgs.Count == 0 ? null : SecretOf(id, repository.BuildArgs, hash, generation);

    private BuildSettings BuildOf(RuntimeIdentity id, Source.GitHub repository, string commit, Resource? arguments)
    {
        var registry = repository is { PushToRegistry: true, Registry: { } own } ? own : options.BuildRegistry!;
        var build = new BuildSettings
        {
            Name = "",
            OutputImage = $"{registry.TrimEnd('/')}/mcp-{id.Short}:{commit[..12]}",
            OutputSecret = options.RegistrySecret,
            StrategyType = "dockerfile",
            StrategySize = "medium",
            StrategySpecFile = repository.Dockerfile,
            SourceType = "git",
            SourceUrl = repository.Repo,
            SourceRevision = commit,
            SourceContextDir = repository.Context is "" or "." ? null : repository.Context,
            RunBuildParams =
            [
                Variable.Literal(CodeEngineNames.Instance, id.InstanceId),
                Variable.Literal(CodeEngineNames.Record, id.RecordId),
                .. repository.BuildArgs.Keys.Order(StringComparer.Ordinal).Select(name => new Variable { Type = "secret_key_reference", Name = name, Reference = arguments!.Id, Key = name }),
            ],
            Timeout = (int)options.BuildTimeout.TotalSeconds,
        };
        return build with { Name = CodeEngineNames.Build(id, BuildBody.Fingerprint(build)) };
    }

    /// <summary>What can't run here at all, whatever the image turns out to be.</summary>
    private Fault? Refusal(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        var spec = input.Revision.Spec;
        var guardrails = input.Revision.Guardrails.Config;
        var port = PortOf(input);
        return 0 switch
        {
            _ when spec.Source is Source.Compose => No("SourceNotSupported", "A compose source can't run on Code Engine, which runs one image a server: choose the docker backend."),
            _ when spec.Source is Source.GitHub && !options.CanBuild =>
                No("BuildsNotConfigured", "Builds need a place to push to: set RUNTIME_IBM_CODE_ENGINE_BUILD_REGISTRY and RUNTIME_IBM_CODE_ENGINE_REGISTRY_SECRET."),
            _ when spec.GatewayTransport == GatewayTransport.Stdio =>
                No("StdioNotSupported", "Code Engine gives no access to a server's stdin and stdout, so a stdio server can't be reached there. Use an image that speaks HTTP (STREAMABLEHTTP or SSE), or the docker backend."),
            _ when spec.Volumes.Count > 0 =>
                No("VolumesNotSupported", $"Code Engine has no volumes to write to (asked for: {string.Join(", ", spec.Volumes)}): choose a backend that has, or leave volumes out."),
            _ when spec.Environment.Keys.Concat(spec.Source is Source.GitHub { BuildArgs.Keys: var arguments } ? arguments : []).FirstOrDefault(name => name.StartsWith(CodeEngineNames.Reserved, StringComparison.Ordinal)) is { } reserved =>
                No("ReservedVariable", $"The variable {reserved} is ours: names that begin with {CodeEngineNames.Reserved} mark what belongs to a runtime. Rename it."),
            _ when ReservedPorts.Contains(port) => No("PortReserved", $"Port {port} is used by Code Engine itself (as are {string.Join(", ", ReservedPorts)}): have the server listen elsewhere and set endpoint_port."),
            _ when AppSize.Fitting(guardrails.Resources) is null => No("SizeNotAvailable", $"Code Engine has no instance with cpu {guardrails.Resources.Cpu ?? "any"} and memory {guardrails.Resources.Memory ?? "any"}: at most 12 vCPU and 48 GB."),
            _ when report.FirstOrDefault(r => r.Outcome == ControlOutcome.Refused) is { } control => No("GuardrailRefused", $"{GuardrailWarnings.Field(control.Control)}: {control.Message}"),
            _ => null,
        };
    }

    private static List<GuardrailWarning> Warnings(CompileInput input, IReadOnlyList<ControlReport> report)
    {
        List<GuardrailWarning> warnings = [.. GuardrailWarnings.Of(report, CodeEngineBackend.BackendName)];
        void Add(string field, string message) => warnings.Add(new GuardrailWarning(field, message, CodeEngineBackend.BackendName, "warning"));
        var asked = input.Revision.Guardrails.Config.Resources;
        if (AppSize.Fitting(asked) is { } size)
        {
            if (size.IsMoreCpuThan(asked))
            {
                Add("resources.cpu", $"{asked.Cpu} is rounded up to {size.Cpu} vCPU: Code Engine has fixed pairs of vCPU and memory.");
            }

            if (size.IsMoreMemoryThan(asked))
            {
                Add("resources.memory", $"{asked.Memory} is rounded up to {size.Memory} (decimal): Code Engine has fixed pairs of vCPU and memory.");
            }
        }

        var scale = AppScale.Of(asked, input.Revision.Spec.GatewayTransport);
        if (scale.IsPinned)
        {
            Add("resources.max_scale", "A server of the SSE transport keeps its sessions in one process: it is pinned to exactly one instance, which always runs.");
        }
        else if (scale.Max > 1)
        {
            Add("resources.max_scale", "Code Engine has no sticky sessions: with more than one instance only a server that keeps no session in memory works.");
        }

        return warnings;
    }

    private static int PortOf(CompileInput input) =>
        input.Revision.Spec.EndpointPort
        ?? (input.Revision.Guardrails.Config.Network.IngressPorts is [var first, ..] ? first : UsualPort);

    private static string Word(AppVisibility visibility) => visibility switch
    {
        AppVisibility.LocalPublic => "local_public",
        AppVisibility.LocalPrivate => "local_private",
        AppVisibility.Local => "local",
    };

    private static Fault No(string reason, string message) => new(FaultKind.Refused, reason, message);
}
