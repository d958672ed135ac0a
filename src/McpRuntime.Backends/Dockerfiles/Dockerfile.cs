using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>What has to be known of a Dockerfile before an engine sees it: every image it stands on, and that nothing in it reaches past its network.</summary>
/// <param name="Images">Of every FROM and COPY --from.</param>
internal sealed record Dockerfile(IReadOnlyList<ImageUse> Images, IReadOnlyList<int> Stages, IReadOnlyList<string> Lines)
{
    public const int Longest = 256 << 10;

    internal static readonly string[] Words =
        ["FROM", "ARG", "RUN", "CMD", "LABEL", "MAINTAINER", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER", "WORKDIR", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL"];

    /// <summary>A Dockerfile's text, read relative to the context.</summary>
    /// <exception cref="BackendFault">There is none, or it leads out of the repository.</exception>
    private static async Task<string> TextAsync(Checkout checkout, string context, string dockerfile, CancellationToken ct)
    {
        var path = context is "" or "." ? dockerfile : $"{context.TrimEnd('/')}/{dockerfile}";
        return await checkout.ReadAsync(path, Longest, ct) is { } bytes
            ? Encoding.UTF8.GetString(bytes)
            : throw new BackendFault(new Fault(FaultKind.Refused, "DockerfileNotFound", $"There is no file {path} at commit {checkout.Commit}: set source.dockerfile (it is looked for inside source.context)."));
    }

    /// <exception cref="BackendFault">It is not there, or not understood: what is wrong, with its line.</exception>
    public static async Task<Dockerfile> ReadAsync(Checkout checkout, Source.GitHub repository, DockerfileBuilder builder, CancellationToken ct) =>
        Parse(await TextAsync(checkout, repository.Context, repository.Dockerfile, ct), repository.BuildArgs, builder);

    /// <param name="buildArgs">They win over an ARG's default.</param>
    /// <exception cref="BackendFault">What is wrong, with its line.</exception>
    public static Dockerfile Parse(string text, IReadOnlyDictionary<string, string> buildArgs, DockerfileBuilder builder = DockerfileBuilder.Classic)
    {
        if (text.Length > Longest)
        {
            throw Bad(1, $"it has {text.Length} characters; at most {Longest} are read");
        }

        var lines = text.TrimStart('\uFEFF').Replace("\r\n", "\n", StringComparison.Ordinal).Split('\n');
        var words = WordsOf(builder);
        words.Begin(lines, buildArgs);
        var reading = new DockerfileReading(buildArgs, words);
        foreach (var instruction in DockerfileReader.Read(lines))
        {
            if (!Words.Contains(instruction.Word, StringComparer.Ordinal))
            {
                throw Bad(instruction.Line, $"{Quoted.Of(instruction.Word)} is not an instruction");
            }

            reading.Take(instruction);
        }

        return reading.Stages.Count > 0 ? new Dockerfile(reading.Images, reading.Stages, lines) : throw Bad(1, "it has no FROM");
    }

    /// <exception cref="BackendFault">It stands on an image from elsewhere.</exception>
    public void StandOnlyOn(IReadOnlyList<string> registries)
    {
        foreach (var use in Images)
        {
            if (!use.Image.IsWithinAny(registries))
            {
                throw Bad(use.Line, $"{use.Image.Name} is outside RUNTIME_DOCKER_ALLOWED_REGISTRIES ({string.Join(", ", registries)})");
            }
        }
    }

    private static BuilderWords WordsOf(DockerfileBuilder builder) => builder switch
    {
        DockerfileBuilder.Classic => new ClassicWords(),
        DockerfileBuilder.BuildKit => new BuildKitWords(),
    };

    /// <summary>The same, with labels set right after each FROM, so that every layer of it carries them.</summary>
    /// <param name="pins">By reference: what to write where the file names that image. Null: as it is.</param>
    public string Marked(IReadOnlyDictionary<string, string> labels, IReadOnlyDictionary<string, string>? pins = null)
    {
        var lines = pins is null ? [.. Lines] : Pinned(pins);
        var text = new StringBuilder();
        var label = "LABEL " + string.Join(' ', labels.Select(l => $"{JsonSerializer.Serialize(l.Key)}={JsonSerializer.Serialize(l.Value)}"));
        for (var i = 0; i < lines.Length; i++)
        {
            _ = text.Append(lines[i]).Append('\n');
            if (Stages.Contains(i + 1))
            {
                _ = text.Append(label).Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>Line for line, since a step's number and place are told to people.</summary>
    private string[] Pinned(IReadOnlyDictionary<string, string> pins)
    {
        string[] lines = [.. Lines];
        foreach (var use in Images)
        {
            var pin = pins[use.Image.ToString()];
            if (use.Base is { } from)
            {
                // Without the flag: the very image was looked at, and its platform with it.
                Array.Fill(lines, "", use.Line - 1, use.At.LastLine - use.Line + 1);
                lines[use.At.LastLine - 1] = from.Stage is null ? $"FROM {pin}" : $"FROM {pin} AS {from.Stage}";
                continue;
            }

            PinFlag(lines, use, pin);
        }

        return lines;
    }

    /// <summary>The flag, and nothing that only looks like it.</summary>
    private static void PinFlag(string[] lines, ImageUse use, string pin)
    {
        var flag = $"--from={use.Written}";
        var word = new Regex($@"(?<=^|\s){Regex.Escape(flag)}(?=\s|$)", RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1));

        // A comment between two lines of an instruction is no part of it.
        var found = Enumerable.Range(use.Line - 1, use.At.LastLine - use.Line + 1).Where(i => !DockerfileReader.IsSkipped(lines[i])).SelectMany(i => word.Matches(lines[i]).Select(match => (At: i, match.Index))).ToList();
        if (found is [var (at, start)])
        {
            lines[at] = $"{lines[at][..start]}--from={pin}{lines[at][(start + flag.Length)..]}";

            // A line's beginning may be the end of a word that began on the line before.
            if (DockerfileReader.Read(lines[(use.Line - 1)..use.At.LastLine]).All(again => DockerfileReading.FlagsOf(again).Contains($"--from={pin}", StringComparer.Ordinal)))
            {
                return;
            }
        }

        throw Bad(use.Line, $"{flag} has to be pinned, and does not stand there once as one word on one line; write it so");
    }

    internal static BackendFault Bad(int line, string what) =>
        new(new Fault(FaultKind.Refused, "BadDockerfile", string.Create(CultureInfo.InvariantCulture, $"Dockerfile:{line}: {what}.")));
}

/// <summary>One place where a Dockerfile names an image.</summary>
/// <param name="Written">As it stands there, variables put in.</param>
internal sealed record ImageUse(ImageReference Image, string Written, Instruction At)
{
    public int Line => At.Line;

    /// <summary>A FROM's, whose own ONBUILD instructions run in the build; null: files are taken from it, and no more.</summary>
    public BaseUse? Base { get; init; }
}

/// <param name="Platform">What the FROM asks for; null: the builder's own.</param>
/// <param name="Stage">After AS.</param>
internal sealed record BaseUse(string? Platform, string? Stage);
