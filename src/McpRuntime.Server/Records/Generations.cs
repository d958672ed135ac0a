using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>Makes records and generations inside the transaction of the change that asked for them.</summary>
internal static class Generations
{
    public static RuntimeRow Create(RecordsDb db, Change change, string id, string owner, Draft draft)
    {
        var row = new RuntimeRow
        {
            Id = id,
            Name = draft.Admitted.Name,
            Owner = owner,
            Backend = draft.Admitted.Backend,
            CreatedBy = change.Caller.Subject,
            CreatedAt = change.AtMs,
        };
        db.Runtimes.Add(row);
        Add(db, change, row, draft);
        db.Statuses.Add(new StatusRow
        {
            RuntimeId = id,
            Revision = 1,
            Status = draft.NeedsApproval ? RuntimeStatus.PendingApproval : RuntimeStatus.Pending,
            Conditions = RecordsJson.Write(FirstConditions(change, draft)),
            Memory = RecordsJson.Write(Core.Planning.Memory.Empty),
            Display = RecordsJson.Write(new Display()),
        });
        change.Audit(db, "runtime.create", row.Id, after: draft.ContentHash);
        return row;
    }

    public static async Task UpdateAsync(RecordsDb db, Change change, RuntimeRow row, RevisionRow asked, Draft draft, CancellationToken ct)
    {
        draft = draft.Since(await BeforeAsync(db, row.Id, row.ServingGeneration, asked.Generation, draft.Admitted.Guardrails.Profile, ct), change.Caller);
        if (row.ServingGeneration != asked.Generation && asked.State is RevisionState.Pending or RevisionState.Admitted)
        {
            asked.State = RevisionState.Superseded;
        }

        await ApprovalRequests.CloseAsync(db, change, row, ApprovalStatus.Superseded, draft.Approvals, ct);
        await db.Tags.Where(tag => tag.RuntimeId == row.Id).ExecuteDeleteAsync(ct);
        Add(db, change, row, draft);
        change.Audit(db, "runtime.update", row.Id, asked.ContentHash, draft.ContentHash);
    }

    /// <summary>
    /// What a new generation is held against: what serves or, where that is of another profile or nothing does, what was accepted last
    /// under the same one (a profile that was left and is taken again has moved on as well). What waits for an approval or was not given
    /// one is no measure: asked for again, it would be within itself. Where nothing was accepted yet it is what was asked for first.
    /// </summary>
    /// <returns>Null: it is the first under this profile.</returns>
    public static async Task<EffectiveGuardrails?> BeforeAsync(RecordsDb db, string runtimeId, long? serving, long asked, string profile, CancellationToken ct)
    {
        var revisions = db.Revisions.Where(revision => revision.RuntimeId == runtimeId);
        if (serving is { } generation && generation != asked
            && await FirstAsync(revisions.Where(revision => revision.Generation == generation), profile, ct) is { } serves)
        {
            return serves;
        }

        var accepted = revisions.Where(revision => revision.ApprovalId == null || db.Approvals.Any(approval => approval.Id == revision.ApprovalId && approval.Status == ApprovalStatus.Approved));
        return await FirstAsync(accepted.OrderByDescending(revision => revision.Generation), profile, ct)
            ?? await FirstAsync(revisions.OrderBy(revision => revision.Generation), profile, ct);
    }

    private static async Task<EffectiveGuardrails?> FirstAsync(IQueryable<RevisionRow> revisions, string profile, CancellationToken ct)
    {
        await foreach (var guardrails in revisions.Select(revision => revision.Guardrails).AsAsyncEnumerable().WithCancellation(ct))
        {
            if (RecordsJson.Read<EffectiveGuardrails>(guardrails) is var before && before.Profile == profile)
            {
                return before;
            }
        }

        return null;
    }

    private static void Add(RecordsDb db, Change change, RuntimeRow row, Draft draft)
    {
        var spec = draft.Admitted.Spec;
        row.AskedGeneration++;
        row.Visibility = spec.Visibility;
        row.TeamId = spec.TeamId;
        row.Profile = draft.Admitted.Guardrails.Profile;
        row.ProfileVersion = draft.Admitted.Guardrails.ProfileVersion;
        change.Touch(row);
        db.Tags.AddRange(spec.Tags.Distinct(StringComparer.Ordinal).Select(tag => new TagRow { RuntimeId = row.Id, Tag = tag }));
        change.Event(db, row, "Accepted", $"Generation {row.AskedGeneration} was accepted from {change.Caller.Source}.");
        db.Revisions.Add(new RevisionRow
        {
            RuntimeId = row.Id,
            Generation = row.AskedGeneration,
            State = draft.NeedsApproval ? RevisionState.Pending : RevisionState.Admitted,
            Spec = draft.KeptSpec,
            Environment = RecordsJson.Write(draft.Environment),
            Guardrails = RecordsJson.Write(draft.Admitted.Guardrails),
            Facts = draft.Facts is null ? null : RecordsJson.Write(draft.Facts),
            ContentHash = draft.ContentHash,
            ApprovalId = draft.NeedsApproval ? ApprovalRequests.Ask(db, change, row, draft) : null,
            CreatedBy = change.Caller.Subject,
            CreatedAt = change.AtMs,
        });
        foreach (var (name, value) in draft.Environment.Where(value => value.Value.Reference is not null))
        {
            change.Audit(db, "secret.use", row.Id, after: $"{name} = {value.Reference}");
        }
    }

    /// <summary>What is true before the first turn; progress takes over from there.</summary>
    private static List<Condition> FirstConditions(Change change, Draft draft)
    {
        var accepted = new Condition(ConditionType.Accepted, ConditionStatus.True, "Accepted", "The request was accepted.", 1, change.At);
        return draft.NeedsApproval
            ? [accepted, new(ConditionType.Approved, ConditionStatus.False, "Pending", "Waits for an approval.", 1, change.At)]
            : [accepted];
    }
}
