using McpRuntime.Core.Compose;

namespace McpRuntime.Core.Specs.Rules;

/// <summary>
/// A compose file that came as text: read with the request's environment, each of its services held against the guardrails and the
/// registries. One from a repository is judged by the same code once it is there.
/// </summary>
internal sealed class ComposeRule : IAdmissionRule
{
    public void Apply(AdmissionDraft draft)
    {
        if (draft.Source is not Source.Compose { File: { } text } source)
        {
            return;
        }

        var path = draft.Entry is null ? "source.compose_file" : "catalog_server_id";
        var reading = ComposeParser.Parse(text, Variables(draft));
        Tell(draft, path, reading.Errors);
        Unused(draft, reading);
        Elsewhere(draft);
        if (reading.File is not { } file)
        {
            return;
        }

        if (ComposeProject.MainOf(file, source.MainService, out var unclear) is not { } main)
        {
            draft.Wrong("source.main_service", unclear!);
            return;
        }

        List<ComposeError> errors = [];
        if (draft.Guardrails is { } guardrails)
        {
            _ = ComposeProject.Under(file, main, guardrails.Config, ComposeNames.InlineFile, draft.Context.AllowedRegistries, errors);
        }

        Tell(draft, path, errors);
        draft.Images = [.. file.Services.Select(s => s.Image).OfType<ImageReference>()];
        draft.Source = source with { MainService = main.Name, Images = ImagesOf(file) };
    }

    private static SortedDictionary<string, ComposeVariable> Variables(AdmissionDraft draft)
    {
        var variables = new SortedDictionary<string, ComposeVariable>(StringComparer.Ordinal);
        foreach (var (name, value) in draft.Environment)
        {
            variables[name] = value.Match(literal => new ComposeVariable(literal.Value), reference => new ComposeVariable(new SecretText(reference.Uri), IsReference: true));
        }

        return variables;
    }

    private static SortedDictionary<string, string> ImagesOf(ComposeFile file)
    {
        var images = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var service in file.Services)
        {
            images[service.Name] = service.Image!.ToString();
        }

        return images;
    }

    /// <summary>A variable that nothing refers to would look as if it were obeyed.</summary>
    private static void Unused(AdmissionDraft draft, ComposeReading reading)
    {
        foreach (var name in (draft.Request.Environment?.Keys ?? []).Where(n => draft.Environment.ContainsKey(n) && !reading.Used.Contains(n)))
        {
            draft.Wrong($"environment.{name}", $"is used nowhere in the compose file: write ${{{name}}} where it belongs, or {name} under a service's environment");
        }
    }

    /// <summary>What the file says itself can't be said beside it.</summary>
    private static void Elsewhere(AdmissionDraft draft)
    {
        if (draft.Request.Volumes is { Count: > 0 })
        {
            draft.Wrong("volumes", "belong to a service: write them into the compose file");
        }

        if (draft.Transport is GatewayTransport.Stdio)
        {
            draft.Wrong("gateway_transport", "STDIO is for a single image: the main service of a compose file speaks HTTP (STREAMABLEHTTP or SSE)");
        }
    }

    private static void Tell(AdmissionDraft draft, string path, IEnumerable<ComposeError> errors)
    {
        foreach (var error in errors)
        {
            draft.Wrong(path, error.Message);
        }
    }
}
