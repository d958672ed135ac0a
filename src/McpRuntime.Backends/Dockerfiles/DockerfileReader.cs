using System.Globalization;
using System.Text.RegularExpressions;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>One instruction, its continuation lines joined.</summary>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="LastLine">Where it ends.</param>
internal sealed record Instruction(string Word, string Arguments, int Line, int LastLine);

/// <summary>A Dockerfile's instructions, split as the engine's own builder splits them. What versions of it split differently is refused.</summary>
internal static partial class DockerfileReader
{
    private const char Escape = '\\';

    /// <exception cref="BackendFault">A line that a builder may read otherwise.</exception>
    public static IEnumerable<Instruction> Read(IReadOnlyList<string> lines)
    {
        MustBeEscapedAsUsual(lines);
        for (var i = 0; i < lines.Count; i++)
        {
            if (!IsSkipped(lines[i]))
            {
                MustBePlain(lines[i], i + 1);
            }
        }

        return Split(lines);
    }

    private static IEnumerable<Instruction> Split(IReadOnlyList<string> lines)
    {
        for (var i = 0; i < lines.Count; i++)
        {
            if (IsSkipped(lines[i]))
            {
                continue;
            }

            var first = i;
            var text = Continue(lines, ref i);
            var (word, arguments) = Cut(text);
            yield return new Instruction(word, arguments, first + 1, i + 1);
        }
    }

    /// <summary>An instruction's word and what follows it.</summary>
    internal static (string Word, string Arguments) Cut(string text)
    {
        var space = text.AsSpan().IndexOfAny(' ', '\t');
        return ((space < 0 ? text : text[..space]).ToUpperInvariant(), space < 0 ? "" : text[space..].Trim());
    }

    private static string Continue(IReadOnlyList<string> lines, ref int i)
    {
        var text = new System.Text.StringBuilder();
        var line = lines[i].Trim();
        while (line.EndsWith(Escape))
        {
            _ = text.Append(line, 0, line.Length - 1);

            // Comments and empty lines between are no part of it.
            do
            {
                if (++i >= lines.Count)
                {
                    i = lines.Count - 1;
                    return text.ToString();
                }
            }
            while (IsSkipped(lines[i]));
            line = lines[i].TrimEnd();
        }

        return text.Append(line).ToString().TrimStart();
    }

    /// <summary>Wherever it stands among the first comments: which of them count, builders do not agree on.</summary>
    private static void MustBeEscapedAsUsual(IReadOnlyList<string> lines)
    {
        for (var i = 0; i < lines.Count && IsSkipped(lines[i]); i++)
        {
            if (EscapeDirective().Match(lines[i]) is { Success: true } directive && directive.Groups["value"].Value != "\\")
            {
                throw Dockerfile.Bad(i + 1, "another escape character than \\ is not understood here; write it with \\, without the # escape= line");
            }
        }
    }

    private static void MustBePlain(string line, int number)
    {
        // Some builders split words there and others don't, and none takes them for blanks after a \.
        foreach (var c in line)
        {
            if (c is not (' ' or '\t') && (char.IsControl(c) || char.IsWhiteSpace(c)))
            {
                throw Dockerfile.Bad(number, string.Create(CultureInfo.InvariantCulture, $"it holds the character U+{(int)c:X4}; between words write spaces and tabs alone"));
            }
        }

        if (line.AsSpan().TrimEnd().EndsWith(@"\\", StringComparison.Ordinal))
        {
            throw Dockerfile.Bad(number, @"it ends with \\, after which one builder goes on with the next line and another does not; end it with one \ or with none");
        }
    }

    /// <summary>Blank as far as every builder agrees: another white character makes it a line to be refused.</summary>
    internal static bool IsSkipped(string line) => line.AsSpan().Trim(" \t") is [] or ['#', ..];

    [GeneratedRegex(@"^\s*#\s*escape\s*=\s*(?<value>.*?)\s*$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex EscapeDirective();
}
