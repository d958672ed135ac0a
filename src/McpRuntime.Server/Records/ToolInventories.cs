using System.Collections.Concurrent;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using McpRuntime.Server.Records.Model;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <summary>The tools of a generation: what was accepted of them, what is offered now.</summary>
internal sealed record ToolInventoryView(string RuntimeId, long? Generation, ToolInventoryRow? Accepted, ToolInventoryRow? Current)
{
    public bool HasDrifted => Accepted is not null && Current is not null && Accepted.Hash != Current.Hash;

    public static IReadOnlyList<ToolDefinition> ToolsOf(ToolInventoryRow? row) => row is null ? [] : RecordsJson.Read<List<ToolDefinition>>(row.Tools);
}

/// <summary>Reads the inventories that turns write, and takes the decision to accept a changed one.</summary>
internal sealed class ToolInventories(Database database, TimeProvider time, IWakeUp? wakeUp = null) : IToolPins
{
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private const int MaxRemembered = 5_000;

    private readonly ConcurrentDictionary<string, (ToolPin? Pin, long At)> _pins = new(StringComparer.Ordinal);

    public async ValueTask<ToolPin?> FindAsync(string recordId, CancellationToken ct)
    {
        if (_pins.TryGetValue(recordId, out var known) && time.GetElapsedTime(known.At) < Fresh)
        {
            return known.Pin;
        }

        var at = time.GetTimestamp();
        var view = await database.ReadAsync((db, stop) => OfAsync(db, recordId, stop), ct);
        var pin = view.Accepted is null ? null : new ToolPin(
            ToolInventoryView.ToolsOf(view.Accepted).ToDictionary(tool => tool.Name, tool => tool.Hash, StringComparer.Ordinal), view.HasDrifted);
        if (_pins.Count >= MaxRemembered)
        {
            _pins.Clear();
        }

        _pins[recordId] = (pin, at);
        return pin;
    }

    public Task<ToolInventoryView> ShowAsync(Caller caller, string runtime, CancellationToken ct) => database.ReadAsync(
        async (db, stop) => await OfAsync(db, (await Lookup.MustFindAsync(db, caller, runtime, stop)).Id, stop), ct);

    /// <param name="hash">What the approver looked at; null accepts whatever is offered now.</param>
    /// <exception cref="Refusal">Conflict: nothing to accept, or it changed again since it was looked at.</exception>
    public async Task<ToolInventoryView> AcceptAsync(Caller caller, string runtime, string? hash, string? reason, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var change = new Change(RecordId.New(now), caller, now);
        var view = await database.WriteAsync(
            async (db, stop) =>
            {
                var row = await Lookup.MustFindAsync(db, caller, runtime, stop);
                if (row.LastChange != change.Id)
                {
                    Policy.MustNotBeGoing(row);
                    Accept(db, change, row, await OfAsync(db, row.Id, stop), hash, reason);
                    await db.SaveChangesAsync(stop);
                }

                return await OfAsync(db, row.Id, stop);
            },
            ct);
        _pins.TryRemove(view.RuntimeId, out _);
        wakeUp?.Wake(view.RuntimeId);
        return view;
    }

    private static void Accept(RecordsDb db, Change change, RuntimeRow row, ToolInventoryView seen, string? hash, string? reason)
    {
        if (seen is not { Accepted: { } accepted, Current: { } current } || !seen.HasDrifted)
        {
            throw new Refusal(RefusalKind.Conflict, "Nothing to accept", $"The tools of '{row.Name}' are those that were accepted of it, or none were seen yet.");
        }

        if (hash is not null && hash != current.Hash)
        {
            throw new Refusal(RefusalKind.Conflict, "Changed again", $"'{row.Name}' offers other tools now ({current.Hash}) than those looked at. Read GET /runtimes/{row.Name}/tools again.");
        }

        current.AcceptedAt = Math.Max(change.AtMs, (accepted.AcceptedAt ?? 0) + 1);
        current.AcceptedBy = change.Caller.Subject;
        db.Update(current);
        change.Command(row);
        change.Event(db, row, "ToolsAccepted", $"The changed tools were accepted.{(reason is null ? "" : $" {reason}")}");
        change.Audit(db, "tools.accept", row.Id, accepted.Hash, current.Hash);
    }

    private static async Task<ToolInventoryView> OfAsync(RecordsDb db, string recordId, CancellationToken ct)
    {
        var serving = await db.Runtimes.Where(row => row.Id == recordId).Select(row => row.ServingGeneration).FirstOrDefaultAsync(ct);
        var seen = db.ToolInventories.AsNoTracking().Where(row => row.RuntimeId == recordId && row.Generation == serving);
        return new ToolInventoryView(
            recordId,
            serving,
            await seen.Where(row => row.AcceptedAt != null).OrderByDescending(row => row.AcceptedAt).FirstOrDefaultAsync(ct),
            await seen.OrderByDescending(row => row.SeenAt).FirstOrDefaultAsync(ct));
    }
}
