using System.Text.Json;
using System.Text.Json.Nodes;
using McpRuntime.Backends.CodeEngine.Wire;
using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.CodeEngine;

/// <summary>Apps: created whole, patched where they differ, started again by a change that means nothing.</summary>
internal sealed class CodeEngineApps(CodeEngineWire wire, AppRevisions revisions)
{
    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, AppBody body, CancellationToken ct)
    {
        var name = body.Create.Name;
        if (await wire.AppAsync(name, ct) is { } live)
        {
            return await AdjustAsync(id, live, body, ct);
        }

        // Taken, although it was not there: an answer of ours that got lost, or one that is going away. The next look tells.
        return await revisions.WithRoomAsync(id, () => wire.CreateAppAsync(body.Create, ct), ct) is Written.Conflict
            ? Faults.Of(FaultKind.Transient, "NameTaken", $"The project says that there is an app {name} already; it is looked at again.")
            : Done;
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        if (await wire.AppAsync(name, ct) is not { } live)
        {
            return Done;
        }

        if (!CodeEngineNames.IsOurs(id, live.Marks))
        {
            return Faults.NotOurs("app", name);
        }

        // Gone later: the list shows it until then, and a deletion is done when the list does not.
        return await wire.DeleteAppAsync(name, ct) is Written.Conflict
            ? Faults.Of(FaultKind.Transient, "ChangedMeanwhile", $"The app {name} could not be deleted just now.")
            : Done;
    }

    private async Task<Outcome> AdjustAsync(RuntimeIdentity id, App live, AppBody body, CancellationToken ct)
    {
        if (!CodeEngineNames.IsOurs(id, live.Marks))
        {
            return Faults.NotOurs("app", live.Name);
        }

        var current = AppHealth.IsCurrent(live);
        var patch = AppShape.Patch(body.Create, AppShape.Of(live, current).DifferingFrom(body.Shape));
        if (patch.Count == 0)
        {
            return (body.IsParked, current) switch
            {
                (true, true) => Done,

                (true, false) => await GiveUpAsync(id, live, ct),
                (false, _) => !current || AppHealth.Of(live) is Health.Failed ? await RollAsync(id, live, body, ct) : Done,
            };
        }

        // The legend goes with the fields it tells of; the list of variables is replaced whole.
        patch["run_env_variables"] = Variables(body.Create.RunEnvVariables!);
        return await PatchAsync(id, live, patch, ct);
    }

    /// <summary>
    /// The stopped revision did not get ready, so the one before it goes on serving, perhaps with an instance that always runs. Trying
    /// again would end the same; the app has no data, and a start makes it anew. But only once the platform has judged the stopped one:
    /// right after a change the status is still that of what was before.
    /// </summary>
    private async Task<Outcome> GiveUpAsync(RuntimeIdentity id, App live, CancellationToken ct)
    {
        var newest = (await wire.RevisionsAsync(live.Name, ct)).FirstOrDefault(r => r.Name == live.StatusDetails?.LatestCreatedRevision);
        return newest is { Status: "failed", IsParked: true }
            ? await RemoveAsync(id, live.Name, ct)
            : new Outcome.InProgress($"The stopped revision of {live.Name} is being deployed; until it is there, the one before it serves.");
    }

    /// <summary>There is no restart: a changed variable makes a revision, and so new instances. Named after the revision it follows, so that the same try twice is one.</summary>
    private async Task<Outcome> RollAsync(RuntimeIdentity id, App live, AppBody body, CancellationToken ct)
    {
        var newest = live.StatusDetails?.LatestCreatedRevision ?? "none";
        var reason = PlatformReasons.OfApp((await wire.RevisionsAsync(live.Name, ct)).FirstOrDefault(r => r.Name == newest)?.StatusDetails?.Reason ?? live.StatusDetails?.Reason);
        return reason.IsFinal
            ? Faults.Of(FaultKind.Refused, reason.Word, $"{live.Name}: {reason.Message}")
            : await PatchAsync(
                id, live, new JsonObject { ["run_env_variables"] = Variables([.. body.Create.RunEnvVariables!, Variable.Literal(CodeEngineNames.Roll, $"after {newest}")]) }, ct);
    }

    /// <summary>Each change makes a revision, and a project holds 120 of them: after it, some of those that nobody needs any more go.</summary>
    private async Task<Outcome> PatchAsync(RuntimeIdentity id, App live, JsonObject patch, CancellationToken ct)
    {
        if (live.EntityTag is not { Length: > 0 } tag || await revisions.WithRoomAsync(id, () => wire.PatchAppAsync(live.Name, patch, tag, ct), ct) is not Written.Done)
        {
            return Faults.Of(FaultKind.Transient, "ChangedMeanwhile", $"The app {live.Name} was changed by somebody else at the same time; it is looked at again.");
        }

        await revisions.PruneAsync(live, ct);
        return Done;
    }

    private static JsonArray Variables(IReadOnlyList<Variable> variables) =>
        JsonSerializer.SerializeToNode(new AppSettings { RunEnvVariables = variables }, CodeEngineJson.Default.AppSettings)!["run_env_variables"]!.DeepClone().AsArray();
}

/// <summary>Secrets: the environment of one revision, under a name that carries its hash.</summary>
internal sealed class CodeEngineSecrets(CodeEngineWire wire, CodeEngineInstallation installation)
{
    private static readonly Outcome Done = new Outcome.Done();

    public async Task<Outcome> PutAsync(RuntimeIdentity id, Resource resource, SecretBody body, CancellationToken ct)
    {
        if (await wire.SecretAsync(resource.Id, ct) is not { } live)
        {
            return await wire.CreateSecretAsync(resource.Id, body.Data, ct) is Written.Conflict
                ? Faults.Of(FaultKind.Transient, "NameTaken", $"The project says that there is a secret {resource.Id} already; it is looked at again.")
                : Done;
        }

        if (!CodeEngineNames.IsOurs(id, live.Marks))
        {
            return Faults.NotOurs("secret", resource.Id);
        }

        return SecretBody.Fingerprint(live.Data!, installation.Hash) == resource.Fingerprint
            || (live.EntityTag is { Length: > 0 } tag && await wire.ReplaceSecretAsync(resource.Id, body.Data, tag, ct) is Written.Done)
                ? Done
                : Faults.Of(FaultKind.Transient, "ChangedMeanwhile", $"The secret {resource.Id} was changed by somebody else at the same time; it is looked at again.");
    }

    public async Task<Outcome> RemoveAsync(RuntimeIdentity id, string name, CancellationToken ct)
    {
        if (await wire.SecretAsync(name, ct) is not { } live)
        {
            return Done;
        }

        if (!CodeEngineNames.IsOurs(id, live.Marks))
        {
            return Faults.NotOurs("secret", name);
        }

        return await wire.DeleteSecretAsync(name, ct) is Written.Conflict ? Faults.Of(FaultKind.Transient, "ChangedMeanwhile", $"The secret {name} could not be deleted just now.") : Done;
    }
}
