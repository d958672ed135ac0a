using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;

namespace McpRuntime.Core.Specs;

/// <summary>A record's name: <c>weather</c> for the REST API, <c>&lt;name&gt;.&lt;namespace&gt;</c> for custom resources and Git.</summary>
public sealed record RuntimeName
{
    public const int LongestLabel = 63;

    public const int LongestQualified = 253;

    /// <summary>Where <c>/runtimes/{id or name}</c> has a fixed path, no runtime may stand; the verbs are kept for paths to come.</summary>
    private static readonly FrozenSet<string> FixedWords = FrozenSet.Create(
        StringComparer.Ordinal,
        "backends", "deploy", "plan", "catalog", "guardrails", "approvals", "volumes", "sources", "events", "logs", "audit", "tokens", "orphans", "export", "import");

    // Crockford's alphabet, of which ids are made.
    private static readonly SearchValues<char> IdCharacters = SearchValues.Create("0123456789abcdefghjkmnpqrstvwxyz");

    private RuntimeName(string value) => Value = value;

    public string Value { get; }

    /// <summary>What stands after the last dot; null for a plain label.</summary>
    public string? Namespace => Value.LastIndexOf('.') is var dot and >= 0 ? Value[(dot + 1)..] : null;

    public static bool TryParse(string? text, [NotNullWhen(true)] out RuntimeName? name, [NotNullWhen(false)] out string? error)
    {
        name = null;
        error = Reject(text, LongestLabel) ?? (IsLabel(text) ? null : Explain(text!, "no dots"));
        return Finish(text, ref name, error);
    }

    /// <summary>Labels joined by dots.</summary>
    public static bool TryParseQualified(string? text, [NotNullWhen(true)] out RuntimeName? name, [NotNullWhen(false)] out string? error)
    {
        name = null;
        error = Reject(text, LongestQualified) ?? (text!.Split('.').All(IsLabel) ? null : Explain(text, "each part between dots"));
        return Finish(text, ref name, error);
    }

    /// <summary>RFC 1123: lower-case letters, digits and inner hyphens, 1 to 63.</summary>
    internal static bool IsLabel(string? text)
    {
        if (text is null or "" || text.Length > LongestLabel || text[0] == '-' || text[^1] == '-')
        {
            return false;
        }

        foreach (var c in text)
        {
            if (!char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')
            {
                return false;
            }
        }

        return true;
    }

    public override string ToString() => Value;

    private static bool Finish(string? text, [NotNullWhen(true)] ref RuntimeName? name, [NotNullWhen(false)] string? error)
    {
        if (error is not null)
        {
            return false;
        }

        name = new RuntimeName(text!);
        return true;
    }

    private static string? Reject(string? text, int longest) => text switch
    {
        null or "" => "is missing: give the runtime a name",
        _ when text.Length > longest => $"has {text.Length} characters; at most {longest} are allowed",
        _ when FixedWords.Contains(text) => $"{Quoted.Of(text)} is a word of the API's own paths; choose another name",
        _ when LooksLikeId(text) => $"{Quoted.Of(text)} has the form of a record id; choose another name",
        _ => null,
    };

    private static string Explain(string text, string where) =>
        $"{Quoted.Of(text)} is not a name: use lower-case letters, digits and hyphens, beginning and ending with a letter or digit, at most {LongestLabel} characters ({where})";

    // Ids and names are accepted in the same place; a name that could be an id could hide another runtime.
    private static bool LooksLikeId(string text) =>
        text.Length == 26 && text[0] is >= '0' and <= '7' && text.AsSpan().IndexOfAnyExcept(IdCharacters) < 0;
}
