namespace McpRuntime.Server.Records.Model;

/// <summary>Which process bridges a stdio server. Whoever takes it over starts the server anew if it is the incarnation noted here.</summary>
internal sealed class BridgeRow
{
    /// <summary>Its name on the backend.</summary>
    public required string Server { get; set; }

    /// <summary>Of one process's life; empty = released.</summary>
    public required string Owner { get; set; }

    public required string Address { get; set; }

    public string? Instance { get; set; }

    public long Beat { get; set; }

    public long SeenAt { get; set; }
}
