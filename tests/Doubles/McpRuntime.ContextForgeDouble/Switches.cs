namespace McpRuntime.ContextForgeDouble;

/// <summary>What differs between ContextForge's releases and settings, each to be set either way.</summary>
internal sealed record Switches
{
    /// <summary>Creations and deletions are accepted (202) and come about later.</summary>
    public bool Asynchronous { get; init; }

    /// <summary>Reads of a gateway until what was accepted has come about.</summary>
    public int Reads { get; init; } = 2;

    /// <summary>The API is below /v1; without it every path answers 422, as the live service was seen to.</summary>
    public bool Versioned { get; init; }

    /// <summary>Tags come back as {id, label}.</summary>
    public bool TagObjects { get; init; }

    /// <summary>Lists come as pages of so many; 0 = whole.</summary>
    public int PageSize { get; init; }

    /// <summary>SSRF_ALLOW_LOCALHOST and SSRF_ALLOW_PRIVATE_NETWORKS; off by default there.</summary>
    public bool AllowsPrivate { get; init; }

    /// <summary>Registering does an MCP handshake at the URL, with the token.</summary>
    public bool Connects { get; init; }

    /// <summary>The token may do nothing.</summary>
    public bool Forbids { get; init; }
}

/// <param name="Call">A method and how the path begins: <c>POST /gateways</c>; <c>*</c> for any.</param>
/// <param name="Kind">A status, <c>reset</c>, or <c>reset-after</c> (done, and nobody told).</param>
internal sealed record Trouble(string Call, string Kind, int Times = 1);

internal sealed class Refused(int status, string detail) : Exception(detail)
{
    public int Status { get; } = status;
}
