using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>The first answer to each Idempotency-Key, written in the transaction it answers for.</summary>
internal sealed class IdempotencyKeys(RecordsOptions options)
{
    /// <exception cref="Refusal">Conflict: the key was used for another body.</exception>
    public async Task<PutResult?> FindAsync(RecordsDb db, Change change, PutRuntime put, string body, CancellationToken ct)
    {
        if (put.IdempotencyKey is not { } key)
        {
            return null;
        }

        var row = await db.Idempotency.FirstOrDefaultAsync(kept => kept.Subject == change.Caller.Subject && kept.Key == key, ct);
        if (row is null)
        {
            return null;
        }

        if (row.CreatedAt <= (change.At - options.IdempotencyRetention).ToUnixTimeMilliseconds())
        {
            // Forgotten: saved before the new answer takes its place.
            db.Idempotency.Remove(row);
            await db.SaveChangesAsync(ct);
            return null;
        }

        if (row.BodyHash != body)
        {
            throw new Refusal(RefusalKind.Conflict, "Key used before", $"The Idempotency-Key '{key}' came with another body before. Use a new key for a new request.");
        }

        var runtime = await db.Runtimes.FirstOrDefaultAsync(runtime => runtime.Id == row.RuntimeId, ct) ?? throw Policy.NotFound(row.RuntimeId);
        var head = await Lookup.HeadAsync(db, runtime, row.Message, ct);
        return new(head with { Generation = row.Generation }, row.Created, row.Changed, row.Message);
    }

    public static void Remember(RecordsDb db, Change change, PutRuntime put, string body, PutResult result)
    {
        if (put.IdempotencyKey is { } key)
        {
            db.Idempotency.Add(new IdempotencyRow
            {
                Subject = change.Caller.Subject,
                Key = key,
                BodyHash = body,
                RuntimeId = result.Runtime.Id,
                Generation = result.Runtime.Generation,
                Created = result.Created,
                Changed = result.Changed,
                Message = result.Message,
                CreatedAt = change.AtMs,
            });
        }
    }

    public Task<int> ForgetAsync(RecordsDb db, DateTimeOffset now, CancellationToken ct)
    {
        var before = (now - options.IdempotencyRetention).ToUnixTimeMilliseconds();
        return db.Idempotency.Where(row => row.CreatedAt <= before).ExecuteDeleteAsync(ct);
    }
}
