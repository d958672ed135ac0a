using McpRuntime.Core.Records;
using McpRuntime.Server.Control;
using McpRuntime.Server.Profiles;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IDesiredState"/>
internal sealed class Door(Database database, Drafts drafts, IdempotencyKeys keys, TimeProvider time, IWakeUp? wakeUp = null) : IDesiredState
{
    public async Task<PutResult> PutAsync(Caller caller, PutRuntime put, CancellationToken ct)
    {
        Policy.MustOperate(caller);
        await drafts.RefreshAsync(ct);
        var change = NewChange(caller);
        var result = await database.WriteAsync(
            async (db, stop) =>
            {
                await MustLeadAsync(db, put.Epoch, put.Owner, stop);
                return await PutAsync(db, change, put, stop);
            },
            ct);
        wakeUp?.Wake(result.Runtime.Id);
        return result;
    }

    public async Task<SyncResult> SyncAsync(Caller caller, string owner, IReadOnlyList<PutRuntime> complete, SyncTerms terms, CancellationToken ct)
    {
        Policy.MustOperate(caller);
        await drafts.RefreshAsync(ct);
        var change = NewChange(caller);
        var sync = new OwnerSync(owner, complete, terms.AllowLargePrune, drafts.PolicyFor(caller));
        var (result, woken) = await database.WriteAsync(
            async (db, stop) =>
            {
                await MustLeadAsync(db, terms.Epoch, owner, stop);
                var stored = await ProfileStore.PutAllAsync(db, change, terms.Profiles, stop);
                return await sync.RunAsync(db, change with { Profiles = stored }, PutAsync, stop);
            },
            ct);
        foreach (var id in woken)
        {
            wakeUp?.Wake(id);
        }

        return result;
    }

    private async Task MustLeadAsync(RecordsDb db, LeaseEpoch? epoch, string owner, CancellationToken ct)
    {
        if (epoch is not null && !await LeaseFence.HoldsAsync(db, epoch, database.IsSqlite, ct))
        {
            throw new Refusal(RefusalKind.Unavailable, "Not the leader", $"Another process leads by now; what {owner} declares is its to apply.");
        }
    }

    public Task<RuntimeHead> DeleteAsync(Caller caller, string idOrName, bool keepVolumes, long? ifGeneration, CancellationToken ct) =>
        CommandAsync(caller, idOrName, async (db, change, row, stop) =>
        {
            if (row.DeletedAt is not null)
            {
                return "Already deleted.";
            }

            // A second delete may save the volumes while they are there; it never takes volumes that the first one kept.
            var again = row.DeleteRequested && row.KeepVolumes == (row.KeepVolumes || keepVolumes);
            if (!again)
            {
                Policy.MustMatch(ifGeneration, row);
                await Removal.RequestAsync(db, change, row, row.KeepVolumes || keepVolumes, drafts.PolicyFor(change.Caller), stop);
            }

            return "Being deleted.";
        }, mayBeGoing: true, ct: ct);

    public Task<RuntimeHead> AbandonRegistrationAsync(Caller caller, string idOrName, CancellationToken ct) =>
        CommandAsync(caller, idOrName, (db, change, row, _) =>
        {
            if (row.DeletedAt is null && row is { DeleteRequested: true, AbandonRegistration: not true })
            {
                row.AbandonRegistration = true;
                change.Command(row);
                change.Event(db, row, "RegistrationAbandoned", "The deletion does not wait for the outer gateway; if that can't be reached, the registration stays there.");
                change.Audit(db, "runtime.abandon_registration", row.Id);
            }

            return Task.FromResult(row.DeletedAt is null ? "Being deleted." : "Already deleted.");
        }, mayBeGoing: true, ct: ct);

    public Task<RuntimeHead> StartAsync(Caller caller, string idOrName, CancellationToken ct) =>
        CommandAsync(caller, idOrName, (db, change, row, _) => Task.FromResult(Ask(db, change, row, DesiredState.Running, "start", "Starting.")), ct: ct);

    public Task<RuntimeHead> StopAsync(Caller caller, string idOrName, CancellationToken ct) =>
        CommandAsync(caller, idOrName, (db, change, row, _) => Task.FromResult(Ask(db, change, row, DesiredState.Stopped, "stop", "Stopping.")), ct: ct);

    public Task<RuntimeHead> RestartAsync(Caller caller, string idOrName, CancellationToken ct) =>
        CommandAsync(caller, idOrName, (db, change, row, _) =>
        {
            row.RestartToken++;
            row.Desired = DesiredState.Running;
            change.Command(row);
            change.Event(db, row, "RestartRequested", $"Restart {row.RestartToken} was asked for.");
            change.Audit(db, "runtime.restart", row.Id);
            return Task.FromResult("Restarting.");
        }, ct: ct);

    public Task<RuntimeHead> HoldAsync(Caller caller, string idOrName, string reason, CancellationToken ct) =>
        CommandAsync(caller, idOrName, (db, change, row, _) =>
        {
            row.Hold = $"{(string.IsNullOrWhiteSpace(reason) ? "no reason given" : reason.Trim())} (by {caller.Subject})";
            change.Command(row);
            change.Event(db, row, "Held", row.Hold);
            change.Audit(db, "runtime.hold", row.Id, after: row.Hold);
            return Task.FromResult("Held: it is being stopped and stays so until released.");
        }, ofAnyOwner: true, ct: ct);

    public Task<RuntimeHead> ReleaseAsync(Caller caller, string idOrName, CancellationToken ct) =>
        CommandAsync(caller, idOrName, (db, change, row, _) =>
        {
            if (row.Hold is null)
            {
                return Task.FromResult("Not held.");
            }

            change.Command(row);
            change.Event(db, row, "Released", "The hold was released.");
            change.Audit(db, "runtime.release", row.Id, before: row.Hold);
            row.Hold = null;
            return Task.FromResult("Released.");
        }, ofAnyOwner: true, ct: ct);

    private async Task<PutResult> PutAsync(RecordsDb db, Change change, PutRuntime put, CancellationToken ct)
    {
        var body = put.IdempotencyKey is null ? "" : drafts.Fingerprint(put);
        if (await keys.FindAsync(db, change, put, body, ct) is { } earlier)
        {
            return earlier;
        }

        var row = await TargetAsync(db, change.Caller, put, ct);
        if (row?.LastChange == change.Id)
        {
            // The reply to our own commit was lost, and this is the second attempt.
            return await AnswerAsync(db, row, created: row.AskedGeneration == 1, changed: true, ct);
        }

        var result = row is null
            ? await CreateAsync(db, change, put, ct)
            : await UpdateAsync(db, change, row, put, ct);
        IdempotencyKeys.Remember(db, change, put, body, result);
        return result;
    }

    private async Task<PutResult> CreateAsync(RecordsDb db, Change change, PutRuntime put, CancellationToken ct)
    {
        var id = RecordId.New(change.At);
        var draft = await drafts.MakeAsync(change.Caller, put.Request, id, ct, declared: change.Profiles);
        var row = Generations.Create(db, change, id, put.Owner, draft);
        row.Desired = put.Desired ?? DesiredState.Running;
        Declared(row, put.Origin);
        var status = draft.NeedsApproval ? RuntimeStatus.PendingApproval : RuntimeStatus.Pending;
        var message = draft.NeedsApproval ? "Accepted; it waits for an approval." : "Accepted; it is being deployed.";
        message += draft.Admitted.Spec.Catalog is { Deprecated: true } entry ? $" The catalog entry {entry.Id} is deprecated: look for another." : "";
        return new(new(row.Id, row.Name, row.AskedGeneration, status, message), Created: true, Changed: true, message);
    }

    private async Task<PutResult> UpdateAsync(RecordsDb db, Change change, RuntimeRow row, PutRuntime put, CancellationToken ct)
    {
        MustBeUpdatable(change.Caller, put, row);
        var draft = await drafts.MakeAsync(change.Caller, Immutable(put.Request, row), row.Id, ct, declared: change.Profiles);
        var asked = await db.Revisions.SingleAsync(revision => revision.RuntimeId == row.Id && revision.Generation == row.AskedGeneration, ct);

        // A person who sends the same again after it was turned down asks again; a source that is read over and over does not.
        var asksAgain = put.Owner == "rest" && asked.State == RevisionState.Failed;
        var changed = asked.ContentHash != draft.ContentHash || asksAgain;
        if (changed)
        {
            await Generations.UpdateAsync(db, change, row, asked, draft, ct);
        }

        if (put.Desired is { } desired && row.Desired != desired)
        {
            _ = desired == DesiredState.Running ? Ask(db, change, row, desired, "start", "Starting.") : Ask(db, change, row, desired, "stop", "Stopping.");
            changed = true;
        }

        if (changed || put.Origin?.File != row.OriginFile)
        {
            Declared(row, put.Origin);
        }

        return await AnswerAsync(db, row, created: false, changed, ct);
    }

    private static void Declared(RuntimeRow row, RecordOrigin? origin) => (row.OriginCommit, row.OriginFile) = (origin?.Commit, origin?.File);

    /// <summary>What a put would be about, and the request as it would be admitted: the checks of a put without the put.</summary>
    internal static async Task<(string? Id, Core.Specs.DeployRequest Request)> TargetForPlanAsync(RecordsDb db, Caller caller, PutRuntime put, CancellationToken ct)
    {
        if (await TargetAsync(db, caller, put, ct) is not { } row)
        {
            return (null, put.Request);
        }

        MustBeUpdatable(caller, put, row);
        return (row.Id, Immutable(put.Request, row));
    }

    private static void MustBeUpdatable(Caller caller, PutRuntime put, RuntimeRow row)
    {
        Policy.MustBeOwner(put.Owner, row);
        Policy.MustChange(caller, row);
        Policy.MustNotBeGoing(row);
        if (put.MustCreate)
        {
            throw new Refusal(RefusalKind.Conflict, "Name taken", $"There is a runtime '{row.Name}' already ({row.Id}). Choose another name, or PUT the new spec to it.");
        }

        Policy.MustMatch(put.IfGeneration, row);
    }

    private static async Task<PutResult> AnswerAsync(RecordsDb db, RuntimeRow row, bool created, bool changed, CancellationToken ct)
    {
        var message = changed ? $"Accepted as generation {row.AskedGeneration}." : $"No change: generation {row.AskedGeneration} has the same spec.";
        return new(await Lookup.HeadAsync(db, row, message, ct), created, changed, message);
    }

    /// <summary>The record a put is about; null = a new one.</summary>
    private static async Task<RuntimeRow?> TargetAsync(RecordsDb db, Caller caller, PutRuntime put, CancellationToken ct)
    {
        if (put.MustExist)
        {
            return await Lookup.MustFindAsync(db, caller, put.IdOrName ?? put.Request.Name ?? "", ct);
        }

        var row = put.Request.Name is { } name ? await Lookup.LiveAsync(db, name, ct) : null;
        return row is null || Policy.Sees(caller, row)
            ? row
            : throw new Refusal(RefusalKind.Conflict, "Name taken", $"The name '{row.Name}' is taken. Choose another.");
    }

    /// <summary>Name and backend are the record's own: left out they are filled in, different they are an error.</summary>
    private static Core.Specs.DeployRequest Immutable(Core.Specs.DeployRequest request, RuntimeRow row)
    {
        if (request.Name is { } name && name != row.Name)
        {
            throw Policy.Invalid("name", $"is '{row.Name}' for good. To rename, delete it and deploy it under the new name.");
        }

        if (request.Backend is { } backend && backend != row.Backend)
        {
            throw Policy.Invalid("backend", $"is '{row.Backend}' for good. To move it, delete it and deploy it there.");
        }

        return request with { Name = row.Name, Backend = row.Backend };
    }

    private static string Ask(RecordsDb db, Change change, RuntimeRow row, DesiredState desired, string verb, string message)
    {
        // Asked for again it is no change, but still a wish to be looked at now: a backoff in progress is not waited out.
        change.Command(row);
        if (row.Desired == desired)
        {
            return message;
        }

        row.Desired = desired;
        change.Event(db, row, verb == "start" ? "StartRequested" : "StopRequested", message);
        change.Audit(db, $"runtime.{verb}", row.Id);
        return message;
    }

    private async Task<RuntimeHead> CommandAsync(
        Caller caller,
        string idOrName,
        Func<RecordsDb, Change, RuntimeRow, CancellationToken, Task<string>> command,
        bool ofAnyOwner = false,
        bool mayBeGoing = false,
        CancellationToken ct = default)
    {
        Policy.MustOperate(caller);
        var change = NewChange(caller);
        var head = await database.WriteAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, idOrName, stop);
                if (row.LastChange == change.Id)
                {
                    return await Lookup.HeadAsync(db, row, "Accepted.", stop);
                }

                if (!ofAnyOwner)
                {
                    Policy.MustBeOwner(caller.Source, row);
                    Policy.MustChange(caller, row);
                }

                if (!mayBeGoing)
                {
                    Policy.MustNotBeGoing(row);
                }

                return await Lookup.HeadAsync(db, row, await command(db, change, row, stop), stop);
            },
            ct);
        wakeUp?.Wake(head.Id);
        return head;
    }

    private Change NewChange(Caller caller)
    {
        var now = time.GetUtcNow();
        return new(RecordId.New(now), caller, now);
    }
}
