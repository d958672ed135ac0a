namespace McpRuntime.Backends.Git;

/// <summary>Repositories of others, read only. Every "no" is a <see cref="BackendFault"/> that says why.</summary>
public interface IGit
{
    /// <summary>The commit of a branch, a tag or <c>HEAD</c>; a commit is given back as it is. One question, nothing fetched.</summary>
    /// <param name="repository">An https URL on an allowed host.</param>
    /// <param name="teamId">Whose credentials may be used.</param>
    Task<string> ResolveAsync(string repository, string? teamId, string reference, CancellationToken ct);

    /// <summary>That one commit, without its history. Takes as long as the network does: never within a turn.</summary>
    /// <param name="commit">40 hex digits.</param>
    Task<Checkout> CheckOutAsync(string repository, string? teamId, string commit, CancellationToken ct);

    /// <summary>
    /// Whether a commit has the other one in its history. Fetches history and no files where the server can do that, and no more of it
    /// than it takes to find out.
    /// </summary>
    Task<bool> DescendsFromAsync(string repository, string? teamId, string commit, string ancestor, CancellationToken ct);
}
