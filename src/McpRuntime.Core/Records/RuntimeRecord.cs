using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Records;

public enum DesiredState
{
    Running,
    Stopped,
}

/// <summary>What one record, all its revisions and its memory look like to the reconciler: one consistent read.</summary>
public sealed record RuntimeRecord
{
    /// <summary>26 characters, lower case, sortable by time; never used again.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary><c>rest</c>, <c>crd:&lt;cluster&gt;</c> or <c>git:&lt;name&gt;</c>; immutable.</summary>
    public required string Owner { get; init; }

    public required string Backend { get; init; }

    /// <summary>This installation: objects that carry another instance's label are never ours.</summary>
    public required string InstanceId { get; init; }

    public required long AskedGeneration { get; init; }

    /// <summary>The generation that traffic goes to; null until one has been promoted.</summary>
    public long? ServingGeneration { get; init; }

    public DesiredState Desired { get; init; }

    /// <summary>The subject that made it; whose it is when it is private.</summary>
    public string CreatedBy { get; init; } = "";

    /// <summary>Raised by each restart; outside the content hash, part of the container's fingerprint.</summary>
    public long RestartToken { get; init; }

    /// <summary>The brake: why and by whom; null when not held.</summary>
    public string? Hold { get; init; }

    public bool DeleteRequested { get; init; }

    public bool KeepVolumes { get; init; }

    /// <summary>Its deletion need not wait for an outer gateway that can't be reached; its registration there may be left over.</summary>
    public bool AbandonRegistration { get; init; }

    /// <summary>Nothing is left of it; kept for reading until purged.</summary>
    public bool IsTombstone { get; init; }

    public required Revision Asked { get; init; }

    /// <summary>Null until one has been promoted; the same object as <see cref="Asked"/> once they agree.</summary>
    public Revision? Serving { get; init; }

    /// <summary>What earlier turns learned; opaque to everything but the planner and progress.</summary>
    public required Memory Memory { get; init; }

    /// <summary>Hash of the tools that were accepted last of the serving generation; null until some were seen.</summary>
    public string? ToolsAccepted { get; init; }

    public IReadOnlyList<Condition> Conditions { get; init; } = [];

    /// <summary>The status row's own revision; a report that is based on an older one is not written.</summary>
    public required long StatusRevision { get; init; }

    /// <summary>Commands (start, stop, restart, hold, release, delete, "look now") accepted so far: what this read has seen of them.</summary>
    public long CommandSequence { get; init; }

    /// <summary>What the last written report had seen; behind <see cref="AskedGeneration"/> or <see cref="CommandSequence"/> = still due.</summary>
    public long ObservedGeneration { get; init; }

    public long ObservedCommand { get; init; }

    /// <summary>The last written report, so that an equal one need not be written.</summary>
    public RuntimeStatus Status { get; init; }

    public string? ErrorMessage { get; init; }

    public DateTimeOffset? NextTurnAt { get; init; }

    public Display Display { get; init; } = new();
}

public enum RevisionState
{
    /// <summary>Waits for an approval.</summary>
    Pending,
    Admitted,
    Serving,

    /// <summary>Terminal for its generation.</summary>
    Failed,
    Superseded,
}

/// <summary>One generation's content and what was resolved for it.</summary>
public sealed record Revision
{
    public required long Generation { get; init; }

    public required RuntimeSpec Spec { get; init; }

    public required EffectiveGuardrails Guardrails { get; init; }

    public required RevisionState State { get; init; }

    /// <summary>Null until resolved.</summary>
    public ResolvedFacts? Facts { get; init; }

    /// <summary>HMAC over the canonical spec and effective guardrails.</summary>
    public required string ContentHash { get; init; }

    public string? ApprovalId { get; init; }

    /// <summary>Why it may not run although it counts as admitted: it is not what was approved. Null: it is, or needed no approval.</summary>
    public string? NotApproved { get; init; }

    public string? FailedReason { get; init; }

    public string? FailedMessage { get; init; }

    /// <summary>When the first resource of this generation was put; the start-up deadline counts from here.</summary>
    public DateTimeOffset? FirstPutAt { get; init; }
}

/// <summary>What purity needs and only the world knows.</summary>
/// <param name="Pin"><c>repo@sha256:…</c> where a registry answered, else the engine's image id <c>sha256:…</c>.</param>
/// <param name="PinIsRegistryDigest">False: the pin is an engine's own image id, which <c>require_digest</c> does not accept.</param>
/// <param name="Commit">The commit a ref resolved to; null for images.</param>
/// <param name="Image">The image's own settings; null until the registry's config blob or the engine gave them.</param>
public sealed record ResolvedFacts(string Pin, bool PinIsRegistryDigest, string? Commit, ImageFacts? Image)
{
    /// <summary>Of a runtime with several services: what each one's image is, by service. Null: there is one image, the one above.</summary>
    public IReadOnlyDictionary<string, ServiceFacts>? Services { get; init; }

    /// <summary>Of a build: what each image that its Dockerfile names is, by reference. Null: not known before the build, or nothing is built.</summary>
    public IReadOnlyDictionary<string, string>? Bases { get; init; }
}

/// <param name="Pin">As in <see cref="ResolvedFacts"/>.</param>
public sealed record ServiceFacts(string Pin, bool PinIsRegistryDigest, ImageFacts? Image);

/// <param name="User">The image's USER; empty = root.</param>
/// <param name="ExposedPorts">TCP ports, ascending.</param>
/// <param name="Volumes">Absolute paths.</param>
public sealed record ImageFacts(
    string ImageId,
    string User,
    IReadOnlyList<int> ExposedPorts,
    IReadOnlyList<string> Volumes,
    IReadOnlyList<string> Entrypoint,
    IReadOnlyList<string> Command,
    string Architecture)
{
    /// <summary>The image's own variables, <c>NAME=value</c>: engines merge them under ours, so a live object shows both.</summary>
    public IReadOnlyList<string> Environment { get; init; } = [];

    /// <summary>Whether the image says how its health is told.</summary>
    public bool HasHealthcheck { get; init; }
}
