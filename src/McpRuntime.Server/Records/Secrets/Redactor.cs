using System.Buffers;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Records.Secrets;

/// <summary>Takes known secret values out of text that a server wrote.</summary>
internal sealed class Redactor
{
    // Shorter values ("1", "on") are words of every log; blotting them out would hide the log and no secret.
    private const int MinLength = 4;
    private const string Mask = "***";

    private readonly string[] _longestFirst;
    private readonly SearchValues<string> _any;

    public Redactor(IEnumerable<SecretText> values)
    {
        // A log is read by lines, so a value of several lines is looked for line by line.
        _longestFirst = [.. values.SelectMany(value => value.Reveal().Split('\n', StringSplitOptions.TrimEntries))
            .Where(value => value.Length >= MinLength)
            .Distinct(StringComparer.Ordinal)
            .OrderByDescending(value => value.Length)];
        _any = SearchValues.Create(_longestFirst, StringComparison.Ordinal);
    }

    /// <summary>There is nothing that it would look for.</summary>
    public bool IsIdle => _longestFirst.Length == 0;

    public string Clean(string line)
    {
        var rest = line.AsSpan();
        var at = IsIdle ? -1 : rest.IndexOfAny(_any);
        if (at < 0)
        {
            return line;
        }

        var clean = new StringBuilder(line.Length);
        while (at >= 0)
        {
            clean.Append(rest[..at]).Append(Mask);
            rest = rest[(at + LengthAt(rest[at..]))..];
            at = rest.IndexOfAny(_any);
        }

        return clean.Append(rest).ToString();
    }

    private int LengthAt(ReadOnlySpan<char> rest)
    {
        foreach (var value in _longestFirst)
        {
            if (rest.StartsWith(value, StringComparison.Ordinal))
            {
                return value.Length;
            }
        }

        return 1;
    }
}
