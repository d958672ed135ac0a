using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records.Model;

// One class a table. Times are unix milliseconds; JSON columns hold the contracts' own records (RecordsJson).

/// <summary>What is asked of one runtime. <see cref="Revision"/> is the token every writer compares.</summary>
internal sealed class RuntimeRow
{
    public required string Id { get; set; }

    public required string Name { get; set; }

    public required string Owner { get; set; }

    public required string Backend { get; set; }

    public long AskedGeneration { get; set; }

    public long? ServingGeneration { get; set; }

    public DesiredState Desired { get; set; }

    public long RestartToken { get; set; }

    public string? Hold { get; set; }

    public bool DeleteRequested { get; set; }

    public bool KeepVolumes { get; set; }

    /// <summary>True: its deletion does not wait for an outer gateway that is away.</summary>
    public bool? AbandonRegistration { get; set; }

    /// <summary>Not null: a tombstone, whose name is free again.</summary>
    public long? DeletedAt { get; set; }

    public long CommandSequence { get; set; }

    /// <summary>The last event's number. Counted here, under this row's token, so that a record's events are numbered in the order of their commits.</summary>
    public long EventSequence { get; set; }

    /// <summary>When a turn is due; null = at the next resync. The one column behind "what is due".</summary>
    public long? DueAt { get; set; }

    public long Revision { get; set; }

    /// <summary>The id of the last change: a writer that lost the reply to its commit finds its own id here and does not change twice.</summary>
    public string? LastChange { get; set; }

    /// <summary>The profile of the asked generation; by it an edited profile finds its users.</summary>
    public string? Profile { get; set; }

    /// <summary>The version that the asked generation was made from, or that was tried and refused: a newer one has yet to be rolled out.</summary>
    public long? ProfileVersion { get; set; }

    /// <summary>The same of the generation that serves: while a newer one waits or has failed, this is what an edited profile has to reach.</summary>
    public string? ServingProfile { get; set; }

    public long? ServingProfileVersion { get; set; }

    /// <summary>The commit that brought the present content, where it was declared in a file.</summary>
    public string? OriginCommit { get; set; }

    public string? OriginFile { get; set; }

    public Visibility Visibility { get; set; }

    public string? TeamId { get; set; }

    public required string CreatedBy { get; set; }

    public long CreatedAt { get; set; }

    public long UpdatedAt { get; set; }
}

internal sealed class RevisionRow
{
    public required string RuntimeId { get; set; }

    public long Generation { get; set; }

    public RevisionState State { get; set; }

    /// <summary>JSON of the spec without its environment.</summary>
    public required string Spec { get; set; }

    /// <summary>JSON of name → sealed literal, or reference and version. Null once the record is a tombstone.</summary>
    public string? Environment { get; set; }

    public required string Guardrails { get; set; }

    public string? Facts { get; set; }

    public required string ContentHash { get; set; }

    public string? ApprovalId { get; set; }

    public string? FailedReason { get; set; }

    public string? FailedMessage { get; set; }

    public long? FirstPutAt { get; set; }

    /// <summary>When traffic first went to it; null = it never served.</summary>
    public long? PromotedAt { get; set; }

    public required string CreatedBy { get; set; }

    public long CreatedAt { get; set; }
}

/// <summary>What the reconciler says of one runtime. Written by the leader alone.</summary>
internal sealed class StatusRow
{
    public required string RuntimeId { get; set; }

    public long Revision { get; set; }

    public long ObservedGeneration { get; set; }

    public long ObservedCommand { get; set; }

    public RuntimeStatus Status { get; set; }

    public required string Conditions { get; set; }

    public required string Memory { get; set; }

    public required string Display { get; set; }

    public string? ErrorMessage { get; set; }

    public long? NextTurnAt { get; set; }

    /// <summary>Who wrote it last; 0 before the first turn.</summary>
    public long LeaseEpoch { get; set; }

    public long? WrittenAt { get; set; }
}

internal sealed class TagRow
{
    public required string RuntimeId { get; set; }

    public required string Tag { get; set; }
}

internal sealed class EventRow
{
    public required string RuntimeId { get; set; }

    public long Sequence { get; set; }

    public long At { get; set; }

    public required string Kind { get; set; }

    public required string Message { get; set; }

    public required string Actor { get; set; }
}

internal sealed class ApprovalRow
{
    public required string Id { get; set; }

    public required string RuntimeId { get; set; }

    public long Generation { get; set; }

    /// <summary><c>pending</c>, <c>approved</c>, <c>rejected</c>, <c>expired</c>, <c>superseded</c>, <c>cancelled</c>.</summary>
    public required string Status { get; set; }

    public required string RequestedBy { get; set; }

    /// <summary>JSON list: others who answer for the request, and so don't approve it either (the authors of several versions of a profile); null = nobody.</summary>
    public string? AlsoRequestedBy { get; set; }

    /// <summary>JSON list of subjects.</summary>
    public required string ReviewedBy { get; set; }

    public string? RequestedReason { get; set; }

    public string? DecisionReason { get; set; }

    /// <summary>JSON list: RUNTIME_APPROVERS as it stood.</summary>
    public required string Approvers { get; set; }

    /// <summary>JSON list of the triggers.</summary>
    public required string RuleSnapshot { get; set; }

    /// <summary>While it waits: the revision's. Once approved: the binding, with the pin in it.</summary>
    public required string ContentHash { get; set; }

    /// <summary>What the source was resolved to; null until then, and nobody decides before.</summary>
    public string? Pin { get; set; }

    /// <summary>How many different people must say yes; null (rows of the first schema) = one.</summary>
    public int? RequiredApprovals { get; set; }

    /// <summary>When somebody else is told that nobody has decided; null once that is done, or need not be.</summary>
    public long? EscalateAt { get; set; }

    public long ExpiresAt { get; set; }

    public long CreatedAt { get; set; }

    public long? ReviewedAt { get; set; }
}

internal sealed class AuditRow
{
    public long Sequence { get; set; }

    public long At { get; set; }

    public required string Subject { get; set; }

    public required string Source { get; set; }

    public string? Address { get; set; }

    public required string Action { get; set; }

    public required string Target { get; set; }

    public required string Outcome { get; set; }

    public string? Before { get; set; }

    public string? After { get; set; }
}

internal sealed class TokenRow
{
    public required string Id { get; set; }

    public required string Hash { get; set; }

    public required string Subject { get; set; }

    public int Roles { get; set; }

    /// <summary>JSON list.</summary>
    public required string Teams { get; set; }

    public string? RuntimeId { get; set; }

    public long CreatedAt { get; set; }

    public long? ExpiresAt { get; set; }

    public long? RevokedAt { get; set; }
}

/// <summary>The first answer to a request with an Idempotency-Key. A key is its caller's own.</summary>
internal sealed class IdempotencyRow
{
    public required string Subject { get; set; }

    public required string Key { get; set; }

    public required string BodyHash { get; set; }

    public required string RuntimeId { get; set; }

    public long Generation { get; set; }

    public bool Created { get; set; }

    public bool Changed { get; set; }

    public required string Message { get; set; }

    public long CreatedAt { get; set; }
}

internal sealed class LeaseRow
{
    public required string Name { get; set; }

    /// <summary>Empty: released, and anybody's to take at once.</summary>
    public required string Holder { get; set; }

    public long Epoch { get; set; }

    public long Beat { get; set; }
}

/// <summary>Single values of the installation: its id, pinned identities, the check of the master key.</summary>
internal sealed class SettingRow
{
    public required string Key { get; set; }

    public required string Value { get; set; }
}

internal sealed class RouteRow
{
    public required string Id { get; set; }

    public required string RecordId { get; set; }

    public required string Name { get; set; }

    /// <summary>JSON of the rest of the route.</summary>
    public required string Route { get; set; }
}

/// <summary>A custom guardrail profile: which of its versions stands. Kept after a deletion, so that a name used again goes on counting.</summary>
internal sealed class ProfileRow
{
    public required string Name { get; set; }

    public long Version { get; set; }

    public required string Owner { get; set; }

    public long? DeletedAt { get; set; }
}

/// <summary>One version of a profile. Never changed and never deleted: a record says under which it runs.</summary>
internal sealed class ProfileVersionRow
{
    public required string Name { get; set; }

    public long Version { get; set; }

    public required string Description { get; set; }

    /// <summary>JSON list.</summary>
    public required string RecommendedBackends { get; set; }

    /// <summary>JSON of the config.</summary>
    public required string Config { get; set; }

    public required string CreatedBy { get; set; }

    public long CreatedAt { get; set; }

    /// <summary><see cref="Core.Records.Roles"/> of its author when they wrote it; null of versions from before it was kept.</summary>
    public int? CreatedRoles { get; set; }

    /// <summary>Whether the author was somebody who answers for it; null as above.</summary>
    public bool? CreatedByPerson { get; set; }
}

/// <summary>A message that has yet to reach the webhook. Written with what it tells of; gone once it is received or given up.</summary>
internal sealed class WebhookRow
{
    public required string Id { get; set; }

    public required string Body { get; set; }

    public int Attempts { get; set; }

    public long NextTryAt { get; set; }

    public long CreatedAt { get; set; }
}
