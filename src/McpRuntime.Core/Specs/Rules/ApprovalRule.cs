using McpRuntime.Core.Approvals;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>Whether a person has to say yes first.</summary>
internal sealed class ApprovalRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        if (draft.Context.Approvals is not { } policy || draft.Source is null || draft.Guardrails is null || draft.Errors.Count > 0)
        {
            return;
        }

        draft.Triggers = ApprovalTriggers.Of(new ApprovalQuestion(
            policy,
            draft.Source,
            draft.Images,
            draft.Guardrails,
            draft.Entry,
            draft.Report,
            draft.Guardrails.Config.Mode ?? draft.Context.DefaultMode,
            draft.Context.FindProfile)
        {
            Entries = draft.Context.Catalog,
        });
    }
}
