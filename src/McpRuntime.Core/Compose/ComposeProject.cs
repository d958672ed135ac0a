using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Compose;

/// <summary>A file under guardrails: which service speaks MCP, and what each may use.</summary>
/// <param name="Services">In an order in which each comes after what it depends on.</param>
/// <param name="Guardrails">The runtime's, with each service's share of the resources, by name.</param>
public sealed record ComposeProject(ComposeFile File, ComposeService Main, IReadOnlyList<ComposeService> Services, IReadOnlyDictionary<string, GuardrailsConfig> Guardrails)
{
    /// <summary>The service that speaks MCP: the one named; else the only one; else the only one with <c>ports</c>.</summary>
    /// <param name="named">Empty: not named.</param>
    public static ComposeService? MainOf(ComposeFile file, string named, out string? error)
    {
        error = null;
        if (named.Length > 0)
        {
            error = file.Find(named) is null ? $"there is no service {Quoted.Of(named)} in the file: {Names(file.Services)}" : null;
            return file.Find(named);
        }

        if (file.Services is [var only])
        {
            return only;
        }

        var published = file.Services.Where(s => s.IsPublished).ToList();
        error = published is [_] ? null : $"say which service speaks MCP, since {(published.Count == 0 ? "none" : "more than one")} has ports: {Names(file.Services)}";
        return published is [var main] ? main : null;
    }

    /// <summary>Null exactly when errors were added.</summary>
    /// <param name="name">The file's name, for errors.</param>
    /// <param name="allowedRegistries">Null: images have been judged.</param>
    public static ComposeProject? Under(
        ComposeFile file, ComposeService main, GuardrailsConfig guardrails, string name, IReadOnlyList<string>? allowedRegistries, ICollection<ComposeError> errors)
    {
        var before = errors.Count;
        foreach (var service in file.Services)
        {
            ServiceJudge.Judge(service, guardrails, name, allowedRegistries, errors);
        }

        var shares = ResourceShares.Of(file.Services, guardrails.Resources, name, errors);
        return errors.Count > before
            ? null
            : new ComposeProject(file, main, Ordered(file), file.Services.ToDictionary(s => s.Name, s => Own(s, guardrails, shares[s.Name]), StringComparer.Ordinal));
    }

    private static GuardrailsConfig Own(ComposeService service, GuardrailsConfig guardrails, ResourceGuardrails share)
    {
        var dropAll = guardrails.Capabilities.DropAll || service.CapDrop.Contains(LinuxCapabilities.All, StringComparer.Ordinal);
        var kept = service.CapDrop.Contains(LinuxCapabilities.All, StringComparer.Ordinal)
            ? []
            : guardrails.Capabilities.Add.Where(c => !service.CapDrop.Contains(LinuxCapabilities.Normalise(c), StringComparer.Ordinal));
        return guardrails with
        {
            Resources = share,
            Filesystem = guardrails.Filesystem with { ReadOnlyRoot = guardrails.Filesystem.ReadOnlyRoot || service.ReadOnly is true },
            Capabilities = new CapabilityGuardrails(dropAll, [.. kept.Union(service.CapAdd, StringComparer.Ordinal)]),
        };
    }

    /// <summary>Dependencies first, else as in the file. There are no circles (the parser's word).</summary>
    private static List<ComposeService> Ordered(ComposeFile file)
    {
        List<ComposeService> ordered = [];
        void Add(ComposeService service)
        {
            foreach (var dependency in service.DependsOn)
            {
                Add(file.Find(dependency.Service)!);
            }

            if (!ordered.Contains(service))
            {
                ordered.Add(service);
            }
        }

        foreach (var service in file.Services)
        {
            Add(service);
        }

        return ordered;
    }

    private static string Names(IEnumerable<ComposeService> services) => string.Join(", ", services.Select(s => s.Name));
}
