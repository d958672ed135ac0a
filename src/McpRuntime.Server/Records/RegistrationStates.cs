using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;
using McpRuntime.Gateways;
using Microsoft.EntityFrameworkCore;

namespace McpRuntime.Server.Records;

/// <inheritdoc cref="IRegistrationStates"/>
internal sealed class RegistrationStates(Database database) : IRegistrationStates
{
    public async Task<IReadOnlyDictionary<string, RegistrationState>> OfAsync(IReadOnlyList<string> recordIds, CancellationToken ct)
    {
        var rows = await database.ReadAsync((db, stop) => db.Statuses.Where(row => recordIds.Contains(row.RuntimeId)).ToListAsync(stop), ct);
        return rows.ToDictionary(
            row => row.RuntimeId,
            row =>
            {
                var condition = RecordsJson.Read<List<Condition>>(row.Conditions).Find(found => found.Type is ConditionType.GatewayRegistered);
                var id = RecordsJson.Read<Display>(row.Display).GatewayId;
                // Until it is registered there, a runtime shows its route's id, which is its own.
                return new RegistrationState("contextforge", id == row.RuntimeId ? null : id, condition?.Status is ConditionStatus.True, condition?.Message ?? "Not looked at yet.");
            },
            StringComparer.Ordinal);
    }
}
