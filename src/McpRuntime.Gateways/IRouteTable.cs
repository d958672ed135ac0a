using McpRuntime.Core.Planning;

namespace McpRuntime.Gateways;

/// <summary>
/// The routes of the embedded gateway, in the database: every replica reads the same ones. The database is their only home, so a
/// route survives whoever wrote it.
/// </summary>
public interface IRouteTable
{
    /// <summary>By the name in <c>/mcp/{name}</c>. From a short-lived cache (≤ 1 s) that a write in this process empties.</summary>
    Task<GatewayRoute?> FindAsync(string name, CancellationToken ct);

    Task<IReadOnlyList<GatewayRoute>> ListAsync(CancellationToken ct);

    Task<IReadOnlyList<GatewayRoute>> OfRecordAsync(string recordId, CancellationToken ct);

    /// <summary>Another record's route of that name is a fault (Conflict), never overwritten.</summary>
    Task<bool> PutAsync(GatewayRoute route, CancellationToken ct);

    Task RemoveAsync(string recordId, string routeId, CancellationToken ct);
}

/// <summary>How registrations in an outer gateway stand, as the reconciler last told it. Present only where there is one.</summary>
public interface IRegistrationStates
{
    /// <summary>By record id.</summary>
    Task<IReadOnlyDictionary<string, RegistrationState>> OfAsync(IReadOnlyList<string> recordIds, CancellationToken ct);
}

/// <param name="Gateway">Which outer gateway: <c>contextforge</c>.</param>
/// <param name="Id">Its own id of the registration; null while there is none.</param>
/// <param name="Message">Why it is not registered, or not known to be.</param>
public sealed record RegistrationState(string Gateway, string? Id, bool Registered, string Message);

/// <param name="Id">The resource id; stable for the record.</param>
/// <param name="Name">The last part of <c>/mcp/{name}</c>.</param>
/// <param name="Instance">The incarnation the address belongs to; sessions are sealed with it.</param>
/// <param name="Path">The server's own path, <c>/mcp</c>.</param>
/// <param name="Transport"><c>STREAMABLEHTTP</c> or <c>SSE</c>.</param>
public sealed record GatewayRoute(
    string Id,
    string RecordId,
    string Name,
    UpstreamAddress Address,
    string Instance,
    string Path,
    string Transport,
    string Visibility,
    string? TeamId,
    string CreatedBy,
    IReadOnlyList<string> Tags,
    IReadOnlyList<string> Tools,
    DateTimeOffset RegisteredAt,
    string Fingerprint);
