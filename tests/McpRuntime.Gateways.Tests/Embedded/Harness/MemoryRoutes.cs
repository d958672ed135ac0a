using System.Collections.Concurrent;
using McpRuntime.Core.Planning;
using McpRuntime.Core.Records;

namespace McpRuntime.Gateways.Tests.Embedded.Harness;

internal sealed class MemoryRoutes : IRouteTable
{
    private readonly ConcurrentDictionary<string, GatewayRoute> _byName = new(StringComparer.Ordinal);

    /// <summary>Set: the database is away.</summary>
    public Exception? Away { get; set; }

    public Task<GatewayRoute?> FindAsync(string name, CancellationToken ct) => Answer(() => _byName.GetValueOrDefault(name));

    public Task<IReadOnlyList<GatewayRoute>> ListAsync(CancellationToken ct) => Answer<IReadOnlyList<GatewayRoute>>(() => [.. _byName.Values]);

    public Task<IReadOnlyList<GatewayRoute>> OfRecordAsync(string recordId, CancellationToken ct) =>
        Answer<IReadOnlyList<GatewayRoute>>(() => [.. _byName.Values.Where(route => route.RecordId == recordId)]);

    public Task<bool> PutAsync(GatewayRoute route, CancellationToken ct) => Answer(() =>
    {
        if (_byName.TryGetValue(route.Name, out var there) && there.RecordId != route.RecordId)
        {
            return false;
        }

        _byName[route.Name] = route;
        return true;
    });

    public Task RemoveAsync(string recordId, string routeId, CancellationToken ct) => Answer(() =>
    {
        foreach (var route in _byName.Values.Where(route => route.RecordId == recordId && route.Id == routeId))
        {
            _byName.TryRemove(route.Name, out _);
        }

        return true;
    });

    public GatewayRoute Add(string name, Uri upstream, string path = "/mcp", string transport = "STREAMABLEHTTP", string visibility = "public", string? team = null, string createdBy = "alice", string instance = "i1", string? relay = null)
    {
        var route = new GatewayRoute(
            $"route-{name}", $"record-{name}", name, new UpstreamAddress(upstream.Host, upstream.Port, relay), instance, path, transport, visibility, team, createdBy, ["tag"], ["echo"], DateTimeOffset.UnixEpoch, "fingerprint");
        _byName[name] = route;
        return route;
    }

    private Task<T> Answer<T>(Func<T> answer) => Away is { } fault ? Task.FromException<T>(fault) : Task.FromResult(answer());
}

internal sealed class Wakes : IWakeUp
{
    public ConcurrentQueue<string> Woken { get; } = new();

    public void Wake(string recordId) => Woken.Enqueue(recordId);
}
