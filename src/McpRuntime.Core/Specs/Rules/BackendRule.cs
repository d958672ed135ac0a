namespace McpRuntime.Core.Specs.Rules;

/// <summary>The backend is one that there is, and switched on.</summary>
internal sealed class BackendRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        draft.Backend = draft.Request.Backend is { Length: > 0 } asked ? asked : draft.Context.DefaultBackend;
        if (!draft.Context.Backends.TryGetValue(draft.Backend, out var traits))
        {
            draft.Wrong("backend", $"{Quoted.Of(draft.Backend)} is not a backend: one of {string.Join(", ", draft.Context.Backends.Keys.Order(StringComparer.Ordinal))}");
            return;
        }

        draft.Traits = traits;
        if (!traits.Enabled)
        {
            draft.Wrong("backend", $"the backend {draft.Backend} is not enabled here: set {traits.EnabledBy}=true, or choose another");
        }
    }
}
