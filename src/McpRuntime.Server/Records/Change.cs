using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Records;
using McpRuntime.Server.Records.Model;

namespace McpRuntime.Server.Records;

/// <summary>One accepted change: who, when, and the id by which a repeated attempt knows that it was committed already.</summary>
internal sealed record Change(string Id, Caller Caller, DateTimeOffset At)
{
    /// <summary>A leader whose wall clock is this much behind ours still sees the row as due at once.</summary>
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    /// <summary>Guardrails profiles that this change itself stores: the rest of it is judged under them.</summary>
    public IReadOnlyList<GuardrailProfile> Profiles { get; init; } = [];

    public long AtMs => At.ToUnixTimeMilliseconds();

    public static long DueNow(DateTimeOffset now) => (now - Skew).ToUnixTimeMilliseconds();

    public void Touch(RuntimeRow row)
    {
        row.LastChange = Id;
        row.UpdatedAt = AtMs;
        row.DueAt = DueNow(At);
    }

    /// <summary>Something a turn must see though the content is the same.</summary>
    public void Command(RuntimeRow row)
    {
        row.CommandSequence++;
        Touch(row);
    }

    public void Event(RecordsDb db, RuntimeRow row, string kind, string message) => Append(db, row, At, new(kind, message, Caller.Subject));

    public void Audit(RecordsDb db, string action, string target, string? before = null, string? after = null) => db.Audit.Add(new AuditRow
    {
        At = AtMs,
        Subject = Caller.Subject,
        Source = Caller.Source,
        Address = Caller.Address,
        Action = action,
        Target = target,
        Outcome = "ok",
        Before = before,
        After = after,
    });

    public static void Append(RecordsDb db, RuntimeRow row, DateTimeOffset at, NewEvent happened) => db.Events.Add(new EventRow
    {
        RuntimeId = row.Id,
        Sequence = ++row.EventSequence,
        At = at.ToUnixTimeMilliseconds(),
        Kind = happened.Kind,
        Message = happened.Message,
        Actor = happened.Actor,
    });
}
