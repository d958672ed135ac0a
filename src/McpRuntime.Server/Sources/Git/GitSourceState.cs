using McpRuntime.Core.Manifests;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Sources.Git;

/// <summary>What the last good set holds, and what applying it did.</summary>
/// <param name="Ignored">Documents of other kinds.</param>
/// <param name="Suspended">Declared, and left as they are.</param>
internal sealed record GitCounts(int Files, int Runtimes, int Profiles, int Ignored, int Suspended, int Created, int Changed, int Unchanged, int Deleted);

/// <summary>What somebody has allowed of one commit, and of no other.</summary>
internal sealed record GitWords(string Commit, bool AllowLargePrune, bool AllowEmpty, bool AllowRewrite)
{
    public static readonly GitWords None = new("", false, false, false);
}

/// <summary>How one look at a repository went.</summary>
internal abstract record GitLook
{
    private GitLook()
    {
    }

    public abstract T Match<T>(Func<Unchanged, T> unchanged, Func<Applied, T> applied, Func<Failed, T> failed);

    /// <summary>The ref is where the applied set is.</summary>
    public sealed record Unchanged(string Commit) : GitLook
    {
        public override T Match<T>(Func<Unchanged, T> unchanged, Func<Applied, T> applied, Func<Failed, T> failed) => unchanged(this);
    }

    /// <param name="Terms">Hash of the settings it was applied under.</param>
    /// <param name="Conflicts">Entries that could not be applied, by name, and why; the others were.</param>
    public sealed record Applied(string Commit, string Terms, GitCounts Counts, IReadOnlyList<ValidationError> Conflicts) : GitLook
    {
        public override T Match<T>(Func<Unchanged, T> unchanged, Func<Applied, T> applied, Func<Failed, T> failed) => applied(this);
    }

    /// <summary>The last good set stays.</summary>
    /// <param name="Commit">Null: it is not known what the ref points to.</param>
    /// <param name="Reason">One CamelCase word.</param>
    public sealed record Failed(string? Commit, string Reason, string Message, IReadOnlyList<ManifestError> Errors) : GitLook
    {
        public override T Match<T>(Func<Unchanged, T> unchanged, Func<Applied, T> applied, Func<Failed, T> failed) => failed(this);
    }
}

/// <summary>Why a commit is not applied; never leaves the folder.</summary>
internal sealed class NotApplied(string reason, string message, IReadOnlyList<ManifestError>? errors = null) : Exception(message)
{
    public GitLook.Failed At(string commit) => new(commit, reason, Message, errors ?? []);
}
