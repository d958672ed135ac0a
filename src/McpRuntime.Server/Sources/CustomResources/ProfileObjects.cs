using System.Text.Json.Nodes;
using McpRuntime.Backends.Kubernetes.Wire;
using McpRuntime.Core.Records;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Settings;

namespace McpRuntime.Server.Sources.CustomResources;

/// <summary>One GuardrailProfile brought a step further.</summary>
internal sealed class ProfileObjects(ProfileStore profiles, ObjectWriter writer, CustomResourceSettings settings, SourcePolicy policy, TimeProvider time)
{
    private static readonly TimeSpan JudgedAgain = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, (Verdict Verdict, DateTimeOffset Again)> _seen = new(StringComparer.Ordinal);

    public void Forget() => _seen.Clear();

    public async Task StepAsync(KubeObject item, CancellationToken ct)
    {
        if (item.IsDeleting)
        {
            await EndAsync(item, ct);
        }
        else if (await writer.HoldAsync(KubeKind.GuardrailProfile, item, ct))
        {
            var known = _seen.TryGetValue(item.Uid, out var seen) && seen.Verdict.Generation == item.Generation && (seen.Verdict.Accepted || time.GetUtcNow() < seen.Again);
            if (!known)
            {
                _seen[item.Uid] = seen = (await PutAsync(item, ct), time.GetUtcNow() + JudgedAgain);
            }

            await TellAsync(item, new Said("Accepted", seen.Verdict.Accepted ? "True" : "False", seen.Verdict.Reason, seen.Verdict.Message, item.Generation), ct);
        }
    }

    private async Task<Verdict> PutAsync(KubeObject item, CancellationToken ct)
    {
        var set = ObjectManifest.Read(KubeKind.GuardrailProfile, item);
        if (set.Errors.Count > 0 || set.Profiles is not [var manifest])
        {
            return new Verdict(false, "Invalid", ObjectManifest.Tell(set.Errors), item.Generation);
        }

        if (!policy.Profiles)
        {
            return new Verdict(
                false, "NotAllowed", $"This source may not define guardrails profiles: RUNTIME_SOURCE_POLICY={{\"{settings.Owner}\": {{\"profiles\": true}}}} lets it.", item.Generation);
        }

        try
        {
            var put = await profiles.PutAsync(policy.CallerOf(settings.Owner), manifest.Name, new ProfileContent(manifest.Description, manifest.RecommendedBackends, manifest.Config), ct);
            return new Verdict(true, "Accepted", $"It is version {put.Version} of the profile {put.Name}.", item.Generation);
        }
        catch (Refusal refusal) when (refusal.Kind is not RefusalKind.Unavailable)
        {
            var message = refusal.Errors.Count == 0 ? refusal.Detail : ObjectManifest.Tell([.. refusal.Errors.Select(manifest.ErrorAt)]);
            return new Verdict(false, ObjectManifest.Reason(refusal), message, item.Generation);
        }
    }

    /// <summary>One that is in use stays until its users are gone.</summary>
    private async Task EndAsync(KubeObject item, CancellationToken ct)
    {
        if (!ObjectWriter.HasFinalizer(item))
        {
            return;
        }

        try
        {
            if ((await profiles.OwnedByAsync(settings.Owner, ct)).Contains(item.Name, StringComparer.Ordinal))
            {
                // What it was let define once it may take back.
                await profiles.DeleteAsync(policy.CallerOf(settings.Owner) with { DefinesProfiles = true }, item.Name, ct);
            }
        }
        catch (Refusal refusal) when (refusal.Kind is RefusalKind.Conflict)
        {
            await TellAsync(item, new Said("Deleting", "True", "InUse", refusal.Detail, item.Generation), ct);
            return;
        }

        _seen.Remove(item.Uid);
        await writer.ReleaseAsync(KubeKind.GuardrailProfile, item, ct);
    }

    private async Task TellAsync(KubeObject item, Said said, CancellationToken ct)
    {
        var before = ObjectConditions.Reason(item, said.Type);
        var status = new JsonObject { ["observedGeneration"] = item.Generation, ["conditions"] = ObjectConditions.Write(item, [said], time.GetUtcNow()) };
        if (await writer.TellAsync(KubeKind.GuardrailProfile, item, status, ct) && before != said.Reason)
        {
            await writer.EventAsync(KubeKind.GuardrailProfile, item, said.Reason, said.Message, warning: said.Reason != "Accepted", ct);
        }
    }
}
