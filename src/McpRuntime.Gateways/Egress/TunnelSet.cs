using System.Collections.Concurrent;

namespace McpRuntime.Gateways.Egress;

/// <summary>The open tunnels: counted, and ended when they are idle or old, or when their policy no longer allows them.</summary>
internal sealed class TunnelSet
{
    private readonly ConcurrentDictionary<Tunnel, byte> _open = new();

    public int Relayed => _open.Keys.Count(t => t.Permit is null);

    public int Proxied => _open.Keys.Count(t => t.Permit is not null);

    public void Add(Tunnel tunnel) => _open.TryAdd(tunnel, 0);

    public void Remove(Tunnel tunnel) => _open.TryRemove(tunnel, out _);

    public int OpenFrom(string network) => _open.Keys.Count(t => t.Permit?.Network == network);

    public void CutOverdue(GuardLimits limits) =>
        CutWhere(t => t.Permit is not null && (t.Idle >= limits.IdleTime || t.Age >= limits.TotalTime));

    /// <summary>Tightening holds for what is open, too.</summary>
    public void CutForbidden(PolicyTable policies) =>
        CutWhere(t => t.Permit is { } permit && !permit.HoldsUnder(policies));

    public void CutAll() => CutWhere(_ => true);

    private void CutWhere(Func<Tunnel, bool> predicate)
    {
        foreach (var tunnel in _open.Keys.Where(predicate))
        {
            tunnel.Cut();
        }
    }
}
