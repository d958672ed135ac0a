namespace McpRuntime.Gateways;

/// <summary>The tools that were accepted of what serves now.</summary>
public interface IToolPins
{
    /// <summary>From a short-lived cache (≤ 1 s). Null: nothing was seen of this generation yet.</summary>
    ValueTask<ToolPin?> FindAsync(string recordId, CancellationToken ct);
}

/// <param name="Tools">Name → hash of its definition.</param>
/// <param name="HasDrifted">The server was last seen to offer others.</param>
public sealed record ToolPin(IReadOnlyDictionary<string, string> Tools, bool HasDrifted);
