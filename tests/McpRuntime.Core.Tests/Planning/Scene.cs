using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Planning;

/// <summary>A record, what its revisions compile to, and what is seen: the planner's inputs, put together by hand.</summary>
internal sealed record Scene
{
    public static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    public const string RecordId = "01jabcdefghjkmnpqrstvwxyz0";

    public Goal Goal { get; init; } = Goal.Run;

    public bool KeepVolumes { get; init; }

    public RevisionPlan? Target { get; init; } = Plan(1);

    public RevisionPlan? Serving { get; init; }

    public IReadOnlyList<SeenResource>? Backend { get; init; } = [];

    public IReadOnlyList<SeenResource>? Gateway { get; init; } = [];

    public IReadOnlyList<SeenResource>? Registry { get; init; } = [];

    public IReadOnlyDictionary<string, Handshake> Handshakes { get; init; } = new Dictionary<string, Handshake>(StringComparer.Ordinal);

    public Memory Memory { get; init; } = Memory.Empty;

    public Fault? Obstacle { get; init; }

    public PlannerOptions Options { get; init; } = PlannerOptions.Default;

    public Wanted Wanted => new()
    {
        RecordId = RecordId,
        Goal = Goal,
        Asked = (Target ?? Serving)!.Revision,
        Target = Target,
        Serving = Serving,
        KeepVolumes = KeepVolumes,
        Obstacle = Obstacle,
    };

    public Observation Observation => new(View(Backend, "EngineUnreachable"), View(Gateway, "RoutesUnreachable"), Handshakes) { Registry = View(Registry, "RegistryUnreachable") };

    public RuntimeRecord Record => new()
    {
        Id = RecordId,
        Name = "demo",
        Owner = "rest",
        Backend = "docker",
        InstanceId = "inst",
        AskedGeneration = Wanted.Asked.Generation,
        Asked = Wanted.Asked,
        Serving = Serving?.Revision,
        ServingGeneration = Serving?.Generation,
        Desired = Goal is Goal.Stop ? DesiredState.Stopped : DesiredState.Running,
        DeleteRequested = Goal is Goal.Delete,
        KeepVolumes = KeepVolumes,
        Memory = Memory with { Generation = Wanted.Asked.Generation },
        StatusRevision = 1,
    };

    public Step Next() => Planner.Next(Wanted, Observation, Memory, Noon, Options);

    public Report Report(StepResult? result = null) => Progress.Of(Record, Wanted, Observation, Next(), result ?? StepResult.NoEffect, Noon, Options);

    public static Resource Of(string id, ResourceKind kind, long generation = 1, params string[] dependsOn) => new(id, kind, $"fp-{id}", dependsOn, generation, new Body());

    public static RevisionPlan Plan(long generation, Rollout rollout = Rollout.BlueGreen, bool complete = true, bool resolved = true, RevisionState state = RevisionState.Admitted)
    {
        var container = $"c{generation}";
        Resource[] stay = [Of($"image{generation}", ResourceKind.Image, generation), Of("net", ResourceKind.Network, generation), Of("vol", ResourceKind.Volume, generation)];
        Resource[] running = [.. stay, Of(container, ResourceKind.Container, generation, $"image{generation}", "net")];
        var route = new Resource("route", ResourceKind.Route, "fp-route", [container], generation, new Body()) { BoundTo = container };
        var compiled = new Compiled(complete ? running : running[..1], stay, [], complete, rollout, complete ? new Endpoint(container, 80, null, null) : null, [], []);
        return new RevisionPlan(Revision(generation, resolved, state), compiled, complete ? [route] : [], []);
    }

    /// <summary>The same, registered in an outer gateway: on while it runs, off while it is stopped.</summary>
    public static RevisionPlan Registered(RevisionPlan plan)
    {
        Resource Registration(string state, string? boundTo) => new("registration", ResourceKind.Registration, $"fp-registration-{state}", [], plan.Generation, new Unbound()) { BoundTo = boundTo };
        return plan.Compiled.Endpoint is { } endpoint
            ? plan with { Routes = [.. plan.Routes, Registration("on", endpoint.ContainerId)], StoppedRoutes = [Registration("off", null)] }
            : plan;
    }

    public static SeenResource Sees(Resource resource, Health health = Health.Serving) =>
        new() { Id = resource.Id, Kind = resource.Kind, Fingerprint = resource.Fingerprint, Health = health, Instance = $"{resource.Id}@1" };

    public static IReadOnlyList<SeenResource> SeesAll(params RevisionPlan[] plans) => [.. plans.SelectMany(p => p.Compiled.Running).DistinctBy(r => r.Id).Select(r => Sees(r))];

    public static SeenResource Routed(string container) =>
        new() { Id = "route", Kind = ResourceKind.Route, Fingerprint = $"fp-route>{container}@1", Instance = $"{container}@1" };

    public static Memory Passed(params string[] containers) => Memory.Empty with { Verified = containers.ToDictionary(c => c, c => $"{c}@1", StringComparer.Ordinal) };

    private static Revision Revision(long generation, bool resolved, RevisionState state) => new()
    {
        Generation = generation,
        Spec = new RuntimeSpec { Source = new Source.Docker("demo", null), GuardrailsProfile = "standard" },
        Guardrails = new EffectiveGuardrails("standard", 1, new GuardrailsConfig(), []),
        State = state,
        ContentHash = "",
        Facts = resolved ? new ResolvedFacts("demo@sha256:1", true, null, new ImageFacts("id", "", [], [], [], [], "amd64")) : null,
    };

    private static ProviderView View(IReadOnlyList<SeenResource>? seen, string away) =>
        seen is null ? new ProviderView.Unknown(new Fault(FaultKind.Transient, away, "away")) : new ProviderView.Known(seen);

    private sealed record Unbound : ResourceBody;

    private sealed record Body : ResourceBody
    {
        public override (ResourceBody Body, string Fingerprint) Bind(SeenResource target, string fingerprint) => (this, $"{fingerprint}>{target.Instance}");
    }
}
