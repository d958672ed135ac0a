using McpRuntime.Core.Records;
using McpRuntime.Gateways.Stdio;

namespace McpRuntime.Gateways.Tests.Stdio;

/// <summary>The table of bridges, in memory, for any number of replicas.</summary>
internal sealed class MemoryBridges : IBridgeTable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, BridgeClaim> _rows = new(StringComparer.Ordinal);

    /// <summary>As a database that can't be reached.</summary>
    public bool IsAway { get; set; }

    public int RefusedBeats { get; private set; }

    public Task<BridgeClaim?> FindAsync(string server, CancellationToken ct)
    {
        lock (_lock)
        {
            Reach();
            return Task.FromResult(_rows.GetValueOrDefault(server));
        }
    }

    public Task<bool> ClaimAsync(string server, BridgeClaim? seen, string owner, string address, CancellationToken ct)
    {
        lock (_lock)
        {
            var row = _rows.GetValueOrDefault(server);
            if (row?.Owner != seen?.Owner || row?.Beat != seen?.Beat)
            {
                return Task.FromResult(false);
            }

            _rows[server] = new BridgeClaim(server, owner, address, row?.Instance, (row?.Beat ?? 0) + 1);
            return Task.FromResult(true);
        }
    }

    public Task<bool> UseAsync(string server, string owner, string instance, CancellationToken ct)
    {
        lock (_lock)
        {
            if (_rows.GetValueOrDefault(server) is not { } row || row.Owner != owner)
            {
                return Task.FromResult(false);
            }

            _rows[server] = row with { Instance = instance, Beat = row.Beat + 1 };
            return Task.FromResult(true);
        }
    }

    public Task BeatAsync(string owner, CancellationToken ct)
    {
        lock (_lock)
        {
            RefusedBeats += IsAway ? 1 : 0;
            Reach();
        }

        return Change(owner, row => row with { Beat = row.Beat + 1 });
    }

    public Task ReleaseAsync(string owner, CancellationToken ct) => Change(owner, row => row with { Owner = "", Beat = row.Beat + 1 });

    public bool IsSurelyGone(string owner) => false;

    private void Reach()
    {
        if (IsAway)
        {
            throw new Refusal(RefusalKind.Unavailable, "The database is away", "It can't be reached.");
        }
    }

    private Task Change(string owner, Func<BridgeClaim, BridgeClaim> to)
    {
        lock (_lock)
        {
            foreach (var row in _rows.Values.Where(row => row.Owner == owner).ToList())
            {
                _rows[row.Server] = to(row);
            }
        }

        return Task.CompletedTask;
    }
}
