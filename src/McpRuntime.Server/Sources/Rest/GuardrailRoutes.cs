using McpRuntime.Backends;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>GET /runtimes/guardrails…: the profiles, and what each backend would hold of one.</summary>
internal static class GuardrailRoutes
{
    private static readonly QueryParameter<string?> Backend = Query.Choice("backend", SettingsParser.BackendNames, "The backend to judge; default RUNTIME_DEFAULT_BACKEND.");

    public static void MapGuardrails(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/guardrails", (IProfiles profiles) => Results.Json(profiles.List(), RestJson.Options))
            .Needs(Roles.Viewer).WithSummary("Lists guardrail profiles, built-ins first").Produces<IReadOnlyList<GuardrailProfile>>();
        routes.MapGet("/guardrails/{name}", (string name, IProfiles profiles) => Results.Json(Find(profiles, name), RestJson.Options))
            .Needs(Roles.Viewer).WithSummary("Shows a guardrail profile").Produces<GuardrailProfile>();
        routes.MapGet("/guardrails/{name}/compatibility", Compatibility)
            .Needs(Roles.Viewer).Takes(Backend).WithSummary("What a backend would hold of it").Produces<CompatibilityJson>();
    }

    private static IResult Compatibility(HttpContext http, string name, IProfiles profiles, IReadOnlyDictionary<string, IBackend> backends, RuntimeSettings settings)
    {
        var profile = Find(profiles, name);
        var asked = http.Asked(Backend) ?? settings.DefaultBackend;
        if (!backends.TryGetValue(asked, out var backend))
        {
            throw new Refusal(RefusalKind.Invalid, "The backend is not enabled", $"{asked} is not enabled here.", [new ValidationError("backend", $"is not enabled; enabled are {string.Join(", ", backends.Keys)}")]);
        }

        var report = backend.Report(profile.Config, null);
        return Results.Json(new CompatibilityJson(profile.Name, asked, GuardrailWarnings.IsCompatible(report), GuardrailWarnings.Of(report, asked), report), RestJson.Options);
    }

    private static GuardrailProfile Find(IProfiles profiles, string name) => profiles.Find(name) ?? throw RouteKey.NotFound("guardrail profile", name);
}

internal sealed record CompatibilityJson(
    string Profile,
    string Backend,
    bool Compatible,
    IReadOnlyList<GuardrailWarning> Warnings,
    IReadOnlyList<ControlReport> Report);
