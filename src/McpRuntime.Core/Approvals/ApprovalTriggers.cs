using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Approvals;

/// <summary>Everything that decides whether a revision needs an approval.</summary>
/// <param name="Images">Every image that would run or be built from; null when they are not known before a checkout.</param>
/// <param name="Mode">The effective one.</param>
public sealed record ApprovalQuestion(
    ApprovalPolicy Policy,
    Source Source,
    IReadOnlyList<ImageReference>? Images,
    EffectiveGuardrails Guardrails,
    CatalogEntry? Catalog,
    IReadOnlyList<ControlReport> Report,
    GuardrailsMode Mode,
    Func<string, GuardrailProfile?> FindProfile)
{
    /// <summary>Of the whole catalog.</summary>
    public IReadOnlyList<CatalogEntry> Entries { get; init; } = [];
}

/// <summary>The six rules, each pure. Any one is enough; all that hold are told.</summary>
public static class ApprovalTriggers
{
    public static IReadOnlyList<ApprovalTrigger> Of(ApprovalQuestion question) =>
        [.. new[] { SourceType(question), Profile(question), Registry(question), Catalog(question), Loosened(question), Weakened(question) }.OfType<ApprovalTrigger>()];

    /// <summary>
    /// What a profile lets more since what serves was made from it. Of a runtime whose baseline is the profile itself the baseline has
    /// moved along, so that only the two versions tell; what is looser than the baseline is told by its own rule.
    /// </summary>
    public static ApprovalTrigger? Since(EffectiveGuardrails before, EffectiveGuardrails after, GuardrailsMode defaultMode)
    {
        if (before.Profile != after.Profile || before.ProfileVersion == after.ProfileVersion)
        {
            return null;
        }

        var fields = GuardrailsOrder.Loosened(after.Config, before.Config, defaultMode).Except(after.Loosened, StringComparer.Ordinal).ToList();
        return fields.Count == 0 ? null : new("loosened", $"version {after.ProfileVersion} of the profile {after.Profile} lets more than version {before.ProfileVersion} did, in {string.Join(", ", fields)}");
    }

    private static ApprovalTrigger? SourceType(ApprovalQuestion question) =>
        question.Policy.RequiredSourceTypes.Contains(question.Source.Type, StringComparer.OrdinalIgnoreCase)
            ? new("source_type", $"sources of type {question.Source.Type} need an approval")
            : null;

    private static ApprovalTrigger? Profile(ApprovalQuestion question)
    {
        foreach (var name in question.Policy.RequiredGuardrailsProfiles)
        {
            if (name == question.Guardrails.Profile)
            {
                return new("guardrails_profile", $"the profile {name} needs an approval");
            }

            if (question.FindProfile(name) is { } required && AsLooseAs(question.Guardrails.Config, required.Config) is { Count: > 0 } fields)
            {
                return new("guardrails_profile", $"as loose as the profile {name}, which needs an approval, in {string.Join(", ", fields)}");
            }
        }

        return null;
    }

    /// <summary>A renamed copy does not slip by: fields in which the required profile is strictly looser than <c>standard</c>, and this config no tighter than it.</summary>
    private static List<string> AsLooseAs(GuardrailsConfig effective, GuardrailsConfig required)
    {
        var standard = BuiltInProfiles.Standard.Config;
        return
        [
            .. GuardrailsOrder.Fields
                .Where(field => field != GuardrailsOrder.Cpu && field != GuardrailsOrder.Memory)
                .Where(field => field.IsWithin(standard, required) && !field.IsWithin(required, standard) && field.IsWithin(required, effective))
                .Select(field => field.Name),
        ];
    }

    private static ApprovalTrigger? Registry(ApprovalQuestion question)
    {
        if (question.Images is null)
        {
            return question.Policy.RegistryAllowlist.Contains("*", StringComparer.Ordinal)
                ? null
                : new("registry", "its images are not known before the sources are read, so they can't be held against the allow-list");
        }

        var outside = question.Images.Where(image => !image.IsWithinAny(question.Policy.RegistryAllowlist)).Select(image => image.Name).Distinct(StringComparer.Ordinal).ToList();
        return outside.Count == 0 ? null : new("registry", $"outside the approval allow-list: {string.Join(", ", outside)}");
    }

    /// <summary>
    /// The entry's own word, and that of every entry with the same image or repository: sent as a plain source, or by somebody else's
    /// entry, it is the same server. An entry of ours that names no approval is an admin's own exception.
    /// </summary>
    private static ApprovalTrigger? Catalog(ApprovalQuestion question)
    {
        if (question.Catalog is { RequiresApproval: true } entry)
        {
            return new("catalog", $"the catalog entry {entry.Id} asks for an approval");
        }

        return question.Catalog is not { IsRemote: false } && question.Entries.FirstOrDefault(other => other.RequiresApproval && IsSameServer(other, question)) is { } same
            ? new("catalog", $"it is the server of the catalog entry {same.Id}, which asks for an approval")
            : null;
    }

    /// <summary>Whatever the tag, digest, branch or folder: each would be a way past.</summary>
    private static bool IsSameServer(CatalogEntry entry, ApprovalQuestion question) =>
        (entry.Source?.Image is { } image && ImageReference.TryParse(image, out var reference, out _) && question.Images?.Any(used => used.Name == reference.Name) == true)
        || (entry.Source?.Repo is { } repo && question.Source is Source.GitHub built && Repository(repo) == Repository(built.Repo));

    /// <summary>An entry's is as its author wrote it, and a record's as an older version of ours did.</summary>
    private static string Repository(string address)
    {
        var plain = (new SourceFields(new SourceRequest { Repo = address }, "", []).Repository(allowedHosts: null) ?? address).ToLowerInvariant().TrimEnd('/');
        return plain.EndsWith(".git", StringComparison.Ordinal) ? plain[..^4] : plain;
    }

    private static ApprovalTrigger? Loosened(ApprovalQuestion question) =>
        question.Guardrails.Loosened.Count == 0 ? null : new("loosened", $"looser than the baseline in {string.Join(", ", question.Guardrails.Loosened)}");

    private static ApprovalTrigger? Weakened(ApprovalQuestion question)
    {
        var weakened = question.Report.Where(line => line.Outcome == ControlOutcome.Weakened).Select(line => GuardrailWarnings.Field(line.Control)).Distinct(StringComparer.Ordinal).ToList();
        return question.Mode == GuardrailsMode.Approve && weakened.Count > 0
            ? new("weakened", $"the backend holds only in part: {string.Join(", ", weakened)}")
            : null;
    }
}
