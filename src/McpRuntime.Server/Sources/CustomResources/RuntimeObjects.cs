using System.Collections.Concurrent;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Manifests;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>What the objects go through: the door, the records, the secrets, and back.</summary>
internal sealed record ObjectParts(IDesiredState Door, OwnedRecords Records, ClusterSecrets Secrets, ObjectWriter Writer, TimeProvider Time);

/// <summary>
/// One McpRuntime brought a step further. Level, not edge: from the object and its record as they are now; what is remembered here only
/// saves work, and is forgotten with the lease.
/// </summary>
internal sealed class RuntimeObjects(ObjectParts parts, CustomResourceSettings settings, SourcePolicy policy)
{
    private const string Abandon = "mcpruntime.dev/abandon";
    private const string KeepVolumes = "mcpruntime.dev/keep-volumes";

    /// <summary>What was refused may be fine by now: a profile was made, a Secret, a policy loosened.</summary>
    private static readonly TimeSpan JudgedAgain = TimeSpan.FromSeconds(10);

    private readonly ConcurrentDictionary<string, Seen> _seen = new(StringComparer.Ordinal);

    public void Forget() => _seen.Clear();

    public async Task StepAsync(KubeObject item, OwnedRecord? record, LeaseEpoch epoch, CancellationToken ct)
    {
        var caller = CallerOf(item);
        if (item.IsDeleting)
        {
            await EndAsync(item, caller, record, ct);
            return;
        }

        // The object first: a record that nothing holds would outlive it.
        if (!await parts.Writer.HoldAsync(KubeKind.McpRuntime, item, ct))
        {
            return;
        }

        var seen = _seen.GetOrAdd(item.Uid, _ => new Seen());
        await JudgeAsync(seen, item, caller, record, epoch, ct);
        await TellAsync(seen, item, record, held: null, ct);
    }

    /// <summary>Who asks: the namespace, for the team that the policy gives it. An object names nobody.</summary>
    private Caller CallerOf(KubeObject item)
    {
        var caller = policy.CallerOf(settings.Owner) with { Subject = $"{settings.Owner}/{item.Namespace}" };
        return TeamOf(item) is { } team ? caller with { Teams = [team] } : caller;
    }

    private string? TeamOf(KubeObject item) => policy.Namespaces.GetValueOrDefault(item.Namespace ?? "");

    /// <summary>Puts it where the object, a Secret or the record is another than at the last look.</summary>
    private async Task JudgeAsync(Seen seen, KubeObject item, Caller caller, OwnedRecord? record, LeaseEpoch epoch, CancellationToken ct)
    {
        if (seen.Generation != item.Generation)
        {
            (seen.Generation, seen.Manifest, seen.Verdict) = (item.Generation, ObjectManifest.Read(KubeKind.McpRuntime, item), null);
        }

        if (seen.Manifest!.Errors.Count > 0 || seen.Manifest.Runtimes is not [var manifest])
        {
            seen.Verdict = new Verdict(false, "Invalid", ObjectManifest.Tell(seen.Manifest.Errors), item.Generation);
            return;
        }

        if (manifest.Suspend)
        {
            seen.Verdict = new Verdict(true, "Suspended", "spec.suspend is true: the runtime stays as it is.", item.Generation, Applied: false);
            return;
        }

        var secrets = await parts.Secrets.VersionAsync(SecretsOf(manifest.Request), ct);
        var now = parts.Time.GetUtcNow();
        var isDone = seen.Verdict is { Accepted: true, Applied: true } && record is { Going: false } && secrets == seen.Secrets;
        if (isDone || (seen.Verdict is { Accepted: false } && secrets == seen.Secrets && now < seen.Again))
        {
            return;
        }

        (seen.Secrets, seen.Again) = (secrets, now + JudgedAgain);
        (seen.Verdict, seen.Made) = await PutAsync(item, manifest, caller, epoch, ct);
        seen.Version = null;
    }

    private async Task<(Verdict Verdict, string? Made)> PutAsync(KubeObject item, RuntimeManifest manifest, Caller caller, LeaseEpoch epoch, CancellationToken ct)
    {
        var request = TeamOf(item) is { } team && manifest.Request.TeamId is null
            ? manifest.Request with { TeamId = team, Visibility = manifest.Request.Visibility ?? "team" }
            : manifest.Request;
        try
        {
            var put = await parts.Door.PutAsync(caller, new PutRuntime(request, settings.Owner, MustCreate: false) { Desired = manifest.State, Epoch = epoch }, ct);
            return (new Verdict(true, "Accepted", $"It is the runtime {put.Runtime.Id}, called {put.Runtime.Name}.", item.Generation), put.Runtime.Id);
        }
        catch (Refusal refusal) when (refusal.Kind is not RefusalKind.Unavailable)
        {
            var message = refusal.Errors.Count == 0 ? refusal.Detail : ObjectManifest.Tell([.. refusal.Errors.Select(manifest.ErrorAt)]);
            return (new Verdict(false, ObjectManifest.Reason(refusal), message, item.Generation), null);
        }
    }

    private static IEnumerable<SecretReference.Kubernetes> SecretsOf(DeployRequest request) =>
        (request.Environment?.Values ?? [])
            .Select(value => SecretReference.TryParse(value.Reveal(), out var reference, out _) ? reference as SecretReference.Kubernetes : null)
            .OfType<SecretReference.Kubernetes>();

    /// <summary>The object goes when nothing is left of the runtime, or when somebody says not to wait for that.</summary>
    private async Task EndAsync(KubeObject item, Caller caller, OwnedRecord? record, CancellationToken ct)
    {
        if (!ObjectWriter.HasFinalizer(item))
        {
            return;
        }

        if (record is null)
        {
            _seen.TryRemove(item.Uid, out _);
            await parts.Writer.ReleaseAsync(KubeKind.McpRuntime, item, ct);
            return;
        }

        var seen = _seen.GetOrAdd(item.Uid, _ => new Seen());
        Said? refused = null;
        try
        {
            if (!record.Going)
            {
                // By its id: a newer one under the same name is not meant.
                await parts.Door.DeleteAsync(caller, record.Id, item.Annotation(KeepVolumes) == "true", ifGeneration: null, ct);
            }

            if (item.Annotation(Abandon) == "true")
            {
                await parts.Door.AbandonRegistrationAsync(caller, record.Id, ct);
                await parts.Writer.EventAsync(KubeKind.McpRuntime, item, "Abandoned", $"The object does not wait for its runtime {record.Id}, which the service goes on taking down.", warning: true, ct);
                await parts.Writer.ReleaseAsync(KubeKind.McpRuntime, item, ct);
                return;
            }
        }
        catch (Refusal refusal) when (refusal.Kind is not RefusalKind.Unavailable)
        {
            refused = new Said("Deleting", "True", ObjectManifest.Reason(refusal), refusal.Detail, item.Generation);
        }

        await TellAsync(seen, item, record, refused ?? new Said("Deleting", "True", "TearingDown", "", item.Generation), ct);
    }

    private async Task TellAsync(Seen seen, KubeObject item, OwnedRecord? record, Said? held, CancellationToken ct)
    {
        if (record is null)
        {
            // Made a moment ago it is in no list yet.
            (seen.Version, seen.View) = (null, seen.Made is { } made ? await parts.Records.FindAsync(settings.Owner, made, ct) : null);
        }
        else if (seen.Version != record.Version)
        {
            (seen.Version, seen.View) = (record.Version, await parts.Records.FindAsync(settings.Owner, record.Id, ct));
        }

        var said = held is { Message: "" } ? held with { Message = WaitsFor(seen.View) } : held;
        var status = RuntimeStatusText.Write(item, seen.Verdict, seen.View, said, parts.Time.GetUtcNow());
        if (await parts.Writer.TellAsync(KubeKind.McpRuntime, item, status, ct))
        {
            foreach (var (condition, warning) in ObjectConditions.News(item, status))
            {
                await parts.Writer.EventAsync(KubeKind.McpRuntime, item, condition.Reason, condition.Message, warning, ct);
            }
        }
    }

    private static string WaitsFor(RuntimeView? view) =>
        $"The runtime is being taken down: {view?.ErrorMessage ?? view?.Conditions.FirstOrDefault(condition => condition.Type == ConditionType.Ready)?.Message ?? "not looked at yet."} "
        + $"The annotation {Abandon}: \"true\" lets the object go without waiting.";

    /// <summary>What the last look found, so that the next one does not ask and write the same again.</summary>
    private sealed class Seen
    {
        public long Generation { get; set; } = -1;

        public ManifestSet? Manifest { get; set; }

        public string Secrets { get; set; } = "";

        public Verdict? Verdict { get; set; }

        public DateTimeOffset Again { get; set; }

        /// <summary>The record that the last put was about.</summary>
        public string? Made { get; set; }

        public (long Record, long Status)? Version { get; set; }

        public RuntimeView? View { get; set; }
    }
}
