using System.Diagnostics.CodeAnalysis;

namespace McpRuntime.Core.Specs;

/// <summary>An absolute path inside a container, without a slash at its end.</summary>
public sealed record ContainerPath
{
    public const int Longest = 255;

    private static readonly ContainerPath[] System = [new("/proc"), new("/sys"), new("/dev")];

    private ContainerPath(string value) => Value = value;

    public string Value { get; }

    public bool IsRoot => Value == "/";

    /// <summary>The kernel's own trees: a volume there breaks the container or hides its confinement.</summary>
    public bool IsSystem => System.Any(IsWithin);

    public static bool TryParse(string? text, [NotNullWhen(true)] out ContainerPath? path, [NotNullWhen(false)] out string? error)
    {
        path = null;
        error = text switch
        {
            null or "" => "is empty: write an absolute path such as \"/data\"",
            _ when text.Length > Longest => $"has {text.Length} characters; at most {Longest} are allowed",
            _ when text[0] != '/' => $"{Quoted.Of(text)} is not absolute: it must begin with \"/\"",
            // ":" and "," separate fields where engines take mounts as text.
            _ when text.Any(c => c is <= ' ' or > '~' or ':' or ',' or '\\' or '"' or '\'' or '*' or '?') => $"{Quoted.Of(text)} holds a space or a character that is not allowed in a path here",
            _ when text.Contains("//", StringComparison.Ordinal) => $"{Quoted.Of(text)} holds an empty part (\"//\")",
            _ when text.Split('/').Any(part => part is "." or "..") => $"{Quoted.Of(text)} holds \".\" or \"..\" as a part",
            _ => null,
        };
        if (error is not null)
        {
            return false;
        }

        path = new ContainerPath(text!.Length > 1 ? text.TrimEnd('/') : text);
        return true;
    }

    /// <summary>This path is <paramref name="other"/> or lies below it.</summary>
    public bool IsWithin(ContainerPath other) =>
        other.IsRoot || (Value.StartsWith(other.Value, StringComparison.Ordinal) && (Value.Length == other.Value.Length || Value[other.Value.Length] == '/'));

    public override string ToString() => Value;
}
