using McpRuntime.Core.Catalog;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>Exactly one of source and catalog entry; a shape that means something; a backend that can run it.</summary>
internal sealed class SourceRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        var (source, path) = Sent(draft);
        if (source is null)
        {
            return;
        }

        OnBackend(draft, source.Type, path);
        draft.Source = SourceParser.Parse(source, draft.Context.AllowedGitHosts, path, draft.Errors);
        draft.Images = draft.Source?.Match<IReadOnlyList<ImageReference>?>(
            docker: docker => ImageReference.TryParse(docker.Image, out var image, out _) ? [image] : null,
            gitHub: _ => null,
            compose: _ => null);
    }

    private static (SourceRequest? Source, string Path) Sent(AdmissionDraft draft)
    {
        var request = draft.Request;
        if (request.Source is not null && request.CatalogServerId is not null)
        {
            // Else a caller could name an entry and slip past its rules.
            draft.Wrong("catalog_server_id", "give either source or catalog_server_id, not both");
            return (null, "source");
        }

        if (request.CatalogServerId is not { } id)
        {
            if (request.Source is null)
            {
                draft.Wrong("source", "is missing: give source or catalog_server_id");
            }

            return (request.Source, "source");
        }

        return (FromCatalog(draft, id), "catalog_server_id");
    }

    private static SourceRequest? FromCatalog(AdmissionDraft draft, string id)
    {
        const string Path = "catalog_server_id";
        if (draft.Context.FindCatalogEntry(id) is not { } entry)
        {
            draft.Wrong(Path, $"{Quoted.Of(id)} is not in the catalog: GET /runtimes/catalog lists what is");
            return null;
        }

        draft.Entry = entry;
        if (entry.Source is null)
        {
            draft.Wrong(Path, $"{entry.Id} can't be deployed: {entry.NotDeployableBecause ?? "the entry names no source"}");
            return null;
        }

        if (draft.Traits is not null && entry.SupportedBackends.Count > 0 && !entry.SupportedBackends.Contains(draft.Backend, StringComparer.Ordinal))
        {
            draft.Wrong("backend", $"the catalog entry {entry.Id} supports {string.Join(", ", entry.SupportedBackends)}, not {draft.Backend}");
        }

        return entry.Source;
    }

    private static void OnBackend(AdmissionDraft draft, string? type, string path)
    {
        var unsupported = (type, draft.Traits) switch
        {
            ("compose", { SupportsCompose: false }) => true,
            ("github", { SupportsGithubBuild: false }) => true,
            _ => false,
        };
        if (unsupported)
        {
            var able = draft.Context.Backends
                .Where(b => type == "compose" ? b.Value.SupportsCompose : b.Value.SupportsGithubBuild)
                .Select(b => b.Key)
                .Order(StringComparer.Ordinal)
                .ToList();
            draft.Wrong(path == "source" ? "source.type" : path, $"a {type} source can't run on the backend {draft.Backend}" + (able.Count == 0 ? "" : $": choose {string.Join(" or ", able)}"));
        }
    }
}
