using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>What an owner that nobody asks any more has left behind.</summary>
/// <param name="Owner"><c>git:infra</c>, <c>crd:default</c>.</param>
/// <param name="Runtimes">Live ones.</param>
internal sealed record LeftBehind(string Owner, int Runtimes, int Profiles);

/// <summary>
/// Gives the REST API what a source has declared that is in the settings no more: nobody else may change it. Never by itself, since a
/// source that is left out by mistake comes back: a person says that it does not.
/// </summary>
internal sealed class Adoption(Database database, TimeProvider time)
{
    private const string Rest = "rest";

    /// <param name="configured">Owners that the settings name.</param>
    public async Task<IReadOnlyList<LeftBehind>> ListAsync(IReadOnlyCollection<string> configured, CancellationToken ct)
    {
        var (runtimes, profiles) = await database.ReadAsync(
            async (db, stop) => (
                await db.Runtimes.Where(row => row.Owner != Rest && row.DeletedAt == null).GroupBy(row => row.Owner).Select(group => new { group.Key, Count = group.Count() }).ToListAsync(stop),
                await db.Profiles.Where(row => row.Owner != Rest && row.DeletedAt == null).GroupBy(row => row.Owner).Select(group => new { group.Key, Count = group.Count() }).ToListAsync(stop)),
            ct);
        return [.. runtimes.Select(found => found.Key).Union(profiles.Select(found => found.Key), StringComparer.Ordinal).Except(configured, StringComparer.Ordinal).Order(StringComparer.Ordinal)
            .Select(owner => new LeftBehind(owner, runtimes.Find(found => found.Key == owner)?.Count ?? 0, profiles.Find(found => found.Key == owner)?.Count ?? 0))];
    }

    /// <summary>Runs on as it is: an owner is no part of what runs.</summary>
    /// <exception cref="Refusal">Forbidden: not an admin. Conflict: the settings name that owner. NotFound: it has left nothing.</exception>
    public async Task<LeftBehind> AdoptAsync(Caller caller, string owner, IReadOnlyCollection<string> configured, CancellationToken ct)
    {
        if (!caller.IsAdmin)
        {
            throw new Refusal(RefusalKind.Forbidden, "Not allowed", "Taking over what a source has declared reaches over teams: it takes the role admin.");
        }

        if (configured.Contains(owner, StringComparer.Ordinal))
        {
            throw new Refusal(RefusalKind.Conflict, "The source is there", $"{owner} is in the settings: what it declares is changed {Policy.WhereToChange(owner)}. Take it out of every replica's settings first.");
        }

        var now = time.GetUtcNow();
        var change = new Change(RecordId.New(now), caller, now);
        return await database.WriteAsync((db, stop) => AdoptAsync(db, change, owner, stop), ct);
    }

    private static async Task<LeftBehind> AdoptAsync(RecordsDb db, Change change, string owner, CancellationToken ct)
    {
        var runtimes = await db.Runtimes.Where(row => row.Owner == owner && row.DeletedAt == null).ToListAsync(ct);
        var profiles = await db.Profiles.Where(row => row.Owner == owner && row.DeletedAt == null).ToListAsync(ct);
        if (owner == Rest || runtimes.Count + profiles.Count == 0)
        {
            throw new Refusal(RefusalKind.NotFound, "Nothing is left", $"No runtime and no guardrails profile is owned by '{owner}'. GET /runtimes/sources lists who has left some.");
        }

        foreach (var row in runtimes)
        {
            (row.Owner, row.OriginCommit, row.OriginFile) = (Rest, null, null);
            change.Touch(row);
            change.Event(db, row, "Adopted", $"{owner} is no source any more: from here on it is changed {Policy.WhereToChange(Rest)}.");
            change.Audit(db, "runtime.adopt", row.Id, before: owner, after: Rest);
        }

        foreach (var row in profiles)
        {
            row.Owner = Rest;
            change.Audit(db, "profile.adopt", row.Name, before: owner, after: Rest);
        }

        return new(owner, runtimes.Count, profiles.Count);
    }
}
