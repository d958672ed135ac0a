namespace McpRuntime.Core.Planning;

/// <summary>What follows when a server's tools change without a new generation.</summary>
public enum ToolsPin
{
    /// <summary>Nothing.</summary>
    Off,

    /// <summary>A condition and an event.</summary>
    Warn,

    /// <summary>And no tool is called until an approver accepts them.</summary>
    Quarantine,
}

/// <summary>What a tool says of itself.</summary>
/// <param name="Hash">SHA-256 of the definition, lower-case hex.</param>
/// <param name="Definition">Canonical JSON: sorted keys, only the fields that are hashed; empty where a server's tools are too large to keep.</param>
public sealed record ToolDefinition(string Name, string Hash, string Definition);

/// <summary>The tools that a generation was seen to offer, when that is news.</summary>
/// <param name="IsFirst">Seen first of its generation: accepted by that.</param>
public sealed record ToolInventory(long Generation, string Hash, IReadOnlyList<ToolDefinition> Tools, bool IsFirst);
