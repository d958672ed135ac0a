using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;
using McpRuntime.Server.Sources.Rest;

namespace McpRuntime.Server.Plans;

/// <summary>A request taken as far as it goes without writing: through the door's checks and admission, resolved, compiled, and laid beside what runs.</summary>
internal sealed class Forecast(Database database, Drafts drafts, IRecordStore records, PlanWorld world, TimeProvider time)
{
    private static readonly IReadOnlyDictionary<string, SecretText> Nothing = new Dictionary<string, SecretText>(StringComparer.Ordinal);

    /// <exception cref="Refusal">What the put itself would be refused with.</exception>
    public async Task<Plan> OfAsync(Caller caller, PutRuntime put, CancellationToken ct)
    {
        Policy.MustOperate(caller);
        await drafts.RefreshAsync(ct);
        var (id, request) = await database.ReadAsync((db, stop) => Door.TargetForPlanAsync(db, caller, put, stop), ct);
        var record = id is null ? null : await records.FindAsync(id, ct);
        var recordId = id ?? RecordId.New(time.GetUtcNow());
        var draft = await drafts.MakeAsync(caller, request, recordId, ct);
        draft = record is null ? draft : draft.Since(await BeforeAsync(record, draft, ct), caller);
        var isSame = record is { Asked.State: not RevisionState.Failed } && record.Asked.ContentHash == draft.ContentHash;
        var identity = new RuntimeIdentity(await records.InstanceIdAsync(ct), recordId);

        var problems = new List<string>();
        var revision = Planned(draft, (record?.AskedGeneration ?? 0) + 1);
        var (facts, fault) = await world.ResolveAsync(draft.Admitted.Backend, revision, ct);
        Tell(problems, fault);
        var environment = await drafts.OpenAsync(draft, recordId, ct);
        var (compiled, routes) = world.Compile(
            draft.Admitted.Backend,
            world.Input(identity, draft.Admitted.Name, revision with { Facts = facts }, record, environment, record?.CreatedBy ?? caller.Subject));
        Tell(problems, compiled.Refused);
        var (seen, blind) = record is null ? ([], null) : await world.ObserveAsync(draft.Admitted.Backend, identity, ct);
        Tell(problems, blind);
        return new Plan
        {
            Name = draft.Admitted.Name,
            RuntimeId = id,
            Backend = draft.Admitted.Backend,
            Action = record is null ? "create" : isSame ? "none" : "update",
            Generation = isSame ? record!.AskedGeneration : revision.Generation,
            Source = new PlannedSource(SourceJson.Of(draft.Admitted.Spec.Source), facts?.Pin, facts?.PinIsRegistryDigest ?? false, facts?.Commit) { Facts = facts },
            GuardrailsProfile = draft.Admitted.Guardrails.Profile,
            GuardrailsProfileVersion = draft.Admitted.Guardrails.ProfileVersion,
            Guardrails = draft.Admitted.Guardrails.Config,
            GuardrailsLoosened = draft.Admitted.Guardrails.Loosened,
            GuardrailsReport = compiled.Report,
            GuardrailsWarnings = GuardrailWarnings.Of(compiled.Report, draft.Admitted.Backend),
            Approval = new PlannedApproval(draft.NeedsApproval, draft.NeedsApproval ? draft.Triggers : [], draft.Approvals?.Approvers ?? [], draft.NeedsApproval ? ApprovalRights.Required(caller) : 0),
            Problems = problems,
            Rollout = compiled.Refused is not null ? null : compiled.Rollout switch { Rollout.BlueGreen => "blue_green", Rollout.Recreate => "recreate" },
            Complete = compiled.Complete && fault is null,
            Steps = compiled.Refused is not null ? [] : Steps([.. compiled.Running, .. routes], seen, mayRemove: compiled.Complete),
            Diff = record is null ? [] : Differences.Of(await ContentAsync(record, ct), new PlannedContent(draft.Admitted.Spec, draft.Admitted.Guardrails, facts, environment)),
        };
    }

    private Task<EffectiveGuardrails?> BeforeAsync(RuntimeRecord record, Draft draft, CancellationToken ct) => database.ReadAsync(
        (db, stop) => Generations.BeforeAsync(db, record.Id, record.Serving?.Generation, record.AskedGeneration, draft.Admitted.Guardrails.Profile, stop),
        ct);

    internal static Revision Planned(Draft draft, long generation) => new()
    {
        Generation = generation,
        Spec = draft.Admitted.Spec,
        Guardrails = draft.Admitted.Guardrails,
        State = RevisionState.Pending,
        ContentHash = draft.ContentHash,
    };

    /// <summary>What the steps would be, in their order. What is surplus goes last; volumes stay.</summary>
    private static IReadOnlyList<PlannedStep> Steps(IReadOnlyList<Resource> wanted, IReadOnlyList<SeenResource>? seen, bool mayRemove)
    {
        if (seen is null)
        {
            return [.. wanted.Select(resource => new PlannedStep("put", Word(resource.Kind), resource.Id, "what is there can't be seen now"))];
        }

        var there = seen.ToDictionary(resource => resource.Id, StringComparer.Ordinal);
        var names = wanted.Select(resource => resource.Id).ToHashSet(StringComparer.Ordinal);
        return
        [
            .. wanted.Select(resource => Step(resource, there.GetValueOrDefault(resource.Id))),
            .. seen.Where(resource => mayRemove && !names.Contains(resource.Id) && resource.Kind is not ResourceKind.Volume)
                .Select(resource => new PlannedStep("remove", Word(resource.Kind), resource.Id, "superseded")),
        ];
    }

    private static PlannedStep Step(Resource wanted, SeenResource? seen) => (seen, wanted.BoundTo) switch
    {
        (null, _) => new("create", Word(wanted.Kind), wanted.Id, "missing"),
        // Its fingerprint is known once it is bound to what it leads to.
        (_, not null) => new("replace", Word(wanted.Kind), wanted.Id, $"leads to {wanted.BoundTo}"),
        ({ } live, _) => live.Fingerprint == wanted.Fingerprint
            ? new("keep", Word(wanted.Kind), wanted.Id, null)
            : new("replace", Word(wanted.Kind), wanted.Id, live.DifferingField is { } field ? $"{field} differs" : "different"),
    };

    private async Task<PlannedContent> ContentAsync(RuntimeRecord record, CancellationToken ct)
    {
        var runs = record.Serving ?? record.Asked;
        IReadOnlyDictionary<string, SecretText> environment;
        try
        {
            environment = runs.Spec.Environment.Count == 0 ? Nothing : await records.EnvironmentAsync(record.Id, runs.Generation, ct);
        }
        catch (Refusal)
        {
            // A secret that can't be read any more differs from whatever is sent now, and that is what is shown.
            environment = runs.Spec.Environment.Keys.ToDictionary(name => name, _ => new SecretText(""), StringComparer.Ordinal);
        }

        return new PlannedContent(runs.Spec, runs.Guardrails, runs.Facts, environment);
    }

    private static string Word(ResourceKind kind) => System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString());

    private static void Tell(List<string> problems, Fault? fault)
    {
        if (fault is not null)
        {
            problems.Add($"{fault.Reason}: {fault.Message}");
        }
    }
}
