namespace McpRuntime.Core.Specs.Rules;

/// <summary>A label for the API; a label and its namespace for custom resources and Git.</summary>
internal sealed class NameRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        var qualified = IsDeclarative(draft.Context.Caller.Source);
        if (qualified
            ? RuntimeName.TryParseQualified(draft.Request.Name, out var name, out var why)
            : RuntimeName.TryParse(draft.Request.Name, out name, out why))
        {
            draft.Name = name.Value;
            return;
        }

        draft.Wrong("name", why!);
    }

    private static bool IsDeclarative(string source) => source.StartsWith("crd:", StringComparison.Ordinal) || source.StartsWith("git:", StringComparison.Ordinal);
}
