using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;

namespace McpRuntime.Server.Records.Secrets;

/// <summary>
/// A spec as it is kept: sealed whole. A compose file's text, build arguments, a command and a catalog entry's defaults can each hold a
/// secret, and which of them does nobody can tell. The environment has a column of its own, where each value is sealed by itself.
/// </summary>
internal sealed class SpecVault(Sealer sealer)
{
    private const string Mark = "sealed:";
    private const string Name = "spec";

    public string Close(string recordId, RuntimeSpec spec) => Mark + sealer.Seal(recordId, Name, new SecretText(RecordsJson.Write(spec)));

    /// <summary>Without the environment. Rows of earlier releases are plain JSON.</summary>
    public RuntimeSpec Open(string recordId, string kept) => RecordsJson.Read<RuntimeSpec>(
        kept.StartsWith(Mark, StringComparison.Ordinal) ? sealer.Open(recordId, Name, kept[Mark.Length..]).Reveal() : kept);

    /// <summary>With its environment's names; values are not opened for reading.</summary>
    public RuntimeSpec Of(RevisionRow row) => Open(row.RuntimeId, row.Spec) with { Environment = EnvironmentVault.Shown(row.Environment) };
}
