namespace McpRuntime.Gateways.Egress;

/// <summary>How many connections may be open at once: in all, and from one network.</summary>
internal sealed class Seats(int total, int perNetwork)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _taken = new(StringComparer.Ordinal);
    private int _all;

    public bool TryTake(string network)
    {
        lock (_gate)
        {
            var mine = _taken.GetValueOrDefault(network);
            if (_all >= total || mine >= perNetwork)
            {
                return false;
            }

            _taken[network] = mine + 1;
            _all++;
            return true;
        }
    }

    public void Leave(string network)
    {
        lock (_gate)
        {
            _all--;
            if (--_taken[network] == 0)
            {
                _taken.Remove(network);
            }
        }
    }
}
