using McpRuntime.Core.Records;

namespace McpRuntime.Server.Control;

/// <summary>Whether this process may act. One row in the database; taken over by watching it on one's own monotonic clock.</summary>
internal interface ILease
{
    /// <summary>Null: may not act. Asked right before each effect, since it lapses by itself when renewals stop succeeding.</summary>
    LeaseEpoch? Current { get; }

    /// <summary>Completes when <see cref="Current"/> turns from null to a value; at once when it has one.</summary>
    Task WaitAsync(CancellationToken ct);
}
