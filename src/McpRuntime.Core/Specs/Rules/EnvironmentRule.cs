using System.Text;
using McpRuntime.Core.Catalog;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>Names, values and references; then what the catalog entry requires, and its defaults. No message holds a value.</summary>
internal sealed class EnvironmentRule : IAdmissionRule
{
    public const int MostVariables = 256;

    /// <summary>Bytes of UTF-8.</summary>
    public const int LongestValue = 64 * 1024;

    /// <summary>Bytes of all names and values: the kernel refuses to start a program with more than about 2 MiB of arguments and environment.</summary>
    public const int LongestInAll = 1024 * 1024;

    public void Apply(AdmissionDraft draft)
    {
        var sent = draft.Request.Environment;
        if (sent?.Count > MostVariables)
        {
            draft.Wrong("environment", $"has {sent.Count} variables; at most {MostVariables} are allowed");
            return;
        }

        foreach (var (name, value) in sent ?? new Dictionary<string, SecretText>(StringComparer.Ordinal))
        {
            if (!EnvironmentName.TryParse(name, out var good, out var why))
            {
                draft.Wrong("environment", why);
            }
            else if (value is null)
            {
                draft.Wrong($"environment.{good}", "is null: send a value, or leave it out");
            }
            else if (Value(draft, good.Value, value) is { } accepted)
            {
                draft.Environment[good.Value] = accepted;
            }
        }

        FromCatalog(draft);
        var total = draft.Environment.Sum(v => v.Key.Length + v.Value.Match(literal => Encoding.UTF8.GetByteCount(literal.Value.Reveal()), reference => reference.Uri.Length));
        if (total > LongestInAll)
        {
            draft.Wrong("environment", $"has {total} bytes in all; at most {LongestInAll} are allowed");
        }
    }

    private static EnvironmentValue? Value(AdmissionDraft draft, string name, SecretText value)
    {
        var text = value.Reveal();
        if (SecretReference.IsReference(text))
        {
            return Reference(draft, name, text);
        }

        if (text.Contains('\0', StringComparison.Ordinal) || Encoding.UTF8.GetByteCount(text) > LongestValue)
        {
            draft.Wrong($"environment.{name}", $"holds a NUL or is longer than {LongestValue} bytes");
            return null;
        }

        return new EnvironmentValue.Literal(value);
    }

    private static EnvironmentValue.Reference? Reference(AdmissionDraft draft, string name, string text)
    {
        var path = $"environment.{name}";
        if (!SecretReference.TryParse(text, out var reference, out var why))
        {
            draft.Wrong(path, why);
            return null;
        }

        var refused = reference.Match(
            env: _ => null,

            // Without a team the folder would be the whole tree, every team's secrets in it.
            file: _ => draft.Request.TeamId is null ? "secret://file/ reads below the team's own folder: send team_id" : null,
            kubernetes: secret => OwnNamespace(draft) is { } own && own == secret.Namespace
                ? null
                : "secret://kubernetes/ is for custom resources, and only for secrets of their own namespace");
        if (refused is not null)
        {
            draft.Wrong(path, refused);
            return null;
        }

        return new EnvironmentValue.Reference(text);
    }

    private static string? OwnNamespace(AdmissionDraft draft) =>
        draft.Context.Caller.Source.StartsWith("crd:", StringComparison.Ordinal) && RuntimeName.TryParseQualified(draft.Request.Name, out var name, out _) ? name.Namespace : null;

    private static void FromCatalog(AdmissionDraft draft)
    {
        var sent = draft.Request.Environment;
        foreach (var variable in draft.Entry?.Environment ?? [])
        {
            if (sent?.ContainsKey(variable.Name) == true)
            {
                continue;
            }

            if (Default(draft.Entry!, variable) is { } value)
            {
                if (Value(draft, variable.Name, new SecretText(value)) is { } accepted)
                {
                    draft.Environment[variable.Name] = accepted;
                }
            }
            else if (variable.Required)
            {
                draft.Wrong($"environment.{variable.Name}", $"is required by the catalog entry {draft.Entry!.Id}" + (variable.Description is null ? "" : $": {Quoted.Of(variable.Description)}"));
            }
        }
    }

    // A remote catalog can't point at this installation's secrets.
    private static string? Default(CatalogEntry entry, CatalogVariable variable) =>
        variable.Default is { } value && !(entry.IsRemote && SecretReference.IsReference(value)) ? value : null;
}
