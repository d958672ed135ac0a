using McpRuntime.Core.Planning;

namespace McpRuntime.Backends.Docker.Guard;

/// <summary>
/// The one small container per engine that stands on every closed runtime's network and relays in to its endpoint. Implemented by
/// the keeper, which reconciles that container; the backend only asks for links. A missing guard closes, never opens.
/// </summary>
internal interface IGuard
{
    /// <summary>Looks, changes nothing. Throws only <see cref="BackendFault"/>; no guard at all is <see cref="GuardState.Absent"/>.</summary>
    Task<GuardState> StateAsync(CancellationToken ct);

    /// <summary>Makes the guard run (started with the first closed runtime) and connects it to this network. Idempotent.</summary>
    /// <param name="network">The network's name; one of ours, internal.</param>
    Task<Outcome> LinkAsync(string network, CancellationToken ct);

    /// <summary>Disconnects it; a guard or network that is gone is fine. The guard itself goes with its last link.</summary>
    Task<Outcome> UnlinkAsync(string network, CancellationToken ct);
}

/// <param name="ContainerId">Null: there is no guard.</param>
/// <param name="Relay"><c>host:port</c> as this process reaches it; null while it does not run.</param>
/// <param name="Networks">Names of the networks it is connected to, whether it runs or not.</param>
internal sealed record GuardState(string? ContainerId, bool Running, string? Relay, IReadOnlySet<string> Networks)
{
    /// <summary>Of <see cref="Networks"/>, those where it answers to <see cref="WayOut.GuardName"/>.</summary>
    public required IReadOnlySet<string> Named { get; init; }

    /// <summary>What it lets out now, read from it; empty while it does not run.</summary>
    public IReadOnlyList<GuardPolicy> Policies { get; init; } = [];

    public static readonly GuardState Absent = new(null, Running: false, null, new HashSet<string>(StringComparer.Ordinal)) { Named = new HashSet<string>(StringComparer.Ordinal) };
}
