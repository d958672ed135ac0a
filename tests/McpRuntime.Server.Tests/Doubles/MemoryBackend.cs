using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Held = McpRuntime.Core.Guardrails.Control;
using McpRuntime.Backends;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Server.Tests.Doubles;

/// <summary>A double: a backend that keeps what it is given in memory, and whose logs, volumes and faults a test writes itself.</summary>
internal sealed class MemoryBackend : IBackend
{
    private readonly ConcurrentDictionary<(string Record, string Id), SeenResource> _resources = new();

    public string Name => "docker";

    public BackendCapabilities Capabilities { get; } = new(true, true, false, true, true, true, true, null, null, null, ["in memory"]);

    public List<LogLine> Written { get; } = [];

    /// <summary>What is written while a log is followed.</summary>
    public Channel<LogLine> Following { get; } = Channel.CreateUnbounded<LogLine>();

    public ConcurrentDictionary<string, OwnedVolume> Volumes { get; } = new(StringComparer.Ordinal);

    /// <summary>Set: nothing answers.</summary>
    public Fault? Away { get; set; }

    /// <summary>Set: what a check ends with.</summary>
    public Exception? Breaks { get; set; }

    /// <summary>Set: nothing answers, ever.</summary>
    public bool Hangs { get; set; }

    public Compiled Compile(CompileInput input)
    {
        var id = $"mcp-{input.Identity.Short}-{input.Revision.Generation}-{input.RestartToken}";
        var container = new Resource(id, ResourceKind.Container, "fingerprint", [], input.Revision.Generation, new Body());
        return new Compiled([container], [], [], true, Rollout.BlueGreen, new Endpoint(id, 8080, "/mcp", null), Report(input.Revision.Guardrails.Config, input.Revision.Spec.Source), []);
    }

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig guardrails, Source? source) =>
        [.. Enum.GetValues<Held>().Select(control => control is Held.Pids && guardrails.Resources.MaxPids is not null
            ? new ControlReport(control, ControlOutcome.Weakened, null, "memory has no processes")
            : new ControlReport(control, ControlOutcome.Enforced, "memory"))];

    public Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct) =>
        Task.FromResult<Resolution>(Away is { } fault
            ? new Resolution.Faulted(fault)
            : new Resolution.Resolved(new ResolvedFacts("sha256:" + new string('a', 64), false, null, new ImageFacts("sha256:a", "1000", [8080], [], [], [], "amd64"))));

    public async IAsyncEnumerable<LogLine> LogsAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.Yield();
        Answer();
        foreach (var line in Written.Where(line => query.Stream is null || line.Stream == query.Stream).TakeLast(query.Tail))
        {
            yield return line;
        }

        if (query.Follow)
        {
            await foreach (var line in Following.Reader.ReadAllAsync(ct))
            {
                yield return line;
            }
        }
    }

    public async Task<BackendHealth> CheckAsync(CancellationToken ct)
    {
        if (Hangs)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        }

        if (Breaks is { } broken)
        {
            throw broken;
        }

        return Away is { } fault
            ? new BackendHealth(false, null, null, fault.Message, DateTimeOffset.UnixEpoch)
            : new BackendHealth(true, "1.0", "memory", "reachable", DateTimeOffset.UnixEpoch);
    }

    public async IAsyncEnumerable<string> HintsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
        yield break;
    }

    public Task<IReadOnlyList<OwnedVolume>> ListVolumesAsync(CancellationToken ct)
    {
        Answer();
        return Task.FromResult<IReadOnlyList<OwnedVolume>>([.. Volumes.Values]);
    }

    public Task<Outcome> RemoveVolumeAsync(string volumeId, CancellationToken ct)
    {
        Volumes.TryRemove(volumeId, out _);
        return Task.FromResult<Outcome>(new Outcome.Done());
    }

    public Task<ProviderView> ObserveAsync(RuntimeIdentity id, CancellationToken ct) =>
        Task.FromResult<ProviderView>(Away is { } fault
            ? new ProviderView.Unknown(fault)
            : new ProviderView.Known([.. _resources.Where(pair => pair.Key.Record == id.RecordId).Select(pair => pair.Value)]));

    public Task<OwnedView> ObserveAllAsync(CancellationToken ct) =>
        Task.FromResult<OwnedView>(Away is { } fault
            ? new OwnedView.Unknown(fault)
            : new OwnedView.Known(_resources.GroupBy(pair => pair.Key.Record, StringComparer.Ordinal)
                .ToDictionary(group => group.Key, IReadOnlyList<SeenResource> (group) => [.. group.Select(pair => pair.Value)], StringComparer.Ordinal)));

    public Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, CancellationToken ct)
    {
        _resources[(id.RecordId, resource.Id)] = new SeenResource { Id = resource.Id, Kind = resource.Kind, Fingerprint = resource.Fingerprint, Instance = resource.Id };
        return Task.FromResult<Outcome>(new Outcome.Done());
    }

    public Task<Outcome> RemoveAsync(RuntimeIdentity id, string resourceId, ResourceKind kind, CancellationToken ct)
    {
        _resources.TryRemove((id.RecordId, resourceId), out _);
        return Task.FromResult<Outcome>(new Outcome.Done());
    }

    private void Answer()
    {
        if (Away is { } fault)
        {
            throw new BackendFault(fault);
        }
    }

    private sealed record Body : ResourceBody;
}
