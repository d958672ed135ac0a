namespace McpRuntime.Backends.Git;

/// <summary>What settings may say of a repository, judged where they are read.</summary>
public static class GitAddress
{
    /// <summary>Null: it can be asked. Never quotes the address, which may hold a password.</summary>
    public static string? Problem(string url, IReadOnlyList<string> schemes) => GitRepository.Read(url, schemes) is { Repository: null, Problem: var problem } ? problem : null;

    /// <summary><c>host</c> or <c>host:port</c> of a good address; empty for one on this machine.</summary>
    public static string HostOf(string url, IReadOnlyList<string> schemes) => GitRepository.Read(url, schemes).Repository is { IsLocal: false } repository ? repository.Authority : "";
}
