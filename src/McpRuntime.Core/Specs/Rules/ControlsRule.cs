using McpRuntime.Core.Guardrails;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>What the backend would hold of it, against what the mode lets pass.</summary>
internal sealed class ControlsRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        // A report on guardrails that are wrong themselves would only repeat it.
        if (draft.Traits is null || draft.Source is null || draft.Guardrails is null || draft.Errors.Count > 0)
        {
            return;
        }

        draft.Report = draft.Traits.Report(draft.Guardrails.Config, draft.Source);
        foreach (var warning in GuardrailWarnings.Of(draft.Report, draft.Backend))
        {
            if (warning.Severity == "error" || Refuses(draft))
            {
                draft.Wrong("guardrails." + warning.Field, warning.Message);
            }
        }
    }

    // With approvals off nobody could approve: as refuse.
    private static bool Refuses(AdmissionDraft draft) => (draft.Guardrails!.Config.Mode ?? draft.Context.DefaultMode) switch
    {
        GuardrailsMode.Warn => false,
        GuardrailsMode.Approve => draft.Context.Approvals is null,
        GuardrailsMode.Refuse => true,
    };
}
