using System.Text.RegularExpressions;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>BuildKit with its own frontend. Another frontend, chosen by a comment or a build argument, could make anything of the file.</summary>
internal sealed partial class BuildKitWords : BuilderWords
{
    private static readonly Dictionary<string, string[]> Flags = new(StringComparer.Ordinal)
    {
        ["RUN"] = ["--mount", "--network", "--security"],
        ["COPY"] = ["--chown", "--chmod", "--link", "--parents", "--exclude"],
        ["ADD"] = ["--chown", "--chmod", "--link", "--checksum", "--keep-git-dir", "--exclude"],
    };

    public override bool FetchesFromItsHost => false;

    public override bool TakesPlatforms => true;

    public override void Begin(IReadOnlyList<string> lines, IReadOnlyDictionary<string, string> buildArgs)
    {
        if (buildArgs.Keys.FirstOrDefault(name => name.StartsWith("BUILDKIT_", StringComparison.OrdinalIgnoreCase)) is { } steering)
        {
            throw Dockerfile.Bad(1, $"the build argument {steering} steers BuildKit itself, and may not be set");
        }

        for (var i = 0; i < lines.Count && DockerfileReader.IsSkipped(lines[i]); i++)
        {
            if (SyntaxDirective().Match(lines[i]) is { Success: true } directive)
            {
                Direct(directive.Groups["value"].Value, i + 1);
            }
        }
    }

    public override void Text(Instruction instruction)
    {
        if (HoldsHereDocument(instruction.Arguments))
        {
            throw Dockerfile.Bad(instruction.Line, $"{instruction.Word} with a here-document (<<) is not read here, where every image has to be found; write it without");
        }
    }

    public override string? Flag(Instruction instruction, string name, string flag)
    {
        if (!Flags[instruction.Word].Contains(name, StringComparer.Ordinal))
        {
            throw Dockerfile.Bad(instruction.Line, $"{instruction.Word} with {Quoted.Of(flag)} is not understood here, where every image has to be found; write it without");
        }

        return name == "--mount"
            ? flag.Split(['=', ','], 2)[^1].Split(',').Select(field => field.Split('=', 2)).LastOrDefault(pair => pair is [var key, _] && key.Trim().Equals("from", StringComparison.OrdinalIgnoreCase))?[1]
            : null;
    }

    public override Exception Unset(string variable, int line) => Dockerfile.Bad(line, $"{variable} is BuildKit's to set, so that it is not known here which image is meant; name the image without it");

    private static void Direct(string value, int line)
    {
        if (!(ImageReference.TryParse(value, out var frontend, out _) && frontend.Name == "docker.io/docker/dockerfile"))
        {
            throw Dockerfile.Bad(line, $"the frontend {Quoted.Of(value)} may make anything of the file; only docker/dockerfile is allowed");
        }
    }

    /// <summary>Wherever it stands among the first comments: more than BuildKit takes for one.</summary>
    [GeneratedRegex(@"^\s*#\s*syntax\s*=\s*(?<value>.*?)\s*$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture | RegexOptions.IgnoreCase, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex SyntaxDirective();
}
