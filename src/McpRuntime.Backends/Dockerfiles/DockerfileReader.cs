namespace McpRuntime.Backends.Dockerfiles;

/// <summary>One instruction, its continuation lines joined.</summary>
/// <param name="Line">Where it begins, from 1.</param>
/// <param name="LastLine">Where it ends.</param>
internal sealed record Instruction(string Word, string Arguments, int Line, int LastLine);

/// <summary>A Dockerfile's instructions, split as the engine's own builder splits them.</summary>
internal static class DockerfileReader
{
    public static IEnumerable<Instruction> Read(IReadOnlyList<string> lines)
    {
        var escape = EscapeOf(lines);
        for (var i = 0; i < lines.Count; i++)
        {
            if (IsSkipped(lines[i]))
            {
                continue;
            }

            var first = i;
            var text = Continue(lines, escape, ref i);
            var space = text.AsSpan().IndexOfAny(' ', '\t');
            var word = (space < 0 ? text : text[..space]).ToUpperInvariant();
            yield return new Instruction(word, space < 0 ? "" : text[space..].Trim(), first + 1, i + 1);
        }
    }

    private static string Continue(IReadOnlyList<string> lines, char escape, ref int i)
    {
        var text = new System.Text.StringBuilder();
        var line = lines[i].Trim();
        while (line.EndsWith(escape))
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

    /// <summary><c># escape=`</c>, only in the comments before anything else.</summary>
    private static char EscapeOf(IReadOnlyList<string> lines)
    {
        foreach (var line in lines)
        {
            var text = line.Trim();
            var equals = text.IndexOf('=', StringComparison.Ordinal);
            if (!text.StartsWith('#') || equals < 0 || text[1..equals].Trim().Any(c => !char.IsAsciiLetter(c)))
            {
                break;
            }

            if (text[1..equals].Trim().Equals("escape", StringComparison.OrdinalIgnoreCase) && text[(equals + 1)..].Trim() == "`")
            {
                return '`';
            }
        }

        return '\\';
    }

    internal static bool IsSkipped(string line) => line.AsSpan().Trim() is [] or ['#', ..];
}
