using System.Globalization;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>Everything of ours in the project, found by its marks. Reads only.</summary>
internal sealed class CodeEngineObserver(Diagnoses diagnoses, ProjectIdentity identity, ProjectSnapshots snapshots, CodeEngineInstallation installation, CodeEngineOptions options)
{
    public async Task<IReadOnlyList<SeenResource>> OneAsync(RuntimeIdentity id, CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        var seen = await SeeAsync(await snapshots.ReadAsync(ct), marks => CodeEngineNames.IsOurs(id, marks), ct);
        return seen.GetValueOrDefault(id.RecordId) ?? [];
    }

    public async Task<IReadOnlyDictionary<string, IReadOnlyList<SeenResource>>> AllAsync(CancellationToken ct)
    {
        _ = await identity.VerifyAsync(ct);
        var instance = await installation.InstanceId(ct);
        var project = await snapshots.ReadAsync(ct);
        diagnoses.KeepOnly(project.Apps);
        var seen = await SeeAsync(project, marks => marks.Instance == instance, ct);
        return seen.ToDictionary(s => s.Key, IReadOnlyList<SeenResource> (s) => s.Value, StringComparer.Ordinal);
    }

    private async Task<Dictionary<string, List<SeenResource>>> SeeAsync(ProjectSnapshot project, Func<(string? Instance, string? Record), bool> isOurs, CancellationToken ct)
    {
        var seen = new Dictionary<string, List<SeenResource>>(StringComparer.Ordinal);
        void Add((string? Instance, string? Record) marks, SeenResource resource) => (seen.TryGetValue(marks.Record!, out var list) ? list : seen[marks.Record!] = []).Add(resource);
        foreach (var app in project.Apps.Where(a => isOurs(a.Marks) && a.Marks.Record is not null))
        {
            Add(app.Marks, await AppAsync(app, ct));
        }

        foreach (var secret in project.Secrets.Where(s => isOurs(s.Marks) && s.Marks.Record is not null))
        {
            Add(secret.Marks, new SeenResource { Id = secret.Name, Kind = ResourceKind.Secret, Fingerprint = SecretBody.Fingerprint(secret.Data!, installation.Hash) });
        }

        foreach (var build in project.Builds.Where(b => isOurs(b.Marks) && b.Marks.Record is not null))
        {
            Add(build.Marks, Build(build, project.Runs.Where(r => r.BuildName == build.Name)));
        }

        // A run whose build is gone already: removed under the build's name.
        var builds = project.Builds.Select(b => b.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var run in project.Runs.Where(r => isOurs(r.Marks) && r.Marks.Record is not null && r.BuildName is { } build && !builds.Contains(build)).DistinctBy(r => r.BuildName))
        {
            Add(run.Marks, new SeenResource { Id = run.BuildName!, Kind = ResourceKind.Build, Fingerprint = "", Health = Health.Failed, Message = "A run without its build." });
        }

        return seen;
    }

    private async Task<SeenResource> AppAsync(App live, CancellationToken ct)
    {
        var shape = AppShape.Of(live, AppHealth.IsCurrent(live));
        var differing = shape.DifferingFrom(live.Literal(CodeEngineNames.Shape), installation.Hash);
        var health = AppHealth.Of(live);
        var (revision, instance) = await diagnoses.OfAsync(live, health, ct);
        return new SeenResource
        {
            Id = live.Name,
            Kind = ResourceKind.Container,
            Fingerprint = shape.Fingerprint(installation.Hash),
            Health = health,
            Instance = health is Health.Serving ? AppHealth.Incarnation(live) : "",
            Message = Words(live, health, revision),
            ExitCode = health is Health.Failed ? instance?.ExitCode ?? PlatformReasons.ExitCode(revision?.StatusDetails?.Reason) : null,
            StartedAt = DateTimeOffset.TryParse(live.CreatedAt, CultureInfo.InvariantCulture, DateTimeStyles.None, out var created) ? created : null,
            Address = health is Health.Serving ? Address(live) : null,
            Controls = CodeEngineControls.ReadBack(live),
            DifferingField = differing.Count > 0 ? string.Join(", ", differing) : null,
        };
    }

    private static string? Words(App live, Health health, AppRevision? revision) => health switch
    {
        Health.Starting when AppHealth.IsParked(live) =>
            $"It is asked to stop, but {live.StatusDetails?.LatestReadyRevision} still serves; {live.StatusDetails?.LatestCreatedRevision} {(AppHealth.IsCurrent(live) ? "is being deployed." : "did not get ready.")}",
        Health.Stopped => "No instance is kept, and nothing outside the project reaches it.",
        Health.Serving when AppHealth.IsCurrent(live) => AppHealth.IsServedByOlder(live) ? $"{live.StatusDetails?.LatestReadyRevision} serves; {live.StatusDetails?.LatestCreatedRevision} is being deployed." : null,
        Health.Serving => $"{live.StatusDetails?.LatestReadyRevision} serves; {live.StatusDetails?.LatestCreatedRevision} did not get ready: {PlatformReasons.OfApp(revision?.StatusDetails?.Reason).Message}",
        _ => PlatformReasons.OfApp(revision?.StatusDetails?.Reason ?? live.StatusDetails?.Reason ?? live.Status).Message,
    };

    /// <summary>The public endpoint, or the project's own name for it when the service runs inside.</summary>
    private UpstreamAddress? Address(App live)
    {
        var text = options.Visibility == AppVisibility.Local ? live.EndpointInternal : live.Endpoint;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var endpoint))
        {
            return null;
        }

        // In clear only where the API itself is spoken to in clear (a double), or inside the project, whose mesh encrypts.
        var allowed = endpoint.Scheme == Uri.UriSchemeHttps || (endpoint.Scheme == Uri.UriSchemeHttp && (options.Visibility == AppVisibility.Local || options.ApiBase.Scheme == Uri.UriSchemeHttp));
        return allowed ? new UpstreamAddress(endpoint.Host, endpoint.Port, Scheme: endpoint.Scheme) : null;
    }

    private static SeenResource Build(BuildSettings build, IEnumerable<BuildRun> runs)
    {
        var run = runs.OrderByDescending(r => r.Status == "succeeded").ThenByDescending(r => r.Name, StringComparer.Ordinal).FirstOrDefault();
        var (health, message) = (build.Status, run?.Status) switch
        {
            ("failed", _) => (Health.Failed, PlatformReasons.OfBuild(build.StatusDetails?.Reason).Message),
            (_, null) => (Health.Stopped, "It is not being built: its run was not started, or is long over."),
            (_, "succeeded") => (Health.Completed, "It is built."),
            (_, "failed") => (Health.Failed, PlatformReasons.OfBuild(run!.StatusDetails?.Reason).Message),
            _ => (Health.Starting, $"building: {run!.StatusDetails?.Reason ?? run.Status}"),
        };
        return new SeenResource { Id = build.Name, Kind = ResourceKind.Build, Fingerprint = BuildBody.Fingerprint(build), Health = health, Message = message, Instance = run?.Name ?? "" };
    }
}

/// <summary>The platform's words on an app, as one of ours. Words it may add later count as "on its way".</summary>
internal static class AppHealth
{
    public static Health Of(App live) => live.Status switch
    {
        // Stopped once the stopped revision is the one that is there: until then the calls go to the one before it.
        "deploying" or "warning" when IsParked(live) && IsServedByOlder(live) => Health.Starting,
        _ when IsParked(live) => Health.Stopped,

        // With or without instances: one that was scaled to none is started by the next call.
        "ready" => Health.Serving,
        "warning" when live.StatusDetails?.LatestReadyRevision is { Length: > 0 } => Health.Serving,

        // A new revision is on its way; until it is ready the calls go to the one before it.
        "deploying" when IsServedByOlder(live) => Health.Serving,
        "failed" or "warning" => Health.Failed,
        _ => Health.Starting,
    };

    /// <summary>Set up as stopped.</summary>
    public static bool IsParked(App live) => live.Literal(CodeEngineNames.Parked) is not null;

    /// <summary>False: the newest revision did not get ready, and the one before it, perhaps of another shape, still serves.</summary>
    public static bool IsCurrent(App live) => live.Status != "warning";

    /// <summary>What serves is not the newest: that is on its way, or did not get ready.</summary>
    public static bool IsServedByOlder(App live) => live.StatusDetails is { LatestReadyRevision: { Length: > 0 } ready, LatestCreatedRevision: { Length: > 0 } newest } && ready != newest;

    /// <summary>Changes with every revision that gets ready. Instances come and go under it; the platform tells of no starts.</summary>
    public static string Incarnation(App live) => $"{live.Id ?? live.Name}@{live.StatusDetails?.LatestReadyRevision ?? live.StatusDetails?.LatestCreatedRevision}";

    public static ContainerWord? End(ContainerStatus? container) =>
        container?.CurrentState is { ExitCode: not null } now ? now : container?.LastObservedState is { ExitCode: not null } before ? before : null;
}
