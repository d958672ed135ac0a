using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Git;

/// <summary>What git says on stderr, as a fault with a name. Its words hold no credentials: they are in no URL and no argument.</summary>
internal static class GitWords
{
    private const int Most = 500;

    public static BackendFault Fault(GitRepository repository, string words)
    {
        var said = words.Length <= Most ? words : words[^Most..];
        var (kind, reason, advice) = words switch
        {
            _ when Says(words, "returned error: 30", "redirect") => (FaultKind.Refused, "RepositoryMoved", "It answers with a redirect, which is not followed: give its new address."),
            _ when Says(words, "Authentication failed", "could not read Username", "terminal prompts disabled", "The requested URL returned error: 401", "The requested URL returned error: 403") =>
                (FaultKind.Refused, "RepositoryDenied", "There is no such repository, or it wants credentials: RUNTIME_GIT_CREDENTIALS."),
            _ when Says(words, "not our ref", "couldn't find remote ref", "Server does not allow request for unadvertised object", "remote error: upload-pack: not our ref") =>
                (FaultKind.Refused, "CommitNotFound", "The commit is not there (any more)."),
            _ when Says(words, "not found", "does not appear to be a git repository", "not valid: is this a git repository") => (FaultKind.Refused, "RepositoryNotFound", "Check the name."),
            _ when Says(words, "SSL certificate", "server certificate verification failed") =>
                (FaultKind.Transient, "RepositoryCertificate", "Its certificate is not trusted; RUNTIME_GIT_CA_FILE names authorities of your own."),
            _ => (FaultKind.Transient, "RepositoryError", "It is tried again."),
        };
        return new BackendFault(new Fault(kind, reason, $"{repository}: {advice} git said: {(said.Length == 0 ? "nothing" : said)}"));
    }

    private static bool Says(string words, params string[] any) => any.Any(w => words.Contains(w, StringComparison.OrdinalIgnoreCase));
}
