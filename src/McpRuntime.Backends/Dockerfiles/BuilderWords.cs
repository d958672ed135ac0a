using System.Text.RegularExpressions;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>Who builds: they read the same file differently, and we have to read it as they do.</summary>
internal enum DockerfileBuilder
{
    /// <summary>The Docker Engine's own, on its host.</summary>
    Classic,

    /// <summary>BuildKit, elsewhere.</summary>
    BuildKit,
}

/// <summary>What one builder understands and another does not. What might be read in two ways is refused.</summary>
internal abstract partial class BuilderWords
{
    public static readonly string[] SetByBuildKit = ["BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT", "TARGETPLATFORM", "TARGETOS", "TARGETARCH", "TARGETVARIANT"];

    /// <summary>What ADD fetches comes by the network of a host of ours, past all that holds for a build's steps.</summary>
    public abstract bool FetchesFromItsHost { get; }

    /// <summary>Any <c>--platform</c>: which machine's variant of an image is taken says nothing of where it is from.</summary>
    public abstract bool TakesPlatforms { get; }

    /// <summary>Before the first instruction.</summary>
    public abstract void Begin(IReadOnlyList<string> lines, IReadOnlyDictionary<string, string> buildArgs);

    /// <summary>A RUN, COPY or ADD as a whole.</summary>
    public abstract void Text(Instruction instruction);

    /// <returns>The image or stage that a flag names; null: none.</returns>
    public abstract string? Flag(Instruction instruction, string name, string flag);

    public abstract Exception Unset(string variable, int line);

    /// <summary>As BuildKit's parser has it, which newer engines' own builder uses too. It drops a \ inside of <c>${…}</c> before it looks.</summary>
    protected static bool HoldsHereDocument(string arguments) =>
        HereDocument().IsMatch(arguments) || HereDocument().IsMatch(arguments.Replace("\\", "", StringComparison.Ordinal));

    [GeneratedRegex(@"(^|\s)\d*<<(?!<)", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex HereDocument();
}
