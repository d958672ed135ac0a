using McpRuntime.Core.Approvals;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>One owner's complete list, in one transaction: every entry put, what is absent deleted, or nothing at all.</summary>
internal sealed class OwnerSync(string owner, IReadOnlyList<PutRuntime> complete, bool allowLargePrune, ApprovalPolicy? policy)
{
    /// <summary>A list that suddenly lacks more than this is more likely wrong than meant.</summary>
    private const int SmallPrune = 10;
    private const double SmallPruneShare = 0.2;

    public async Task<(SyncResult Result, IReadOnlyList<string> Woken)> RunAsync(
        RecordsDb db,
        Change change,
        Func<RecordsDb, Change, PutRuntime, CancellationToken, Task<PutResult>> putAsync,
        CancellationToken ct)
    {
        var names = Names();
        var live = await db.Runtimes.Where(row => row.Owner == owner && row.DeletedAt == null && !row.DeleteRequested).ToListAsync(ct);
        var absent = live.Where(row => !names.Contains(row.Name)).ToList();
        RefuseLargePrune(absent.Count, live.Count);

        var errors = new List<ValidationError>();
        var conflicts = new List<ValidationError>();
        var results = new List<PutResult>();
        foreach (var put in complete.Where(put => !put.Keep))
        {
            try
            {
                results.Add(await putAsync(db, change, put with { Owner = owner, MustCreate = false, MustExist = false, IdempotencyKey = null }, ct));
            }
            catch (Refusal conflict) when (conflict.Kind == RefusalKind.Conflict)
            {
                // Another owner has the name, or its last holder is still going: said in that entry's status, the others go on.
                conflicts.Add(new(put.Request.Name!, conflict.Detail));
            }
            catch (Refusal refusal) when (refusal.Kind is RefusalKind.Invalid or RefusalKind.Forbidden)
            {
                errors.AddRange(refusal.Errors.Count == 0
                    ? [new ValidationError(put.Request.Name!, refusal.Detail)]
                    : refusal.Errors.Select(error => error with { Path = $"{put.Request.Name}.{error.Path}" }));
            }
        }

        if (errors.Count > 0)
        {
            throw new Refusal(RefusalKind.Invalid, "The list is not valid", $"Nothing of {owner} was changed: {errors.Count} errors.", errors);
        }

        foreach (var row in absent)
        {
            await Removal.RequestAsync(db, change, row, row.KeepVolumes, policy, ct);
        }

        var created = results.Count(result => result.Created);
        var changed = results.Count(result => result is { Changed: true, Created: false });
        var woken = results.Where(result => result.Changed).Select(result => result.Runtime.Id).Concat(absent.Select(row => row.Id));
        return (new(created, changed, results.Count - created - changed, absent.Count, conflicts), [.. woken]);
    }

    private HashSet<string> Names()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var put in complete)
        {
            if (string.IsNullOrEmpty(put.Request.Name))
            {
                throw Policy.Invalid("name", "every entry needs one.");
            }

            if (!names.Add(put.Request.Name))
            {
                throw Policy.Invalid(put.Request.Name, "is in the list twice.");
            }
        }

        return names;
    }

    /// <summary>How many of an owner's runtimes may go at once without anybody's saying so.</summary>
    public static int MostPruned(int live) => Math.Max(SmallPrune, (int)(live * SmallPruneShare));

    private void RefuseLargePrune(int absent, int live)
    {
        if (absent > MostPruned(live) && !allowLargePrune)
        {
            throw new Refusal(
                RefusalKind.Conflict,
                "Too many at once",
                $"The list of {owner} lacks {absent} of its {live} runtimes; more than {MostPruned(live)} are deleted only when that is said explicitly.");
        }
    }
}
