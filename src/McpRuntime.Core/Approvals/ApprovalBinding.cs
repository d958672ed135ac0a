using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Approvals;

/// <summary>What a decision is about, as one keyed hash: another pin, commit, spec, config or backend is another content.</summary>
public static class ApprovalBinding
{
    /// <param name="contentHash">The revision's: over its canonical spec, effective guardrails and backend.</param>
    /// <returns><c>a1:</c> and 64 hex digits.</returns>
    public static string Of(string contentHash, ResolvedFacts facts, KeyedHash hash) =>
        $"a1:{hash.Of($"{contentHash}\n{PinOf(facts)}")}";

    /// <summary>The commit where there is one (what is built of it has no digest yet) with the images that its build stands on, else the image; and each service's image.</summary>
    public static string PinOf(ResolvedFacts facts)
    {
        if (facts.Services is not { } services)
        {
            var bases = (facts.Bases ?? new Dictionary<string, string>(StringComparer.Ordinal)).OrderBy(b => b.Key, StringComparer.Ordinal).Select(b => $"{b.Key}={b.Value}");
            return string.Join(' ', bases.Prepend(facts.Commit ?? facts.Pin));
        }

        var pins = services.OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => $"{s.Key}={s.Value.Pin}");
        return string.Join(' ', facts.Commit is { } commit ? pins.Prepend(commit) : pins);
    }
}
