using McpRuntime.Backends;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Access;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.Rest;

/// <summary>/runtimes/guardrails…: the profiles, their versions, and what each backend would hold of one.</summary>
internal static class GuardrailRoutes
{
    private static readonly QueryParameter<string?> Backend = Query.Choice("backend", SettingsParser.BackendNames, "The backend to judge; default RUNTIME_DEFAULT_BACKEND.");

    public static void MapGuardrails(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/guardrails", ListAsync)
            .Needs(Roles.Viewer).WithSummary("Lists guardrail profiles, built-ins first").Produces<IReadOnlyList<GuardrailProfile>>();
        routes.MapGet("/guardrails/{name}", async (string name, ProfileStore profiles, CancellationToken ct) => Results.Json(await FindAsync(profiles, name, ct), RestJson.Options))
            .Needs(Roles.Viewer).WithSummary("Shows a guardrail profile").Produces<GuardrailProfile>();
        routes.MapGet("/guardrails/{name}/versions", VersionsAsync)
            .Needs(Roles.Viewer).WithSummary("Every version of a guardrail profile, newest first").Produces<IReadOnlyList<ProfileVersion>>();
        routes.MapPost("/guardrails", CreateAsync)
            .Needs(Roles.Admin).WithSummary("Makes a guardrail profile").Accepts<ProfileRequest>("application/json").Produces<GuardrailProfile>(StatusCodes.Status201Created);
        routes.MapPut("/guardrails/{name}", ReplaceAsync)
            .Needs(Roles.Admin).WithSummary("Gives a guardrail profile a new version, which is rolled out to its users").Accepts<ProfileRequest>("application/json").Produces<GuardrailProfile>();
        routes.MapDelete("/guardrails/{name}", DeleteAsync)
            .Needs(Roles.Admin).WithSummary("Deletes a guardrail profile that nothing uses").Produces(StatusCodes.Status204NoContent);
        routes.MapGet("/guardrails/{name}/compatibility", Compatibility)
            .Needs(Roles.Viewer).Takes(Backend).WithSummary("What a backend would hold of it").Produces<CompatibilityJson>();
    }

    private static async Task<IResult> ListAsync(ProfileStore profiles, CancellationToken ct)
    {
        await profiles.RefreshAsync(ct);
        return Results.Json(profiles.List(), RestJson.Options);
    }

    private static async Task<IResult> VersionsAsync(string name, ProfileStore profiles, CancellationToken ct) =>
        await profiles.VersionsAsync(name, ct) is { Count: > 0 } versions ? Results.Json(versions, RestJson.Options) : throw RouteKey.NotFound("guardrail profile", name);

    private static async Task<IResult> CreateAsync(HttpContext http, ProfileStore profiles, CancellationToken ct)
    {
        var (name, content) = await RequestBody.ReadAsync(http.Request, Read, ct);
        var profile = await profiles.CreateAsync(http.Caller(), name, content, ct);
        http.Response.Headers.Location = $"/runtimes/guardrails/{profile.Name}";
        return Results.Json(profile, RestJson.Options, statusCode: StatusCodes.Status201Created);
    }

    private static async Task<IResult> ReplaceAsync(HttpContext http, string name, ProfileStore profiles, CancellationToken ct)
    {
        var (sent, content) = await RequestBody.ReadAsync(http.Request, Read, ct);
        return sent is null || sent == name
            ? Results.Json(await profiles.ReplaceAsync(http.Caller(), name, content, ct), RestJson.Options)
            : throw new Refusal(RefusalKind.Invalid, "A profile keeps its name", "Make one of the new name, and give its users that.", [new ValidationError("name", $"is not {name}, the name in the path")]);
    }

    private static async Task<IResult> DeleteAsync(HttpContext http, string name, ProfileStore profiles, CancellationToken ct)
    {
        await profiles.DeleteAsync(http.Caller(), name, ct);
        return Results.NoContent();
    }

    /// <summary>What a config leaves out is as in <c>standard</c>: forgetting a field never opens anything.</summary>
    private static (string? Name, ProfileContent Content) Read(JsonFields json) => (
        json.Text("name"),
        new ProfileContent(
            json.Text("description") ?? "",
            json.Texts("recommended_backends") ?? [],
            GuardrailsMerge.Merge(BuiltInProfiles.Standard.Config, json.Object("config", DeployRequestReader.Overrides))));

    private static async Task<IResult> Compatibility(HttpContext http, string name, ProfileStore profiles, IReadOnlyDictionary<string, IBackend> backends, RuntimeSettings settings, CancellationToken ct)
    {
        var profile = await FindAsync(profiles, name, ct);
        var asked = http.Asked(Backend) ?? settings.DefaultBackend;
        if (!backends.TryGetValue(asked, out var backend))
        {
            throw new Refusal(RefusalKind.Invalid, "The backend is not enabled", $"{asked} is not enabled here.", [new ValidationError("backend", $"is not enabled; enabled are {string.Join(", ", backends.Keys)}")]);
        }

        var report = backend.Report(profile.Config, null);
        return Results.Json(new CompatibilityJson(profile.Name, asked, GuardrailWarnings.IsCompatible(report), GuardrailWarnings.Of(report, asked), report), RestJson.Options);
    }

    private static async Task<GuardrailProfile> FindAsync(ProfileStore profiles, string name, CancellationToken ct)
    {
        await profiles.RefreshAsync(ct);
        return profiles.Find(name) ?? throw RouteKey.NotFound("guardrail profile", name);
    }
}

internal sealed record CompatibilityJson(
    string Profile,
    string Backend,
    bool Compatible,
    IReadOnlyList<GuardrailWarning> Warnings,
    IReadOnlyList<ControlReport> Report);

/// <param name="Config">What is left out is as in <c>standard</c>.</param>
internal sealed record ProfileRequest(string Name, string? Description, IReadOnlyList<string>? RecommendedBackends, GuardrailsOverrides? Config);
