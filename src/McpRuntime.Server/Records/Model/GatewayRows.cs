namespace McpRuntime.Server.Records.Model;

/// <summary>A client's session at the gateway. The id it was given is not here, only its hash: who reads the table can use none of them.</summary>
internal sealed class GatewaySessionRow
{
    /// <summary>SHA-256 of the id that the client was given, lower-case hex.</summary>
    public required string Hash { get; set; }

    public required string RecordId { get; set; }

    public required string Subject { get; set; }

    /// <summary>The incarnation that holds the session now.</summary>
    public required string Instance { get; set; }

    /// <summary>The parameters of the client's <c>initialize</c>, to be said again for it; null = it may not be (or is too long to keep).</summary>
    public string? Initialize { get; set; }

    /// <summary>The server's own id since it was initialized again, sealed; null = the one that is in the client's id.</summary>
    public string? Upstream { get; set; }

    /// <summary>It has done more than list and read: never initialized again behind its client's back.</summary>
    public bool HasActed { get; set; }

    public long OpenedAt { get; set; }

    public long LastUsedAt { get; set; }

    public long? EndedAt { get; set; }
}

/// <summary>The tools that one generation was seen to offer. The accepted one last is the pin.</summary>
internal sealed class ToolInventoryRow
{
    public required string RuntimeId { get; set; }

    public long Generation { get; set; }

    public required string Hash { get; set; }

    /// <summary>JSON list of the tools, each with its own hash and definition.</summary>
    public required string Tools { get; set; }

    public long FirstSeenAt { get; set; }

    /// <summary>When the server began to offer these (again): the latest is what it offers now.</summary>
    public long SeenAt { get; set; }

    public long? AcceptedAt { get; set; }

    /// <summary><c>system</c> for what was seen first of a generation.</summary>
    public string? AcceptedBy { get; set; }
}

/// <summary>One tool call through the gateway. Append only, until its retention time is over.</summary>
internal sealed class ToolCallRow
{
    public long Sequence { get; set; }

    public long At { get; set; }

    public required string RuntimeId { get; set; }

    public required string Subject { get; set; }

    public string? Address { get; set; }

    public required string Tool { get; set; }

    public required string Outcome { get; set; }

    public long DurationMs { get; set; }

    /// <summary>JSON, secrets taken out; null unless RUNTIME_GATEWAY_AUDIT_ARGUMENTS is on.</summary>
    public string? Arguments { get; set; }
}
