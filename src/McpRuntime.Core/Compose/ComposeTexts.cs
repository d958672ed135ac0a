using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace McpRuntime.Core.Compose;

/// <summary>The small notations inside a compose file. Each parser says what is wrong without quoting: the text may hold a secret.</summary>
internal static class ComposeTexts
{
    private static readonly (string Unit, double Seconds)[] Units = [("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("h", 3600), ("m", 60), ("s", 1)];

    private static readonly SearchValues<char> Numeric = SearchValues.Create("0123456789.");

    private static readonly TimeSpan LongestDuration = TimeSpan.FromHours(24);

    /// <summary><c>1m30s</c>, <c>500ms</c>, <c>1.5h</c>: at most a day.</summary>
    public static bool TryDuration(string text, out TimeSpan duration)
    {
        duration = TimeSpan.Zero;
        var rest = text.AsSpan().Trim();
        if (rest.Length is 0 or > 64)
        {
            return false;
        }

        var seconds = 0d;
        while (!rest.IsEmpty)
        {
            var digits = rest.IndexOfAnyExcept(Numeric);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return rest is "0" && seconds == 0;
            }

            rest = rest[digits..];
            if (UnitOf(rest) is not { } unit)
            {
                return false;
            }

            seconds += number * unit.Seconds;
            rest = rest[unit.Length..];
        }

        if (!(seconds <= LongestDuration.TotalSeconds))
        {
            return false;
        }

        duration = TimeSpan.FromSeconds(seconds);
        return true;
    }

    public static bool TryWhole(string text, int least, int most, out int number) =>
        int.TryParse(text.AsSpan().Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out number) && number >= least && number <= most;

    public static bool TryFlag(string text, out bool flag)
    {
        flag = text is "true" or "True" or "TRUE" or "yes" or "on";
        return flag || text is "false" or "False" or "FALSE" or "no" or "off";
    }

    /// <summary>
    /// The short syntax of <c>ports</c>, <c>[[host-ip:]host:]container[/protocol]</c>: the container's side, as a range of at most
    /// <paramref name="most"/>. IPv6 addresses stand in brackets.
    /// </summary>
    public static bool TryPorts(string text, int most, out (int First, int Last) ports, out bool publishes, [NotNullWhen(false)] out string? error)
    {
        ports = default;
        error = null;
        var rest = text.AsSpan().Trim();
        var slash = rest.IndexOf('/');
        if (slash >= 0 && !rest[(slash + 1)..].Equals("tcp", StringComparison.OrdinalIgnoreCase))
        {
            publishes = false;
            error = "only tcp ports are carried here";
            return false;
        }

        rest = slash < 0 ? rest : rest[..slash];
        var colon = rest.LastIndexOf(':');
        publishes = colon >= 0;
        rest = rest[(colon + 1)..];
        var dash = rest.IndexOf('-');
        var last = rest[(dash + 1)..];
        if (!TryPort(dash < 0 ? rest : rest[..dash], out var from) || !TryPort(last, out var to) || to < from || to - from >= most)
        {
            error = $"is not a port: write the container's port, 1 to 65535, or a range of at most {most}";
            return false;
        }

        ports = (from, to);
        return true;
    }

    /// <summary>
    /// A command line as words, by the quoting of a POSIX shell and none of its other powers. Null: a quote is not closed.
    /// </summary>
    public static IReadOnlyList<string>? Words(string line)
    {
        List<string> words = [];
        var word = new StringBuilder();
        var (quote, begun) = ('\0', false);
        for (var i = 0; i < line.Length; i++)
        {
            var c = line[i];
            if (c == '\\' && quote != '\'' && i + 1 < line.Length)
            {
                var next = line[++i];
                // Inside double quotes a backslash protects these alone.
                word.Append(quote == '"' && next is not ('"' or '\\' or '$' or '`') ? $"\\{next}" : next.ToString());
                begun = true;
            }
            else if (quote != '\0' ? c == quote : c is '"' or '\'')
            {
                quote = quote == '\0' ? c : '\0';
                begun = true;
            }
            else if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (begun)
                {
                    words.Add(word.ToString());
                    word.Clear();
                }

                begun = false;
            }
            else
            {
                word.Append(c);
                begun = true;
            }
        }

        if (begun)
        {
            words.Add(word.ToString());
        }

        return quote == '\0' ? words : null;
    }

    private static bool TryPort(ReadOnlySpan<char> text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and < 65_536;

    private static (int Length, double Seconds)? UnitOf(ReadOnlySpan<char> rest)
    {
        foreach (var (unit, seconds) in Units)
        {
            if (rest.StartsWith(unit, StringComparison.Ordinal))
            {
                return (unit.Length, seconds);
            }
        }

        return null;
    }
}
