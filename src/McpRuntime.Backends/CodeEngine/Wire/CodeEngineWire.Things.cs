using System.Net;
using System.Text.Json.Nodes;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine.Wire;

internal sealed partial class CodeEngineWire
{
    public async Task<Project> ProjectAsync(CancellationToken ct) =>
        await GetAsync("", CodeEngineJson.Default.Project, ct)
        ?? throw new BackendFault(new Fault(
            FaultKind.Unauthorized, "ProjectNotFound", $"There is no project {_options.ProjectId} in {_options.Region}, or the key's owner may not see it. Check RUNTIME_IBM_CODE_ENGINE_PROJECT_ID and _REGION."));

    public Task<IReadOnlyList<Destination>> OutboundAsync(CancellationToken ct) => ListAsync("/allowed_outbound_destinations", p => p.AllowedOutboundDestinations, d => d.Name ?? "", ct);

    public Task<IReadOnlyList<App>> AppsAsync(CancellationToken ct) => ListAsync("/apps", p => p.Apps, a => a.Name, ct);

    public Task<App?> AppAsync(string name, CancellationToken ct) => GetAsync($"/apps/{Escaped(name)}", CodeEngineJson.Default.App, ct);

    /// <summary>None, too, of an app that went since it was seen.</summary>
    public Task<IReadOnlyList<AppRevision>> RevisionsAsync(string app, CancellationToken ct) => ListAsync($"/apps/{Escaped(app)}/revisions", p => p.Revisions, r => r.Name, ct, HttpStatusCode.NotFound);

    /// <summary>None, too, of an app that went since it was seen.</summary>
    public Task<IReadOnlyList<AppInstance>> InstancesAsync(string app, CancellationToken ct) => ListAsync($"/apps/{Escaped(app)}/instances", p => p.Instances, i => i.Name, ct, HttpStatusCode.NotFound);

    public Task<Written> CreateAppAsync(AppCreate app, CancellationToken ct) => WriteAsync(HttpMethod.Post, "/apps", HttpBody.Of(app, CodeEngineJson.Default.AppCreate), ct);

    /// <param name="patch">RFC 7396: null removes, arrays replace.</param>
    /// <param name="tag">What was read: a change of somebody else's in between must not be lost.</param>
    public Task<Written> PatchAppAsync(string name, JsonObject patch, string tag, CancellationToken ct) => WriteAsync(HttpMethod.Patch, $"/apps/{Escaped(name)}", HttpBody.Patch(patch, tag), ct);

    public Task<Written> DeleteAppAsync(string name, CancellationToken ct) => WriteAsync(HttpMethod.Delete, $"/apps/{Escaped(name)}", body: null, ct);

    public Task DeleteRevisionAsync(string app, string revision, CancellationToken ct) => WriteAsync(HttpMethod.Delete, $"/apps/{Escaped(app)}/revisions/{Escaped(revision)}", body: null, ct);

    public Task<IReadOnlyList<Secret>> SecretsAsync(CancellationToken ct) => ListAsync("/secrets?format=generic", p => p.Secrets, s => s.Name, ct);

    /// <summary>Of every format: what counts against the project's quota.</summary>
    public async Task<int> CountSecretsAsync(CancellationToken ct) => (await ListAsync("/secrets", p => p.Secrets, s => s.Name, ct)).Count;

    public Task<Secret?> SecretAsync(string name, CancellationToken ct) => GetAsync($"/secrets/{Escaped(name)}", CodeEngineJson.Default.Secret, ct);

    public Task<Written> CreateSecretAsync(string name, IReadOnlyDictionary<string, string> data, CancellationToken ct) =>
        WriteAsync(HttpMethod.Post, "/secrets", HttpBody.Of(new SecretWrite(name, "generic", data), CodeEngineJson.Default.SecretWrite), ct);

    public Task<Written> ReplaceSecretAsync(string name, IReadOnlyDictionary<string, string> data, string tag, CancellationToken ct) =>
        WriteAsync(HttpMethod.Put, $"/secrets/{Escaped(name)}", HttpBody.Of(new SecretWrite(null, "generic", data), CodeEngineJson.Default.SecretWrite, tag), ct);

    public Task<Written> DeleteSecretAsync(string name, CancellationToken ct) => WriteAsync(HttpMethod.Delete, $"/secrets/{Escaped(name)}", body: null, ct);

    public Task<IReadOnlyList<BuildSettings>> BuildsAsync(CancellationToken ct) => ListAsync("/builds", p => p.Builds, b => b.Name, ct);

    public Task<BuildSettings?> BuildAsync(string name, CancellationToken ct) => GetAsync($"/builds/{Escaped(name)}", CodeEngineJson.Default.BuildSettings, ct);

    public Task<Written> CreateBuildAsync(BuildSettings build, CancellationToken ct) => WriteAsync(HttpMethod.Post, "/builds", HttpBody.Of(build, CodeEngineJson.Default.BuildSettings), ct);

    public Task<Written> DeleteBuildAsync(string name, CancellationToken ct) => WriteAsync(HttpMethod.Delete, $"/builds/{Escaped(name)}", body: null, ct);

    public Task<IReadOnlyList<BuildRun>> RunsAsync(string? build, CancellationToken ct) =>
        ListAsync(build is null ? "/build_runs" : $"/build_runs?build_name={Escaped(build)}", p => p.BuildRuns, r => r.Name, ct);

    public Task<Written> CreateRunAsync(BuildRun run, CancellationToken ct) => WriteAsync(HttpMethod.Post, "/build_runs", HttpBody.Of(run, CodeEngineJson.Default.BuildRun), ct);

    public Task<Written> DeleteRunAsync(string name, CancellationToken ct) => WriteAsync(HttpMethod.Delete, $"/build_runs/{Escaped(name)}", body: null, ct);

    private async Task<Written> WriteAsync(HttpMethod method, string path, HttpBody? body, CancellationToken ct)
    {
        // A new thing's path is its collection's: 404 there means that the project is gone, and is a fault.
        HttpStatusCode[] answers = method == HttpMethod.Post
            ? [HttpStatusCode.Conflict]
            : [HttpStatusCode.Conflict, HttpStatusCode.PreconditionFailed, HttpStatusCode.NotFound];
        var reply = await CallAsync(method, path, body, ct, answers);
        return reply.Status switch
        {
            HttpStatusCode.NotFound => Written.Absent,
            HttpStatusCode.Conflict or HttpStatusCode.PreconditionFailed => Written.Conflict,
            _ => Written.Done,
        };
    }
}
