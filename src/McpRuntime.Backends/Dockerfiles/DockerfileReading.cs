using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>One pass over a Dockerfile: stages and variables as far as they have been met.</summary>
internal sealed partial class DockerfileReading(IReadOnlyDictionary<string, string> buildArgs, BuilderWords builder)
{
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal);
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Of the stage that is being read: the engine knows it by its name only once it is built, and takes it for an image's until then.</summary>
    private string? _own;

    public List<ImageUse> Images { get; } = [];

    /// <summary>The last line of each FROM.</summary>
    public List<int> Stages { get; } = [];

    public void Take(Instruction instruction)
    {
        switch (instruction.Word)
        {
            case "FROM":
                From(instruction);
                break;
            case "ARG" when Stages.Count == 0:
                Argument(instruction);
                break;
            case "ONBUILD":
                OnBuild(instruction);
                break;
            default:
                if (Stages.Count == 0 && instruction.Word != "ARG")
                {
                    throw Dockerfile.Bad(instruction.Line, $"{instruction.Word} stands before the first FROM");
                }

                Judge(instruction);
                break;
        }
    }

    private void From(Instruction instruction)
    {
        var (flags, rest) = Flags(instruction);
        string? platform = null;
        foreach (var flag in flags)
        {
            if (!flag.StartsWith("--platform=", StringComparison.Ordinal))
            {
                throw Dockerfile.Bad(instruction.Line, $"FROM has no {Quoted.Of(flag)}");
            }

            platform = builder.TakesPlatforms ? null : Expand(flag, instruction.Line)["--platform=".Length..];
        }

        var words = rest.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (words.Length is not (1 or 3) || (words.Length == 3 && !words[1].Equals("AS", StringComparison.OrdinalIgnoreCase)))
        {
            throw Dockerfile.Bad(instruction.Line, "FROM is followed by an image, and by AS and a name if wanted");
        }

        if (_own is not null)
        {
            _ = _names.Add(_own);
        }

        var image = Expand(words[0].Trim('"'), instruction.Line);
        if (!_names.Contains(image) && image != "scratch")
        {
            Images.Add(new ImageUse(Reference(image, instruction.Line, "FROM"), image, instruction) { Base = new BaseUse(platform, words.Length == 3 ? words[2] : null) });
        }

        _own = words.Length == 3 ? words[2] : null;
        Stages.Add(instruction.LastLine);
    }

    /// <summary>Before the first FROM: what FROM may be made of.</summary>
    private void Argument(Instruction instruction)
    {
        foreach (var word in instruction.Arguments.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries))
        {
            // A blank between quotes would have us split where the builder does not.
            if (!PlainArgument().IsMatch(word))
            {
                throw Dockerfile.Bad(instruction.Line, $"ARG {Quoted.Of(word)} is not understood here; before the first FROM write NAME=value, quoted as a whole if at all, without blanks");
            }

            var equals = word.IndexOf('=', StringComparison.Ordinal);
            var name = equals < 0 ? word : word[..equals];
            if (buildArgs.TryGetValue(name, out var given))
            {
                _variables[name] = given;
            }
            else if (equals >= 0)
            {
                _variables[name] = Expand(word[(equals + 1)..].Trim('"', '\''), instruction.Line);
            }
        }
    }

    /// <summary>It runs when another stage stands on this one.</summary>
    private void OnBuild(Instruction instruction)
    {
        var trigger = Trigger(instruction);
        if (Stages.Count == 0 || trigger.Arguments.Length == 0)
        {
            throw Dockerfile.Bad(instruction.Line, "ONBUILD is followed by an instruction, after a FROM");
        }

        if (trigger.Word is "FROM" or "ONBUILD" || !Dockerfile.Words.Contains(trigger.Word, StringComparer.Ordinal))
        {
            throw Dockerfile.Bad(instruction.Line, $"{Quoted.Of(trigger.Word)} is not an instruction that ONBUILD may hold");
        }

        Judge(trigger);
    }

    private static Instruction Trigger(Instruction instruction)
    {
        var (word, arguments) = DockerfileReader.Cut(instruction.Arguments);
        return instruction with { Word = word, Arguments = arguments };
    }

    /// <summary>Of an instruction as it stands in the file; of an ONBUILD, those of what it holds.</summary>
    internal static IReadOnlyList<string> FlagsOf(Instruction instruction) => Flags(instruction.Word == "ONBUILD" ? Trigger(instruction) : instruction).Flags;

    private void Judge(Instruction instruction)
    {
        if (instruction.Word is not ("RUN" or "COPY" or "ADD"))
        {
            return;
        }

        builder.Text(instruction);
        var (flags, rest) = Flags(instruction);
        foreach (var flag in flags)
        {
            Flag(instruction, flag);
        }

        if (instruction.Word == "ADD" && builder.FetchesFromItsHost)
        {
            NotFromAfar(instruction, rest);
        }
    }

    private void Flag(Instruction instruction, string flag)
    {
        var equals = flag.IndexOf('=', StringComparison.Ordinal);
        var name = equals < 0 ? flag : flag[..equals];
        if (name == "--from" && instruction.Word == "COPY")
        {
            var from = equals < 0 ? "" : flag[(equals + 1)..];
            if (!int.TryParse(from, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            {
                From(from, instruction, "COPY --from");
            }
        }
        else if (!(name == "--chown" && instruction.Word is "COPY" or "ADD") && builder.Flag(instruction, name, flag) is { } mounted)
        {
            From(mounted, instruction, "RUN --mount from");
        }
    }

    /// <summary>A stage by name, or an image. (By number only for COPY: to a mount a number is an image's name.)</summary>
    private void From(string from, Instruction instruction, string where)
    {
        if (from.Equals(_own, StringComparison.OrdinalIgnoreCase))
        {
            throw Dockerfile.Bad(instruction.Line, $"{where} names its own stage, {Quoted.Of(from)}, which is not built yet; name an earlier stage or an image");
        }

        if (!_names.Contains(from))
        {
            Images.Add(new ImageUse(Reference(from, instruction.Line, where), from, instruction));
        }
    }

    /// <summary>The engine itself would fetch it, from its host's network, past everything that holds for a build's steps.</summary>
    private static void NotFromAfar(Instruction instruction, string rest)
    {
        foreach (var source in Sources(rest))
        {
            var plain = source.Replace("\"", "", StringComparison.Ordinal).Replace("'", "", StringComparison.Ordinal).Replace("\\", "", StringComparison.Ordinal);
            if (plain.Contains("://", StringComparison.Ordinal) || plain.StartsWith("git@", StringComparison.Ordinal) || plain.Contains('$', StringComparison.Ordinal))
            {
                throw Dockerfile.Bad(instruction.Line, $"ADD of {Quoted.Of(source)}: an address, or a variable that may hold one, is fetched by the engine from its host's own network; use COPY, or fetch it in a RUN");
            }
        }
    }

    private static IEnumerable<string> Sources(string rest)
    {
        if (rest.StartsWith('['))
        {
            try
            {
                return (JsonSerializer.Deserialize<string[]>(rest) ?? []).SkipLast(1);
            }
            catch (JsonException)
            {
                // Then the engine takes it for words, too.
            }
        }

        return rest.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries).SkipLast(1);
    }

    private static ImageReference Reference(string name, int line, string where) =>
        ImageReference.TryParse(name, out var image, out var error) ? image : throw Dockerfile.Bad(line, $"the image of {where} {error}");

    private static (IReadOnlyList<string> Flags, string After) Flags(Instruction instruction)
    {
        List<string> flags = [];
        var rest = instruction.Arguments;
        while (rest.StartsWith("--", StringComparison.Ordinal))
        {
            var space = rest.AsSpan().IndexOfAny(' ', '\t');
            var flag = space < 0 ? rest : rest[..space];
            if (flag.AsSpan().IndexOfAny("\"'\\") >= 0)
            {
                // It may hold blanks, and end elsewhere than we think.
                throw Dockerfile.Bad(instruction.Line, $"{instruction.Word} with {Quoted.Of(flag)}: quotes and escapes in a flag are not understood here; write it without");
            }

            flags.Add(flag);
            rest = space < 0 ? "" : rest[space..].TrimStart();
        }

        return (flags, rest);
    }

    /// <summary><c>$NAME</c>, <c>${NAME}</c>, <c>${NAME:-else}</c>, <c>${NAME:+then}</c>.</summary>
    private string Expand(string text, int line)
    {
        var expanded = Variable().Replace(text, match =>
        {
            var name = match.Groups["name"].Value;
            var word = match.Groups["word"].Value;
            var value = _variables.GetValueOrDefault(name, "");
            if (value.Length == 0 && BuilderWords.SetByBuildKit.Contains(name, StringComparer.Ordinal))
            {
                throw builder.Unset(name, line);
            }

            return match.Groups["how"].Value switch
            {
                ":-" => value.Length > 0 ? value : word,
                ":+" => value.Length > 0 ? word : "",
                _ => value,
            };
        });
        return expanded.Contains('$', StringComparison.Ordinal) ? throw Dockerfile.Bad(line, $"{Quoted.Of(text)} holds a variable that is not understood here") : expanded;
    }

    [GeneratedRegex("""^[A-Za-z_]\w*(=("[^"'\\]*"|'[^"'\\]*'|[^"'\\]*))?$""", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex PlainArgument();

    [GeneratedRegex(@"\$(\{(?<name>[A-Za-z_]\w*)((?<how>:[-+])(?<word>[^${}]*))?\}|(?<name>[A-Za-z_]\w*))", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Variable();
}
