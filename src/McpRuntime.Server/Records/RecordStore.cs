using System.Security.Cryptography;
using System.Text.Json;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Approvals;
using McpRuntime.Server.Records.Model;
using McpRuntime.Server.Records.Secrets;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IRecordStore"/>
internal sealed class RecordStore(Database database, RevisionReader revisions, Installation installation, IdempotencyKeys keys, TimeProvider time) : IRecordStore
{
    public async Task<RuntimeRecord?> FindAsync(string id, CancellationToken ct)
    {
        // One statement: what it returns is one snapshot on either database.
        var found = await database.ReadAsync(
            (db, stop) => (from runtime in db.Runtimes
                           where runtime.Id == id
                           join status in db.Statuses on runtime.Id equals status.RuntimeId
                           from asked in db.Revisions.Where(row => row.RuntimeId == runtime.Id && row.Generation == runtime.AskedGeneration)
                           from serving in db.Revisions
                               .Where(row => row.RuntimeId == runtime.Id && row.Generation == runtime.ServingGeneration && row.Generation != runtime.AskedGeneration)
                               .DefaultIfEmpty()
                           select new
                           {
                               runtime,
                               status,
                               asked,
                               serving,
                               askedApproval = db.Approvals.FirstOrDefault(row => row.Id == asked.ApprovalId),
                               servingApproval = db.Approvals.FirstOrDefault(row => serving != null && row.Id == serving.ApprovalId),
                               tools = db.ToolInventories
                                   .Where(row => row.RuntimeId == runtime.Id && row.Generation == runtime.ServingGeneration && row.AcceptedAt != null)
                                   .OrderByDescending(row => row.AcceptedAt).Select(row => row.Hash).FirstOrDefault(),
                           }).FirstOrDefaultAsync(stop),
            ct);
        if (found is null)
        {
            return null;
        }

        var asked = revisions.Read(found.asked, found.runtime.Backend, found.askedApproval);
        var serving = found.serving is null ? null : revisions.Read(found.serving, found.runtime.Backend, found.servingApproval);
        return ToRecord(found.runtime, found.status, asked, found.runtime.ServingGeneration == asked.Generation ? asked : serving, await installation.IdAsync(ct)) with { ToolsAccepted = found.tools };
    }

    public Task<bool> ReportAsync(Report report, LeaseEpoch lease, CancellationToken ct) =>
        database.WriteAsync((db, stop) => new ReportWriter(db, report, lease, time.GetUtcNow()).WriteAsync(database.IsSqlite, stop), ct);

    public async Task<IReadOnlyList<string>> DueAsync(DateTimeOffset now, int limit, CancellationToken ct)
    {
        var until = now.ToUnixTimeMilliseconds();
        return await database.ReadAsync(
            (db, stop) => db.Runtimes.Where(row => row.DueAt <= until).OrderBy(row => row.DueAt).Select(row => row.Id).Take(limit).ToListAsync(stop),
            ct);
    }

    public async Task<IReadOnlyList<string>> LiveIdsAsync(CancellationToken ct) =>
        await database.ReadAsync((db, stop) => db.Runtimes.Where(row => row.DeletedAt == null).Select(row => row.Id).ToListAsync(stop), ct);

    public async Task<IReadOnlySet<string>> KnownIdsAsync(IReadOnlyCollection<string> ids, CancellationToken ct)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var some in ids.Chunk(500).Select(chunk => chunk.ToList()))
        {
            known.UnionWith(await database.ReadAsync((db, stop) => db.Runtimes.Where(row => some.Contains(row.Id)).Select(row => row.Id).ToListAsync(stop), ct));
        }

        return known;
    }

    /// <exception cref="Refusal">NotFound: no such revision. Unavailable: a secret it refers to can't be read now.</exception>
    public async Task<IReadOnlyDictionary<string, SecretText>> EnvironmentAsync(string id, long generation, CancellationToken ct)
    {
        var row = await database.ReadAsync((db, stop) => Kept(db, id).FirstOrDefaultAsync(row => row.Generation == generation, stop), ct) ?? throw Policy.NotFound(id);
        var opened = await OpenAsync(id, row, ct);
        return opened.Unreadable is { } refusal ? throw refusal : opened.Values;
    }

    public async Task<IReadOnlyList<RevisionEnvironment>> EnvironmentsAsync(string id, long from, CancellationToken ct)
    {
        var opened = new List<RevisionEnvironment>();
        var kept = await database.ReadAsync((db, stop) => Kept(db, id).Where(row => row.Generation >= from).OrderBy(row => row.Generation).ToListAsync(stop), ct);
        foreach (var row in kept)
        {
            opened.Add(await OpenAsync(id, row, ct));
        }

        return opened;
    }

    public Task<int> PurgeAsync(DateTimeOffset deletedBefore, CancellationToken ct)
    {
        var before = deletedBefore.ToUnixTimeMilliseconds();
        return database.WriteAsync(
            async (db, stop) =>
            {
                await keys.ForgetAsync(db, time.GetUtcNow(), stop);
                return await db.Runtimes.Where(row => row.DeletedAt != null && row.DeletedAt < before).ExecuteDeleteAsync(stop);
            },
            ct);
    }

    private static IQueryable<KeptEnvironment> Kept(RecordsDb db, string id) =>
        db.Revisions.Where(row => row.RuntimeId == id).Select(row => new KeptEnvironment { Generation = row.Generation, Environment = row.Environment, Spec = row.Spec });

    private async Task<RevisionEnvironment> OpenAsync(string id, KeptEnvironment row, CancellationToken ct)
    {
        var none = new Dictionary<string, SecretText>(StringComparer.Ordinal);
        try
        {
            return new(row.Generation, row.Environment is null ? none : await revisions.Vaults.Environment.OpenAsync(id, revisions.Vaults.Spec.Open(id, row.Spec).TeamId, row.Environment, ct), Unreadable: null);
        }
        catch (SecretUnreadableException fault)
        {
            return new(row.Generation, none, new Refusal(RefusalKind.Unavailable, EnvironmentVault.CantBeRead, fault.Message) { RetryAfter = DatabaseFaults.RetryAfter });
        }
        catch (Exception fault) when (fault is CryptographicException or FormatException or JsonException or ArgumentException)
        {
            // As good as unreadable: a stop that does without its values must come through.
            return new(row.Generation, none, new Refusal(RefusalKind.Unavailable, EnvironmentVault.CantBeRead, $"What is kept of generation {row.Generation} can't be opened any more."));
        }
    }

    public Task<string> InstanceIdAsync(CancellationToken ct) => installation.IdAsync(ct);

    public Task<string> PinIdentityAsync(string backend, string identity, CancellationToken ct) => installation.PinAsync($"identity:{backend}", identity, ct);

    private static RuntimeRecord ToRecord(RuntimeRow row, StatusRow status, Revision asked, Revision? serving, string instance) => new()
    {
        Id = row.Id,
        Name = row.Name,
        Owner = row.Owner,
        Backend = row.Backend,
        CreatedBy = row.CreatedBy,
        InstanceId = instance,
        AskedGeneration = row.AskedGeneration,
        ServingGeneration = row.ServingGeneration,
        Desired = row.Desired,
        RestartToken = row.RestartToken,
        Hold = row.Hold,
        DeleteRequested = row.DeleteRequested,
        KeepVolumes = row.KeepVolumes,
        AbandonRegistration = row.AbandonRegistration == true,
        IsTombstone = row.DeletedAt is not null,
        Asked = asked,
        Serving = serving,
        Memory = RecordsJson.Read<Memory>(status.Memory),
        Conditions = RecordsJson.Read<List<Condition>>(status.Conditions),
        StatusRevision = status.Revision,
        CommandSequence = row.CommandSequence,
        ObservedGeneration = status.ObservedGeneration,
        ObservedCommand = status.ObservedCommand,
        Status = status.Status,
        ErrorMessage = status.ErrorMessage,
        NextTurnAt = Times.From(status.NextTurnAt),
        Display = RecordsJson.Read<Display>(status.Display),
    };
}

/// <summary>What opens a revision's two sealed columns.</summary>
internal sealed record RevisionVaults(SpecVault Spec, EnvironmentVault Environment);

/// <summary>A revision's row as a turn sees it.</summary>
internal sealed class RevisionReader(RevisionVaults vaults, ApprovedContent approved)
{
    public RevisionVaults Vaults { get; } = vaults;

    public Revision Read(RevisionRow row, string backend, ApprovalRow? approval) => new()
    {
        Generation = row.Generation,
        Spec = Vaults.Spec.Of(row),
        Guardrails = RecordsJson.Read<EffectiveGuardrails>(row.Guardrails),
        State = row.State,
        Facts = row.Facts is null ? null : RecordsJson.Read<ResolvedFacts>(row.Facts),
        ContentHash = row.ContentHash,
        ApprovalId = row.ApprovalId,
        NotApproved = approved.WhyNot(row, backend, approval),
        FailedReason = row.FailedReason,
        FailedMessage = row.FailedMessage,
        FirstPutAt = Times.From(row.FirstPutAt),
    };
}

internal sealed class KeptEnvironment
{
    public required long Generation { get; init; }

    public required string? Environment { get; init; }

    public required string Spec { get; init; }
}

internal static class Times
{
    public static DateTimeOffset? From(long? milliseconds) => milliseconds is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;
}
