using System.Globalization;
using System.Text;
using System.Text.Json;
using McpRuntime.Backends.Git;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>What has to be known of a Dockerfile before an engine sees it: every image it stands on, and that nothing in it reaches past its network.</summary>
/// <param name="Images">Of every FROM and COPY --from, with the line.</param>
internal sealed record Dockerfile(IReadOnlyList<(ImageReference Image, int Line)> Images, IReadOnlyList<int> Stages, IReadOnlyList<string> Lines)
{
    public const int Longest = 256 << 10;

    private static readonly string[] Words =
        ["FROM", "ARG", "RUN", "CMD", "LABEL", "MAINTAINER", "EXPOSE", "ENV", "ADD", "COPY", "ENTRYPOINT", "VOLUME", "USER", "WORKDIR", "ONBUILD", "STOPSIGNAL", "HEALTHCHECK", "SHELL"];

    /// <summary>A Dockerfile's text, read relative to the context.</summary>
    /// <exception cref="BackendFault">There is none, or it leads out of the repository.</exception>
    public static async Task<string> TextAsync(Checkout checkout, string context, string dockerfile, CancellationToken ct)
    {
        var path = context is "" or "." ? dockerfile : $"{context.TrimEnd('/')}/{dockerfile}";
        return await checkout.ReadAsync(path, Longest, ct) is { } bytes
            ? Encoding.UTF8.GetString(bytes)
            : throw new BackendFault(new Fault(FaultKind.Refused, "DockerfileNotFound", $"There is no file {path} at commit {checkout.Commit}: set source.dockerfile (it is looked for inside source.context)."));
    }

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
        foreach (var (image, line) in Images)
        {
            if (!image.IsWithinAny(registries))
            {
                throw Bad(line, $"{image.Name} is outside RUNTIME_DOCKER_ALLOWED_REGISTRIES ({string.Join(", ", registries)})");
            }
        }
    }

    private static BuilderWords WordsOf(DockerfileBuilder builder) => builder switch
    {
        DockerfileBuilder.Classic => new ClassicWords(),
        DockerfileBuilder.BuildKit => new BuildKitWords(),
    };

    /// <summary>The same, with labels set right after each FROM, so that every layer of it carries them.</summary>
    public string Marked(IReadOnlyDictionary<string, string> labels)
    {
        var text = new StringBuilder();
        var label = "LABEL " + string.Join(' ', labels.Select(l => $"{JsonSerializer.Serialize(l.Key)}={JsonSerializer.Serialize(l.Value)}"));
        for (var i = 0; i < Lines.Count; i++)
        {
            _ = text.Append(Lines[i]).Append('\n');
            if (Stages.Contains(i + 1))
            {
                _ = text.Append(label).Append('\n');
            }
        }

        return text.ToString();
    }

    internal static BackendFault Bad(int line, string what) =>
        new(new Fault(FaultKind.Refused, "BadDockerfile", string.Create(CultureInfo.InvariantCulture, $"Dockerfile:{line}: {what}.")));
}
