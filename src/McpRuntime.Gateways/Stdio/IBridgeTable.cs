namespace McpRuntime.Gateways.Stdio;

/// <summary>Who bridges which server, in the database: one replica at a time, and the others find it there.</summary>
public interface IBridgeTable
{
    Task<BridgeClaim?> FindAsync(string server, CancellationToken ct);

    /// <summary>Takes the server over from the state that was seen (null: nobody's). What was used stays noted.</summary>
    /// <returns>False: somebody was faster.</returns>
    Task<bool> ClaimAsync(string server, BridgeClaim? seen, string owner, string address, CancellationToken ct);

    /// <summary>Notes the incarnation before the first byte is sent to it.</summary>
    /// <returns>False: it is not ours any more.</returns>
    Task<bool> UseAsync(string server, string owner, string instance, CancellationToken ct);

    /// <summary>A sign of life for everything that is ours; what nobody gave one for in days is forgotten.</summary>
    Task BeatAsync(string owner, CancellationToken ct);

    /// <summary>Anybody may take over at once everything that is ours.</summary>
    Task ReleaseAsync(string owner, CancellationToken ct);

    /// <summary>Whether it is known, and not only likely, that the owner's process has ended: nobody needs to watch it being silent.</summary>
    bool IsSurelyGone(string owner);
}

/// <param name="Owner">Of one process's life; empty when it was released.</param>
/// <param name="Address">Where the owner's replicas reach it.</param>
/// <param name="Instance">The incarnation that was last spoken to.</param>
/// <param name="Beat">Counts up while the owner lives.</param>
public sealed record BridgeClaim(string Server, string Owner, string Address, string? Instance, long Beat);
