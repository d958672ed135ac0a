using System.Diagnostics.CodeAnalysis;
using System.Text;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>
/// <c>$X</c>, <c>${X}</c>, <c>${X:-d}</c>, <c>${X-d}</c>, <c>${X:?e}</c>, <c>${X?e}</c>, <c>${X:+a}</c>, <c>${X+a}</c>, nested in each
/// other, and <c>$$</c> for one dollar. One pass: what a variable holds is never expanded again.
/// </summary>
internal static class ComposeInterpolation
{
    private const int Deepest = 8;

    private const int Longest = 64 * 1024;

    public static bool TryExpand(
        string text,
        IReadOnlyDictionary<string, ComposeVariable> variables,
        ISet<string> used,
        bool mayHoldReferences,
        [NotNullWhen(true)] out string? value,
        [NotNullWhen(false)] out string? error)
    {
        var run = new Run(text, variables, used, mayHoldReferences);
        value = run.Expand(0, closing: false);
        error = run.Error;
        if (error is null && value.Length <= Longest)
        {
            return true;
        }

        error ??= $"is longer than {Longest} characters once its variables are filled in";
        value = null;
        return false;
    }

    private sealed class Run(string text, IReadOnlyDictionary<string, ComposeVariable> variables, ISet<string> used, bool mayHoldReferences)
    {
        private int _at;

        public string? Error { get; private set; }

        /// <param name="closing">Inside braces: ends before the brace that closes them.</param>
        public string Expand(int depth, bool closing)
        {
            var built = new StringBuilder();
            while (_at < text.Length && Error is null && !(closing && text[_at] == '}'))
            {
                var c = text[_at++];
                if (c != '$')
                {
                    built.Append(c);
                }
                else if (_at < text.Length && text[_at] == '$')
                {
                    _at++;
                    built.Append('$');
                }
                else
                {
                    built.Append(Variable(depth));
                }

                if (built.Length > Longest)
                {
                    Error ??= $"is longer than {Longest} characters once its variables are filled in";
                }
            }

            return built.ToString();
        }

        private string Variable(int depth)
        {
            var braced = _at < text.Length && text[_at] == '{';
            _at += braced ? 1 : 0;
            var from = _at;
            while (_at < text.Length && (char.IsAsciiLetter(text[_at]) || text[_at] == '_' || (_at > from && char.IsAsciiDigit(text[_at]))))
            {
                _at++;
            }

            var name = text[from.._at];
            if (name.Length == 0 || name.Length > EnvironmentName.Longest)
            {
                return Fail("a \"$\" that begins no variable: write ${NAME}, or $$ for a dollar");
            }

            return braced ? Braced(name, depth) : Plain(name);
        }

        private string Plain(string name) => Find(name) is { } known
            ? Value(name, known)
            : Fail($"{name} is not set: send it in environment, or write ${{{name}:-}} for nothing");

        private string Braced(string name, int depth)
        {
            var orEmpty = Take(':');
            var sign = _at < text.Length ? text[_at] : '\0';
            if (sign == '}' && !orEmpty)
            {
                _at++;
                return Plain(name);
            }

            if (sign is not ('-' or '?' or '+') || depth >= Deepest)
            {
                return Fail(depth >= Deepest ? $"variables are nested more than {Deepest} deep" : $"${{{name} goes on with what is no operator: :-, :? and :+ are, and }} closes it");
            }

            _at++;
            var known = Find(name);
            var isSet = known is not null && !(orEmpty && known.Value.Reveal().Length == 0);
            var word = Word(depth, counts: sign == '+' ? isSet : !isSet);
            if (!Take('}'))
            {
                return Fail($"${{{name} is not closed");
            }

            return (sign, isSet) switch
            {
                ('-', true) or ('?', true) => Value(name, known!),
                ('-', false) or ('+', true) => word,
                ('+', false) => "",
                _ => Fail($"{name} is required: {(word.Length == 0 ? "send it in environment" : Quoted.Of(word))}"),
            };
        }

        /// <summary>What is not taken is only passed over: a variable that is missing in it is none of our business.</summary>
        private string Word(int depth, bool counts)
        {
            if (counts)
            {
                return Expand(depth + 1, closing: true);
            }

            var open = 0;
            for (; _at < text.Length && !(open == 0 && text[_at] == '}'); _at++)
            {
                open += text[_at] == '{' && text[_at - 1] == '$' ? 1 : text[_at] == '}' ? -1 : 0;
            }

            return "";
        }

        private ComposeVariable? Find(string name)
        {
            _ = used.Add(name);
            return variables.GetValueOrDefault(name);
        }

        private string Value(string name, ComposeVariable known) => known.IsReference && !mayHoldReferences
            ? Fail($"{name} is a reference to a secret, which is only read when a container is made: it can stand in a service's environment alone")
            : known.Value.Reveal();

        private bool Take(char c)
        {
            var there = _at < text.Length && text[_at] == c;
            _at += there ? 1 : 0;
            return there;
        }

        private string Fail(string why)
        {
            Error ??= why;
            return "";
        }
    }
}
