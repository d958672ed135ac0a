using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Dockerfiles;

/// <summary>The Docker Engine's classic builder: it knows nothing that is BuildKit's.</summary>
internal sealed class ClassicWords : BuilderWords
{
    public override bool FetchesFromItsHost => true;

    public override bool TakesPlatforms => false;

    /// <summary>To it a <c># syntax=</c> is a comment.</summary>
    public override void Begin(IReadOnlyList<string> lines, IReadOnlyDictionary<string, string> buildArgs)
    {
    }

    public override void Text(Instruction instruction)
    {
        if (HoldsHereDocument(instruction.Arguments))
        {
            throw NeedsBuildKit(instruction, "a here-document (<<)");
        }
    }

    public override string? Flag(Instruction instruction, string name, string flag) => throw NeedsBuildKit(instruction, name);

    public override Exception Unset(string variable, int line) => Dockerfile.Bad(line, $"{variable} is set by BuildKit, which this engine's builder is not");

    private static BackendFault NeedsBuildKit(Instruction instruction, string what) =>
        Dockerfile.Bad(instruction.Line, $"{instruction.Word} with {what} needs BuildKit, which this engine's builder is not; write it without");
}
