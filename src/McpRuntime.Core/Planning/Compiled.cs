using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Planning;

/// <summary>The names everything on a backend derives from: the record's id, never its name.</summary>
public sealed record RuntimeIdentity(string InstanceId, string RecordId)
{
    /// <summary>The first ten characters of the random part of the id; names on backends start with <c>mcp-&lt;this&gt;</c>.</summary>
    public string Short => RecordId[^10..];
}

/// <summary>Everything a compiler may look at. Pure: the same input gives the same output, today and next year.</summary>
/// <param name="Environment">Resolved values, literal and referenced alike.</param>
public sealed record CompileInput(
    RuntimeIdentity Identity,
    string Name,
    Revision Revision,
    long RestartToken,
    bool KeepVolumes,
    IReadOnlyDictionary<string, SecretText> Environment,
    KeyedHash Hash)
{
    /// <summary>The subject that made the record: a private runtime's route is its and the admins' alone. Empty: the admins' alone.</summary>
    public string CreatedBy { get; init; } = "";
}

/// <summary>Where the one MCP endpoint of a revision is, before it runs.</summary>
/// <param name="ContainerId">The resource whose live address it is.</param>
/// <param name="Path">Null: probed.</param>
/// <param name="Transport">Null: probed.</param>
public sealed record Endpoint(string ContainerId, int Port, string? Path, GatewayTransport? Transport)
{
    /// <summary>The backend ends its idle instances, and any call starts one, which is paid for: it is not asked by the clock.</summary>
    public bool SleepsWhenIdle { get; init; }
}

/// <summary>What a revision means on one backend: three sets, how to roll it out, and what of its guardrails is held.</summary>
/// <param name="Running">Everything, in dependency order. Without image facts: only what does not need them (the image itself).</param>
/// <param name="Stopped">All but what runs.</param>
/// <param name="Deleted">Nothing, or the volumes to keep.</param>
/// <param name="Complete">False while image facts are missing: the planner resolves again once the image is there.</param>
public sealed record Compiled(
    IReadOnlyList<Resource> Running,
    IReadOnlyList<Resource> Stopped,
    IReadOnlyList<Resource> Deleted,
    bool Complete,
    Rollout Rollout,
    Endpoint? Endpoint,
    IReadOnlyList<ControlReport> Report,
    IReadOnlyList<GuardrailWarning> Warnings)
{
    /// <summary>Why this content can't run here at all (terminal for the generation); null when it can.</summary>
    public Fault? Refused { get; init; }
}
