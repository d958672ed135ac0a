using System.Diagnostics.CodeAnalysis;

namespace McpRuntime.Core.Specs;

/// <summary>The server's own path, <c>/mcp</c>: no scheme, query, fragment, escapes or dot segments, so that it can't be read in two ways.</summary>
public sealed record EndpointPath
{
    public const int Longest = 256;

    private EndpointPath(string value) => Value = value;

    public string Value { get; }

    public static bool TryParse(string? text, [NotNullWhen(true)] out EndpointPath? path, [NotNullWhen(false)] out string? error)
    {
        path = null;
        error = text switch
        {
            null or "" => "is empty: write a path such as \"/mcp\"",
            _ when text.Length > Longest => $"has {text.Length} characters; at most {Longest} are allowed",
            _ when text[0] != '/' => $"{Quoted.Of(text)} must begin with \"/\"; a scheme and host are not part of it",
            _ when !text.All(IsPathCharacter) => $"{Quoted.Of(text)}: letters, digits and -._~!$&'()*+,;=:@/ only; no \"?\", \"#\" or \"%\"",
            _ when text.Contains("//", StringComparison.Ordinal) => $"{Quoted.Of(text)} holds an empty part (\"//\")",
            _ when text.Split('/').Any(part => part is "." or "..") => $"{Quoted.Of(text)} holds \".\" or \"..\" as a part",
            _ => null,
        };
        if (error is not null)
        {
            return false;
        }

        path = new EndpointPath(text!);
        return true;
    }

    public override string ToString() => Value;

    private static bool IsPathCharacter(char c) => char.IsAsciiLetterOrDigit(c) || "-._~!$&'()*+,;=:@/".Contains(c, StringComparison.Ordinal);
}
