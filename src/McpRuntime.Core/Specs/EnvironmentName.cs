using System.Diagnostics.CodeAnalysis;

namespace McpRuntime.Core.Specs;

/// <summary>The portable form that every shell, engine and cluster accepts: letters, digits and underscores, no digit first.</summary>
public sealed record EnvironmentName
{
    public const int Longest = 128;

    private EnvironmentName(string value) => Value = value;

    public string Value { get; }

    public static bool TryParse(string? text, [NotNullWhen(true)] out EnvironmentName? name, [NotNullWhen(false)] out string? error)
    {
        name = null;
        if (text is null or "")
        {
            error = "has an empty name";
            return false;
        }

        if (text.Length > Longest || char.IsAsciiDigit(text[0]) || !text.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
        {
            // Cut at "=": someone may have written NAME=value, and the value may be a secret.
            error = $"{Quoted.Of(text.Split('=')[0])} is not a variable's name: letters, digits and underscores, not beginning with a digit, at most {Longest}";
            return false;
        }

        name = new EnvironmentName(text);
        error = null;
        return true;
    }

    public override string ToString() => Value;
}
