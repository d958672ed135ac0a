using System.Runtime.CompilerServices;
using System.Threading.Channels;
using McpRuntime.Backends;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using Fault = McpRuntime.Core.Planning.Fault;

namespace McpRuntime.Faults.Tests.Simulated;

internal sealed record SimBody(IReadOnlyList<string> Uses) : ResourceBody
{
    /// <summary>Containers that must serve, or have ended, before this one is started.</summary>
    public IReadOnlyList<string> After { get; init; } = [];
}

/// <summary>
/// A double of an engine: images that take time to pull, networks that can't go while they are used, containers that take time to
/// start. It keeps state, checks its input, and notes what must never happen in <see cref="Violations"/>.
/// </summary>
internal sealed class SimBackend(SimProcess process, ManualTime time, string name = "sim") : SimProvider(process, time), IBackend
{
    public const string Broken = "broken";

    private int _starts;

    public static readonly TimeSpan Pull = TimeSpan.FromSeconds(3);
    public static readonly TimeSpan Boot = TimeSpan.FromSeconds(1);

    public string Name => name;

    public Channel<string> Hints { get; } = Channel.CreateUnbounded<string>();

    public int Defects { get; private set; }

    public List<string> Violations { get; } = [];

    /// <summary>Edits in place that do not last: whatever is put, the object keeps this fingerprint.</summary>
    public Dictionary<string, string> Stubborn { get; } = new(StringComparer.Ordinal);

    public BackendCapabilities Capabilities => new(false, false, false, true, true, true, true, null, null, null, []);

    public Compiled Compile(CompileInput input)
    {
        var revision = input.Revision;
        var image = ImageOf(revision.Spec.Source);
        if (image == "defect")
        {
            Defects++;
            throw new InvalidOperationException("simulated: a defect of the compiler");
        }

        if (image == "refused")
        {
            return new Compiled([], [], [], false, Rollout.BlueGreen, null, [], []) { Refused = new Fault(Core.Planning.FaultKind.Refused, "NotHere", "this backend can't run it") };
        }

        if (revision.Facts is null)
        {
            return new Compiled([], [], [], false, Rollout.BlueGreen, null, [], []);
        }

        Resource Make(string id, ResourceKind kind, string fingerprint, params string[] uses) => new(id, kind, fingerprint, uses, revision.Generation, new SimBody(uses));
        var pulled = Make($"image-{image}", ResourceKind.Image, image);
        if (revision.Facts.Image is null)
        {
            return new Compiled([pulled], [pulled], [], false, Rollout.BlueGreen, null, [], []);
        }

        var network = Make("net", ResourceKind.Network, "bridge");
        var volumes = revision.Spec.Volumes.Select(path => Make($"vol{path.Replace('/', '-')}", ResourceKind.Volume, path)).ToList();
        List<Resource> stay = [pulled, network, .. volumes];
        if (revision.Spec.Source is Source.Compose compose)
        {
            stay.Add(Make("vol-db", ResourceKind.Volume, "db"));
            var containers = SimCompose.Containers(input, compose.File!, stay);
            return new Compiled(
                [.. stay, .. containers], stay, [], true, Rollout.BlueGreen, new Core.Planning.Endpoint(containers.Single(c => c.Service == "web").Id, 8080, null, null), [], []);
        }

        var container = Make($"c-{image}-{input.RestartToken}", ResourceKind.Container, $"{image}#{input.RestartToken}", [.. stay.Select(r => r.Id)]);
        return new Compiled(
            [.. stay, container], stay, input.KeepVolumes ? volumes : [], true, volumes.Count > 0 ? Rollout.Recreate : Rollout.BlueGreen,
            new Core.Planning.Endpoint(container.Id, 8080, null, null), [], []);
    }

    public IReadOnlyList<ControlReport> Report(GuardrailsConfig guardrails, Source? source) => [];

    private static string ImageOf(Source source) => source.Match(docker => docker.Image, _ => throw new InvalidOperationException("not simulated"), _ => "all");

    public async Task<Resolution> ResolveAsync(Revision revision, CancellationToken ct)
    {
        var image = ImageOf(revision.Spec.Source);
        Resolution answer = image == "missing"
            ? new Resolution.Faulted(new Fault(Core.Planning.FaultKind.Refused, "ImageNotFound", "no such image"))
            : new Resolution.Resolved(new ResolvedFacts(image, true, null, HasImage(image) ? new ImageFacts(image, "", [8080], [], [], [], "amd64") : null));
        var outcome = await EffectAsync("resolve", () => new Outcome.Done());
        return outcome.Match(_ => answer, _ => answer, faulted => new Resolution.Faulted(faulted.Fault));
    }

    private bool HasImage(string image)
    {
        lock (Gate)
        {
            return Objects.Values.Any(o => o.Id == $"image-{image}" && o.ReadyAt <= Time.GetUtcNow());
        }
    }

    /// <summary>The process in the container ends.</summary>
    public void Kill(string id, int exitCode = 137) => Change(id, o => o with { Started = false, ExitCode = exitCode });

    public async IAsyncEnumerable<LogLine> LogsAsync(RuntimeIdentity id, LogQuery query, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        yield break;
    }

    public Task<BackendHealth> CheckAsync(CancellationToken ct) => Task.FromResult(new BackendHealth(!IsAway, "1", "sim", "", Time.GetUtcNow()));

    public async IAsyncEnumerable<string> HintsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        await foreach (var id in Hints.Reader.ReadAllAsync(ct))
        {
            yield return id;
        }
    }

    public Task<IReadOnlyList<OwnedVolume>> ListVolumesAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<OwnedVolume>>([]);

    public Task<Outcome> RemoveVolumeAsync(string volumeId, CancellationToken ct) => Task.FromResult<Outcome>(new Outcome.Done());

    protected override Outcome Put(RuntimeIdentity id, Resource resource)
    {
        var there = Find(id, resource.Id);
        var fingerprint = Stubborn.GetValueOrDefault(resource.Id, resource.Fingerprint);
        if (resource.Kind is ResourceKind.Image)
        {
            Store(id, there ?? new SimObject(resource.Id, resource.Kind, fingerprint) { ReadyAt = Time.GetUtcNow() + Pull });
            return new Outcome.InProgress("pulling");
        }

        if (resource.Kind is not ResourceKind.Container)
        {
            Store(id, (there ?? new SimObject(resource.Id, resource.Kind, fingerprint)) with { Fingerprint = fingerprint });
            return new Outcome.Done();
        }

        var (uses, after) = (((SimBody)resource.Body).Uses, ((SimBody)resource.Body).After);
        Violations.AddRange(after.Where(a => Find(id, a) is not { } before || See(before).Health is not (Health.Serving or Health.Completed)).Select(a => $"{resource.Id} was started before {a} was well"));
        if (uses.FirstOrDefault(u => Find(id, u) is not { } used || used.ReadyAt > Time.GetUtcNow()) is { } absent)
        {
            Violations.Add($"{resource.Id} was put while {absent} was not there");
            return new Outcome.Faulted(new Fault(Core.Planning.FaultKind.Transient, "NotFound", $"no such {absent}"));
        }

        var others = uses.All(u => !u.StartsWith("vol", StringComparison.Ordinal)) ? [] : Objects.Values.Where(o => o.Kind is ResourceKind.Container && o.Started && o.Id != resource.Id && o.Uses.Intersect(uses).Any(u => u.StartsWith("vol", StringComparison.Ordinal)));
        Violations.AddRange(others.Select(o => $"{resource.Id} was started beside {o.Id} on one volume"));
        Store(id, there is { Started: true } && there.Fingerprint == fingerprint
            ? there
            : new SimObject(resource.Id, resource.Kind, fingerprint) { ReadyAt = Time.GetUtcNow() + Boot, Starts = ++_starts, Uses = uses });
        return new Outcome.Done();
    }

    protected override Outcome Remove(RuntimeIdentity id, string resourceId) =>
        Objects.FirstOrDefault(o => o.Key.StartsWith(id.RecordId, StringComparison.Ordinal) && o.Value.Uses.Contains(resourceId)).Value is { } user
            ? new Outcome.Faulted(new Fault(Core.Planning.FaultKind.Transient, "InUse", $"{resourceId} is used by {user.Id}"))
            : base.Remove(id, resourceId);

    protected override SeenResource See(SimObject thing)
    {
        var boots = thing.ReadyAt > Time.GetUtcNow();
        var crashes = thing.Kind is ResourceKind.Container && thing.Fingerprint.StartsWith(Broken, StringComparison.Ordinal) && !boots;
        var isJob = thing.Id.StartsWith(SimCompose.Job, StringComparison.Ordinal);
        return new SeenResource
        {
            Id = thing.Id,
            Service = thing.Kind is ResourceKind.Container && thing.Id.Split('-') is [_, var service, _, _] ? service : null,
            Kind = thing.Kind,
            Fingerprint = thing.Fingerprint,
            Health = !thing.Started || crashes ? Health.Stopped : boots ? Health.Starting : isJob ? Health.Completed : Health.Serving,
            Instance = $"{thing.Id}@{thing.Starts}",
            Address = thing.Kind is ResourceKind.Container ? new UpstreamAddress("10.0.0.1", 8080) : null,
            ExitCode = crashes ? 1 : thing.ExitCode,
        };
    }
}
