using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records;

namespace McpRuntime.Server.Catalogs;

/// <summary>What a catalog would come to here: what can't be read, what can't be deployed and why, and what each backend would not hold. Changes nothing.</summary>
internal sealed class CatalogReview(IAdmissionContexts contexts)
{
    /// <summary>So many entries are tried on every backend; of more, the first: it is a check, not a load.</summary>
    public const int MostTried = 500;

    private static readonly SecretText Given = new("given");

    public ReviewedCatalog Of(string text, string origin, Caller caller)
    {
        var document = CatalogParser.Parse(text, origin);
        var context = contexts.For(caller);
        return new ReviewedCatalog(
            document,
            [.. document.Entries.Select((entry, place) => new ReviewedEntry(entry, [.. Notes(entry, context)], place < MostTried ? [.. Tries(entry, context)] : []))]);
    }

    private static IEnumerable<string> Notes(CatalogEntry entry, AdmissionContext context)
    {
        if (entry.Source is { Type: "docker", Image: { } image } && ImageReference.TryParse(image, out var reference, out _) && reference.Digest is null)
        {
            yield return $"{image} has no digest: each deployment gets what the tag leads to then (and keeps it)";
        }

        if (entry.GuardrailsProfile is { } name && context.FindProfile(name) is { } profile && !context.MayChoose(entry, profile))
        {
            yield return $"the profile {name} is passed over: a remote catalog may choose restricted and airgapped, and others only where RUNTIME_CATALOG_TRUSTED_URLS names its URL";
        }

        foreach (var variable in entry.Environment.Where(variable => entry.IsRemote && variable.Default is { } value && SecretReference.IsReference(value)))
        {
            yield return $"the default of {variable.Name} is passed over: a remote catalog may not point to secrets";
        }
    }

    private static IEnumerable<ReviewedBackend> Tries(CatalogEntry entry, AdmissionContext context)
    {
        if (entry.Source is null)
        {
            yield break;
        }

        var request = new DeployRequest
        {
            Name = "catalog-review",
            CatalogServerId = entry.Id,
            Environment = entry.Environment.Where(variable => variable.Required).ToDictionary(variable => variable.Name, _ => Given, StringComparer.Ordinal),
        };
        foreach (var (name, traits) in context.Backends.Where(backend => backend.Value.Enabled).OrderBy(backend => backend.Key, StringComparer.Ordinal))
        {
            var result = Admission.Admit(request with { Backend = name }, context with { FindCatalogEntry = id => id == entry.Id ? entry : null });
            yield return new ReviewedBackend(
                name,
                result.Errors,
                result.Admitted is { } admitted ? GuardrailWarnings.Of(traits.Report(admitted.Guardrails.Config, admitted.Spec.Source), name) : []);
        }
    }
}

internal sealed record ReviewedCatalog(CatalogDocument Document, IReadOnlyList<ReviewedEntry> Entries);

/// <param name="Backends">Each that is switched on here; none for what can't be deployed at all.</param>
internal sealed record ReviewedEntry(CatalogEntry Entry, IReadOnlyList<string> Notes, IReadOnlyList<ReviewedBackend> Backends);

/// <param name="Errors">Empty: it would be accepted, once what it requires is given.</param>
internal sealed record ReviewedBackend(string Backend, IReadOnlyList<ValidationError> Errors, IReadOnlyList<GuardrailWarning> Warnings);
