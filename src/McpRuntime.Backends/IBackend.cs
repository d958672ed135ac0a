using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Backends;

/// <summary>One folder, one of these: nothing else changes when a backend is added.</summary>
public interface IBackend : IResourceProvider
{
    /// <summary>The documented word: <c>docker</c>, <c>ibm_code_engine</c>, <c>kubernetes</c>.</summary>
    string Name { get; }

    BackendCapabilities Capabilities { get; }

    /// <summary>Pure. See <see cref="Compiled"/>.</summary>
    Compiled Compile(CompileInput input);

    /// <summary>Pure: what this backend would hold of these guardrails, before anything runs. Exhaustive over <see cref="Control"/>.</summary>
    IReadOnlyList<ControlReport> Report(GuardrailsConfig guardrails, Source? source);

    /// <summary>Reads the pin and, where it can, the image's facts. Pulls nothing, runs nothing.</summary>
    Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct);

    /// <summary>The same, for a backend whose pin comes out of something it keeps for this very runtime: a build.</summary>
    Task<Resolution> ResolveAsync(RuntimeIdentity id, Revision revision, CancellationToken ct) => ResolveAsync(revision, ct);

    /// <summary>Lines in the order the server wrote them, oldest first; ends when the log does, or never while following.</summary>
    IAsyncEnumerable<LogLine> LogsAsync(RuntimeIdentity id, LogQuery query, CancellationToken ct);

    /// <summary>Live: reachable, version, the backend's own identity.</summary>
    Task<BackendHealth> CheckAsync(CancellationToken ct);

    /// <summary>Record ids that something happened to. Only "look again": losing one costs at most a resync. Ends never; faults are retried inside.</summary>
    IAsyncEnumerable<string> HintsAsync(CancellationToken ct);

    /// <summary>Volumes of ours, with or without a record.</summary>
    Task<IReadOnlyList<OwnedVolume>> ListVolumesAsync(CancellationToken ct);

    Task<Outcome> RemoveVolumeAsync(string volumeId, CancellationToken ct);
}

/// <summary>What <c>GET /runtimes/backends</c> says of a backend.</summary>
public sealed record BackendCapabilities(
    bool SupportsCompose,
    bool SupportsGithubBuild,
    bool SupportsAllowedHosts,
    bool SupportsReadonlyFs,
    bool SupportsCustomCapabilities,
    bool SupportsPidsLimit,
    bool SupportsNetworkEgressToggle,
    double? MaxCpu,
    double? MaxMemoryGb,
    int? MaxTimeoutSeconds,
    IReadOnlyList<string> Notes);

/// <param name="Identity">Engine id, cluster uid, project id; another one behind the same address is Unknown, not empty.</param>
public sealed record BackendHealth(bool Reachable, string? Version, string? Identity, string Message, DateTimeOffset CheckedAt);

public abstract record Resolution
{
    private Resolution()
    {
    }

    public abstract T Match<T>(Func<Resolved, T> resolved, Func<Faulted, T> faulted);

    public sealed record Resolved(ResolvedFacts Facts) : Resolution
    {
        public override T Match<T>(Func<Resolved, T> resolved, Func<Faulted, T> faulted) => resolved(this);
    }

    public sealed record Faulted(Fault Fault) : Resolution
    {
        public override T Match<T>(Func<Resolved, T> resolved, Func<Faulted, T> faulted) => faulted(this);
    }
}

public enum LogStream
{
    Stdout,
    Stderr,
    Build,
}

/// <param name="At">The backend's own time of the line.</param>
public sealed record LogLine(DateTimeOffset At, LogStream Stream, string? Service, string Text);

/// <param name="Tail">Lines from the end, 1..5000.</param>
public sealed record LogQuery(int Tail, DateTimeOffset? Since, DateTimeOffset? Until, LogStream? Stream, string? Service, bool Follow);

public sealed record OwnedVolume(string Id, string RecordId, string Path, long? SizeBytes, DateTimeOffset? CreatedAt);
