using System.Collections.Concurrent;
using System.Text.Json;
using McpRuntime.Core.Guardrails;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Core.Specs;

namespace McpRuntime.Faults.Tests.Simulated;

/// <summary>The records in memory, with the same fences as the real store: reports are written whole or not at all.</summary>
internal sealed class SimRecords(SimProcess process, ManualTime time) : IRecordStore
{
    private readonly ConcurrentDictionary<string, RuntimeRecord> _records = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    public IReadOnlyDictionary<string, RuntimeRecord> All => _records;

    public int Writes { get; private set; }

    public int Reads { get; private set; }

    public List<(string Kind, string Message)> Events { get; } = [];

    public List<RuntimeStatus> Statuses { get; } = [];

    public bool SecretsAway { get; set; }

    public Dictionary<string, SecretText> Secrets { get; } = new(StringComparer.Ordinal);

    public bool IsAway { get; set; }

    public RuntimeRecord this[string id] => _records[id];

    public void Create(string id, RuntimeSpec spec, string backend = "sim") => _records[id] = new RuntimeRecord
    {
        Id = id,
        Name = "demo",
        Owner = "rest",
        Backend = backend,
        InstanceId = "inst",
        AskedGeneration = 1,
        Asked = Revision(1, spec),
        Memory = Memory.Empty,
        StatusRevision = 1,
        CommandSequence = 1,
    };

    public void Update(string id, RuntimeSpec spec, RevisionState state = RevisionState.Admitted) => Command(id, r => r with
    {
        AskedGeneration = r.AskedGeneration + 1,
        Asked = Revision(r.AskedGeneration + 1, spec) with { State = state },
    });

    public void Command(string id, Func<RuntimeRecord, RuntimeRecord> change) => _records[id] = change(_records[id]) with { CommandSequence = _records[id].CommandSequence + 1 };

    public bool IsDue(string id) => _records[id] is { IsTombstone: false } r
        && (r.ObservedGeneration != r.AskedGeneration || r.ObservedCommand != r.CommandSequence || r.NextTurnAt <= time.GetUtcNow());

    public Task<RuntimeRecord?> FindAsync(string id, CancellationToken ct)
    {
        Reads++;
        ThrowIfAway();
        return Task.FromResult(_records.GetValueOrDefault(id));
    }

    public Task<bool> ReportAsync(Report report, LeaseEpoch lease, CancellationToken ct)
    {
        ThrowIfAway();
        var fault = process.Script.Next(CallKind.Report);
        if (fault is FaultKind.CrashBefore)
        {
            process.Crash();
        }

        if (fault is FaultKind.ServerError)
        {
            throw new Refusal(RefusalKind.Unavailable, "away", "simulated: the database is away");
        }

        var written = Write(report);
        if (fault is FaultKind.CrashAfter)
        {
            process.Crash();
        }

        return fault is FaultKind.LostReply ? throw new Refusal(RefusalKind.Unavailable, "away", "simulated: the reply was lost") : Task.FromResult(written);
    }

    public Task<IReadOnlyList<string>> DueAsync(DateTimeOffset now, int limit, CancellationToken ct)
    {
        ThrowIfAway();
        return Task.FromResult<IReadOnlyList<string>>([.. _records.Keys.Where(IsDue).Take(limit)]);
    }

    public Task<IReadOnlyList<string>> LiveIdsAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<string>>([.. _records.Values.Where(r => !r.IsTombstone).Select(r => r.Id)]);

    public Task<IReadOnlySet<string>> KnownIdsAsync(IReadOnlyCollection<string> ids, CancellationToken ct) =>
        Task.FromResult<IReadOnlySet<string>>(ids.Where(_records.ContainsKey).ToHashSet(StringComparer.Ordinal));

    public Task<IReadOnlyDictionary<string, SecretText>> EnvironmentAsync(string id, long generation, CancellationToken ct) => SecretsAway
        ? throw new Refusal(RefusalKind.Unavailable, "A secret can't be read", "simulated: secret://env/MCPSECRET_X is not set")
        : Task.FromResult<IReadOnlyDictionary<string, SecretText>>(Secrets);

    public Task<IReadOnlyList<RevisionEnvironment>> EnvironmentsAsync(string id, long from, CancellationToken ct) => throw new NotSupportedException("Logs are not part of the simulation.");

    public Task<int> PurgeAsync(DateTimeOffset deletedBefore, CancellationToken ct) => Task.FromResult(0);

    public Task<string> InstanceIdAsync(CancellationToken ct) => Task.FromResult("inst");

    public Task<string> PinIdentityAsync(string backend, string identity, CancellationToken ct) => Task.FromResult(identity);

    public static RuntimeSpec Spec(string image, bool volume = false, bool gateway = true, bool secret = false) => new()
    {
        Source = new Source.Docker(image, null),
        GuardrailsProfile = "standard",
        Volumes = volume ? ["/data"] : [],
        RegisterGateway = gateway,
        Environment = secret
            ? new Dictionary<string, EnvironmentValue>(StringComparer.Ordinal) { ["X"] = new EnvironmentValue.Reference("secret://env/MCPSECRET_X") }
            : new Dictionary<string, EnvironmentValue>(StringComparer.Ordinal),
    };

    private static Revision Revision(long generation, RuntimeSpec spec) => new()
    {
        Generation = generation,
        Spec = spec,
        Guardrails = new EffectiveGuardrails("standard", 1, new GuardrailsConfig(), []),
        State = RevisionState.Admitted,
        ContentHash = $"hash{generation}",
    };

    private void ThrowIfAway()
    {
        if (IsAway)
        {
            throw new Refusal(RefusalKind.Unavailable, "away", "simulated: the database is away");
        }
    }

    private bool Write(Report report)
    {
        lock (_gate)
        {
            return WriteNow(report);
        }
    }

    private bool WriteNow(Report report)
    {
        var record = _records[report.RecordId];
        if (record.StatusRevision != report.BasedOn)
        {
            return false;
        }

        Writes++;
        Events.AddRange(report.Events.Select(e => (e.Kind, e.Message)));
        if (Statuses.LastOrDefault() != report.Status || Statuses.Count == 0)
        {
            Statuses.Add(report.Status);
        }

        var asked = record.Asked;
        var serving = record.Serving;
        if (report.Resolved is { } resolved && resolved.Generation == asked.Generation)
        {
            asked = asked with { Facts = resolved.Facts };
        }

        if (report.Failed is { } failed && failed.Generation == asked.Generation)
        {
            asked = asked with { State = RevisionState.Failed, FailedReason = failed.Reason, FailedMessage = failed.Message };
        }

        if (report.Promoted is { } promoted && promoted == asked.Generation)
        {
            asked = asked with { State = RevisionState.Serving };
            serving = asked;
        }

        if (serving?.Generation == asked.Generation)
        {
            serving = asked;
        }

        _records[record.Id] = record with
        {
            Asked = asked,
            Serving = serving,
            ServingGeneration = serving?.Generation,
            StatusRevision = record.StatusRevision + 1,
            ObservedGeneration = report.ObservedGeneration,
            ObservedCommand = report.ObservedCommand,
            Status = report.Status,
            Conditions = report.Conditions,

            // As the database would give it back: whatever JSON loses is lost here too.
            Memory = JsonSerializer.Deserialize<Memory>(JsonSerializer.Serialize(report.Memory))!,
            ErrorMessage = report.ErrorMessage,
            NextTurnAt = report.NextTurnAt,
            Display = report.Display ?? record.Display,
            IsTombstone = report.Entomb,
        };
        return true;
    }
}
