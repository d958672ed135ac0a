using McpRuntime.Core.Approvals;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Sources.Rest;

namespace McpRuntime.Server.Plans;

/// <summary>What a request would come to. Nothing of it is written anywhere.</summary>
internal sealed record Plan
{
    public required string Name { get; init; }

    /// <summary>Null: there is no such runtime yet.</summary>
    public required string? RuntimeId { get; init; }

    public required string Backend { get; init; }

    /// <summary><c>create</c>, <c>update</c>, or <c>none</c> when the same is asked for already.</summary>
    public required string Action { get; init; }

    /// <summary>The generation it would become.</summary>
    public required long Generation { get; init; }

    public required PlannedSource Source { get; init; }

    public required string GuardrailsProfile { get; init; }

    public required long GuardrailsProfileVersion { get; init; }

    public required GuardrailsConfig Guardrails { get; init; }

    public required IReadOnlyList<string> GuardrailsLoosened { get; init; }

    public required IReadOnlyList<ControlReport> GuardrailsReport { get; init; }

    public required IReadOnlyList<GuardrailWarning> GuardrailsWarnings { get; init; }

    public required PlannedApproval Approval { get; init; }

    /// <summary>What stands in the way (an image that is not there, an engine that does not answer); empty when nothing does.</summary>
    public required IReadOnlyList<string> Problems { get; init; }

    /// <summary><c>blue_green</c> or <c>recreate</c>; null when it can't be said yet.</summary>
    public required string? Rollout { get; init; }

    /// <summary>False: what depends on the image (its ports, its user) is known once it is there, and more steps follow then.</summary>
    public required bool Complete { get; init; }

    public required IReadOnlyList<PlannedStep> Steps { get; init; }

    /// <summary>Against what runs (or, when nothing does, against what was asked for last); empty for a new runtime.</summary>
    public required IReadOnlyList<PlannedDifference> Diff { get; init; }
}

/// <param name="Pin">The digest or image id that would run; null: not resolved, and <see cref="Plan.Problems"/> says why.</param>
/// <param name="PinIsRegistryDigest">False: an engine's own image id.</param>
internal sealed record PlannedSource(SourceJson Asked, string? Pin, bool PinIsRegistryDigest, string? Commit)
{
    /// <summary>All that it was resolved to; null: it could not be.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public ResolvedFacts? Facts { get; init; }
}

/// <param name="Reasons">Every rule that asks for it.</param>
/// <param name="Approvals">How many people must say yes.</param>
internal sealed record PlannedApproval(bool Required, IReadOnlyList<ApprovalTrigger> Reasons, IReadOnlyList<string> Approvers, int Approvals);

/// <param name="Action"><c>create</c>, <c>replace</c>, <c>keep</c>, <c>remove</c>; <c>put</c> when what is there can't be seen.</param>
internal sealed record PlannedStep(string Action, string Kind, string Id, string? Why);

/// <summary>Values of the environment are never shown: both sides are <c>***</c>.</summary>
internal sealed record PlannedDifference(string Field, string? From, string? To);
