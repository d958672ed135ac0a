using System.Text;

namespace McpRuntime.Core.Tests.Specs;

/// <summary>Texts that break parsers: near misses of good ones, and what attackers send.</summary>
internal static class Hostile
{
    private static readonly string[] Pieces =
    [
        "", " ", "\t", "\n", "\r\n", "\0", "-", "--", ".", "..", "/", "//", "\\", ":", "@", "#", "?", "%", "%2e%2e", "%00", "*", "~", "$", "${x}", "{{x}}", "`id`", "$(id)", ";", "|", "&", "'", "\"", "<", ">",
        "a", "A", "z9", "0", "00", "1", "9999999999999999999999", "1e9", "-1", "+1", "0x10", "NaN", "Infinity", "null", "true", "é", "ı", "İ", "ß", "\u202e", "\u200b", "\ufeff", "\ud800", "\udc00", "😀", "🙂",
        "docker.io", "localhost", "latest", "sha256:", "secret://", "env", "file", "kubernetes", "MCPSECRET_", "m", "Mi", "g", "https://", "http://", "user:pass@", "127.0.0.1", "[::1]", "../../etc/passwd",
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    ];

    public static string Text(Random random, IReadOnlyList<string> good)
    {
        var text = new StringBuilder(random.Chance(0.7) ? random.Pick(good) : "");
        for (var edits = random.Next(4); edits >= 0; edits--)
        {
            var at = random.Next(text.Length + 1);
            switch (random.Next(4))
            {
                case 0:
                    text.Insert(at, random.Pick<string>(Pieces));
                    break;
                case 1:
                    text.Insert(at, (char)random.Next(random.Chance() ? 0x80 : 0x10000));
                    break;
                case 2 when text.Length > 0:
                    text.Remove(Math.Min(at, text.Length - 1), 1);
                    break;
                default:
                    text.Append(random.Pick<string>(Pieces));
                    break;
            }
        }

        if (random.Chance(0.01))
        {
            text.Append(random.Pick<string>(Pieces).PadRight(1, 'x')[0], random.Next(100_000));
        }

        return text.ToString();
    }
}
