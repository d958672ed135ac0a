namespace McpRuntime.Server.Catalogs;

/// <summary>What one look at a remote catalog came to.</summary>
internal abstract record Fetched
{
    private Fetched()
    {
    }

    /// <param name="ETag">For the next look; null where there is none.</param>
    /// <param name="Note">What was left out.</param>
    public sealed record Copy(string Text, string? ETag, string? Note = null) : Fetched;

    /// <summary>The copy we have is still right.</summary>
    public sealed record Unchanged : Fetched;

    /// <param name="Why">For people; no query of a redirect's target, which may hold a signature.</param>
    public sealed record Failed(string Why) : Fetched;
}
