namespace McpRuntime.Backends.Docker.Guard;

/// <summary>What a guard refused and how much it let through: read only, and only as far back as its last start.</summary>
public interface IEgressLedger
{
    /// <summary>Entries that changed since, oldest first, some 1,000 at most. Null: there is no guard that could be asked.</summary>
    /// <param name="after">The last <see cref="GuardRefusal.Seq"/> seen under the guard's present epoch; 0 for all.</param>
    /// <exception cref="BackendFault">It does not answer.</exception>
    Task<GuardRefusalPage?> RefusalsAsync(long after, CancellationToken ct);

    /// <summary>By source network, since the guard's start. Null: there is no guard that could be asked.</summary>
    /// <exception cref="BackendFault">It does not answer.</exception>
    Task<GuardTrafficList?> TrafficAsync(CancellationToken ct);
}
