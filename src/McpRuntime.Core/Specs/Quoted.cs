using System.Globalization;
using System.Text;

namespace McpRuntime.Core.Specs;

/// <summary>A sender's text as it may stand in an error: short, and nothing in it that a terminal or a log would obey.</summary>
public static class Quoted
{
    private const int Longest = 80;

    public static string Of(string text) => Of(text.AsSpan());

    public static string Of(ReadOnlySpan<char> text)
    {
        var shown = new StringBuilder("\"", Longest + 8);
        foreach (var c in text[..Math.Min(text.Length, Longest)])
        {
            // Beyond ASCII too: bidirectional marks and look-alikes make an error say what it does not say.
            if (c is < ' ' or > '~')
            {
                shown.Append("\\u").Append(((int)c).ToString("x4", CultureInfo.InvariantCulture));
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.Append(text.Length > Longest ? "…\"" : "\"").ToString();
    }
}
