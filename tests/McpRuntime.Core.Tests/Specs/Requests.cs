using McpRuntime.Core.Approvals;
using McpRuntime.Core.Catalog;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Core.Tests.Specs;

/// <summary>A request that passes, and an installation to judge it: tests change one thing.</summary>
internal static class Requests
{
    public static readonly DeployRequest Good = new() { Name = "weather", Source = new SourceRequest { Type = "docker", Image = "ghcr.io/acme/weather:1" } };

    public static readonly Caller Operator = new("alice", Roles.Operator, ["blue"], "rest");

    public static readonly Caller Admin = Operator with { Subject = "root", Roles = Roles.Admin };

    public static readonly ApprovalPolicy Policy = new(["github"], ["docker.io/library", "docker.io/mcp", "ghcr.io/acme"], ["unrestricted"], [], TimeSpan.FromHours(48));

    public static AdmissionContext Context(Caller? caller = null, ApprovalPolicy? approvals = null, GuardrailsMode mode = GuardrailsMode.Warn, params IReadOnlyList<ControlReport> report) => new()
    {
        Caller = caller ?? Operator,
        DefaultBackend = "docker",
        Backends = new Dictionary<string, BackendTraits>(StringComparer.Ordinal)
        {
            ["docker"] = new(true, "RUNTIME_DOCKER_ENABLED", SupportsCompose: true, SupportsGithubBuild: true, (_, _) => report),
            ["ibm_code_engine"] = new(true, "RUNTIME_IBM_CODE_ENGINE_ENABLED", SupportsCompose: false, SupportsGithubBuild: true, (_, _) => report),
            ["kubernetes"] = new(false, "RUNTIME_KUBERNETES_ENABLED", SupportsCompose: false, SupportsGithubBuild: false, (_, _) => report),
        },
        FindCatalogEntry = _ => null,
        FindProfile = BuiltInProfiles.Find,
        AllowedRegistries = ["docker.io", "ghcr.io"],
        DefaultMode = mode,
        Approvals = approvals,
    };

    public static AdmissionContext With(this AdmissionContext context, params CatalogEntry[] entries) =>
        context with { FindCatalogEntry = id => entries.FirstOrDefault(e => e.Id == id), Catalog = entries };

    public static AdmissionContext With(this AdmissionContext context, params GuardrailProfile[] profiles) =>
        context with { FindProfile = name => BuiltInProfiles.Find(name) ?? profiles.FirstOrDefault(p => p.Name == name) };

    public static CatalogEntry Entry(string id = "acme/weather", string origin = CatalogEntry.LocalOrigin) => new()
    {
        Id = id,
        Name = "Weather",
        Source = new SourceRequest { Type = "docker", Image = "ghcr.io/acme/weather:1" },
        Origin = origin,
    };

    public static DeployRequest FromCatalog(string id = "acme/weather") => new() { Name = "weather", CatalogServerId = id };

    public static Dictionary<string, SecretText> Environment(params (string Name, string Value)[] variables) =>
        variables.ToDictionary(v => v.Name, v => new SecretText(v.Value), StringComparer.Ordinal);

    public static Admitted Admitted(this AdmissionResult result)
    {
        result.Errors.Should().BeEmpty();
        return result.Admitted!;
    }

    public static string[] Paths(this AdmissionResult result)
    {
        result.Admitted.Should().BeNull();
        return [.. result.Errors.Select(e => e.Path).Distinct()];
    }
}
