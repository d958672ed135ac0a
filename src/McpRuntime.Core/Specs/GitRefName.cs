namespace McpRuntime.Core.Specs;

/// <summary>Names of branches, tags and commits, judged before any program sees them.</summary>
public static class GitRefName
{
    private const int Longest = 255;

    public static bool IsCommit(string text) => text.Length == 40 && text.All(char.IsAsciiHexDigitLower);

    /// <summary>git-check-ref-format(1), and no leading hyphen, which a command line would take for an option.</summary>
    public static bool IsRef(string text) =>
        text.Length is > 0 and <= Longest
        && text[0] is not ('-' or '/' or '.')
        && text[^1] is not ('/' or '.')
        && !text.Contains("..", StringComparison.Ordinal)
        && !text.Contains("//", StringComparison.Ordinal)
        && !text.Contains("/.", StringComparison.Ordinal)
        && !text.Contains("@{", StringComparison.Ordinal)
        && text != "@"
        && !text.Split('/').Any(part => part.EndsWith(".lock", StringComparison.Ordinal))
        && !text.Any(c => c is <= ' ' or > '~' or '~' or '^' or ':' or '?' or '*' or '[' or '\\');
}
