using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>What carrying out a step came to.</summary>
/// <param name="Outcome">Null: the step had no effect outside the database.</param>
/// <param name="Facts">What a Resolve found.</param>
public sealed record StepResult(Outcome? Outcome, ResolvedFacts? Facts = null)
{
    public static readonly StepResult NoEffect = new(Outcome: null);

    public Fault? Fault => Outcome?.Match<Fault?>(_ => null, _ => null, faulted => faulted.Fault);
}
