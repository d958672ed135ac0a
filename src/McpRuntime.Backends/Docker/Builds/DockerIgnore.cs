using System.Text;
using System.Text.RegularExpressions;

namespace McpRuntime.Backends.Docker.Builds;

/// <summary>A <c>.dockerignore</c>: what of a context is not sent. The last pattern that fits decides; <c>!</c> takes back.</summary>
internal sealed class DockerIgnore
{
    private const int Most = 1_000;

    private readonly List<(Regex Fits, bool TakesBack)> _patterns = [];

    public DockerIgnore(string text)
    {
        foreach (var line in text.TrimStart('\uFEFF').Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#').Take(Most))
        {
            var takesBack = line[0] == '!';
            var pattern = (takesBack ? line[1..].Trim() : line).Trim('/');
            pattern = pattern.StartsWith("./", StringComparison.Ordinal) ? pattern[2..] : pattern;
            if (pattern.Length > 0)
            {
                // Without backtracking: the patterns are a stranger's.
                _patterns.Add((new Regex(Translate(pattern), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture), takesBack));
            }
        }
    }

    /// <param name="path">From the context's root, <c>/</c> between parts. A pattern that fits a folder fits all in it.</param>
    public bool Ignores(string path)
    {
        var ignored = false;
        foreach (var (fits, takesBack) in _patterns)
        {
            if (ignored == takesBack && fits.IsMatch(path))
            {
                ignored = !takesBack;
            }
        }

        return ignored;
    }

    private static string Translate(string pattern)
    {
        var regex = new StringBuilder(@"\A");
        for (var i = 0; i < pattern.Length; i++)
        {
            var rest = pattern.AsSpan(i);
            if (rest.StartsWith("**/"))
            {
                _ = regex.Append("(.*/)?");
                i += 2;
            }
            else if (rest.StartsWith("**"))
            {
                _ = regex.Append(".*");
                i++;
            }
            else
            {
                _ = regex.Append(pattern[i] switch
                {
                    '*' => "[^/]*",
                    '?' => "[^/]",
                    '\\' when i + 1 < pattern.Length => Regex.Escape(pattern[++i].ToString()),
                    var c => Regex.Escape(c.ToString()),
                });
            }
        }

        return regex.Append(@"(/.*)?\z").ToString();
    }
}
