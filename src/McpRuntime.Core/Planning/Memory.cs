using McpRuntime.Core.Records;

namespace McpRuntime.Core.Planning;

/// <summary>What earlier turns learned and the next decision needs; stored as JSON with the status, so that any leader goes on from it.</summary>
public sealed record Memory
{
    public static readonly Memory Empty = new();

    /// <summary>What the attempts speak of: another generation or restart token starts them afresh.</summary>
    public long Generation { get; init; }

    public long RestartToken { get; init; }

    /// <summary>Consecutive looks that could not see everything (or read a secret); effects are counted in <see cref="Attempts"/>.</summary>
    public int Failures { get; init; }

    /// <summary>What was tried on each resource, by its id. Backoff is per resource, so that one that fails holds up only what depends on it.</summary>
    public IReadOnlyDictionary<string, Attempt> Attempts { get; init; } = new Dictionary<string, Attempt>(StringComparer.Ordinal);

    /// <summary>The incarnation that passed its handshake, by container id: a restart of the service must not lose <c>connected</c>.</summary>
    public IReadOnlyDictionary<string, string> Verified { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The incarnation last seen, by container id.</summary>
    public IReadOnlyDictionary<string, string> Instances { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>How often a container was seen in another incarnation than before. What was seen, not what was tried: a stale read must not count.</summary>
    public int Restarts { get; init; }

    /// <summary>When the first resource of the generation now asked was put.</summary>
    public DateTimeOffset? FirstPutAt { get; init; }

    /// <summary>When the surplus old containers lost their route; they drain until then plus the drain time.</summary>
    public DateTimeOffset? DrainSince { get; init; }

    /// <summary>When a deleted record was first seen to have nothing left; a second look confirms it.</summary>
    public DateTimeOffset? EmptySince { get; init; }

    /// <summary>The tool definitions accepted of the serving generation; another hash under the same generation is a drift of tools.</summary>
    public ToolsSeen? Tools { get; init; }

    /// <summary>The memory that a turn on this record decides with.</summary>
    public static Memory Of(RuntimeRecord record)
    {
        var memory = record.Memory;
        memory = record.ToolsAccepted is { } accepted && memory.Tools is { } tools && tools.Generation == record.ServingGeneration && tools.Hash != accepted
            ? memory with { Tools = tools with { Hash = accepted } }
            : memory;
        return memory.Generation == record.AskedGeneration && memory.RestartToken == record.RestartToken
            ? memory
            : new Memory
            {
                Generation = record.AskedGeneration,
                RestartToken = record.RestartToken,
                Verified = memory.Verified,
                Instances = memory.Instances,
                Restarts = memory.Restarts,
                Tools = memory.Tools,
                FirstPutAt = memory.Generation == record.AskedGeneration ? memory.FirstPutAt : null,
            };
    }

    /// <param name="fingerprint">What would be put; null = it would be removed. Tries of something else do not count.</param>
    internal Attempt AttemptOn(string id, string? fingerprint) =>
        Attempts.TryGetValue(Key(id, fingerprint), out var attempt) && string.Equals(attempt.Fingerprint, fingerprint, StringComparison.Ordinal)
            ? attempt
            : new Attempt { Fingerprint = fingerprint };

    /// <summary>Puts and removals of one thing are counted apart: a wedged container is removed and put again, and that is a restart.</summary>
    internal static string Key(string id, string? fingerprint) => fingerprint is null ? Removal + id : id;

    internal static string IdOf(string key) => key.StartsWith(Removal, StringComparison.Ordinal) ? key[Removal.Length..] : key;

    private const string Removal = "remove:";
}

/// <param name="Hash">What was accepted: seen first, or by an approver.</param>
/// <param name="Now">What was seen last.</param>
public sealed record ToolsSeen(long Generation, string Hash, string? Now = null);

/// <summary>Effects on one resource towards one aim.</summary>
public sealed record Attempt
{
    /// <summary>What was put; null = it was removed.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>Effects that went through, since it was last left alone for <see cref="PlannerOptions.SteadyAfter"/>. A healthy thing needs one.</summary>
    public int Effects { get; init; }

    public DateTimeOffset? LastAt { get; init; }

    /// <summary>Puts in a row after which it still differed.</summary>
    public int Differing { get; init; }

    /// <summary>Consecutive faults.</summary>
    public int Failures { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public Fault? Fault { get; init; }
}
