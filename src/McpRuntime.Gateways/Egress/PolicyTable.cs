using System.Net;
using McpRuntime.Backends.Docker.Guard;

namespace McpRuntime.Gateways.Egress;

/// <summary>A policy ready for look-ups.</summary>
internal sealed record CompiledPolicy(GuardPolicy Asked, IPNetwork Network, AllowedHosts Hosts);

/// <summary>
/// The policies in force: a list that is never changed, only replaced as a whole. Each change is on disk before it is in force, so that what
/// was answered with 200 survives our death.
/// </summary>
internal sealed class PolicyTable(PolicyFile file, GuardLimits limits)
{
    private readonly Lock _writing = new();
    private volatile List<CompiledPolicy> _inForce = [];

    /// <summary>Raised after a change, outside any lock: tunnels the new set would not allow are closed.</summary>
    public event EventHandler? Changed;

    public IReadOnlyList<GuardPolicy> All => [.. _inForce.Select(p => p.Asked)];

    public int Count => _inForce.Count;

    /// <summary>What is wrong with the saved file; null when it was read, or there was none. Nothing passes then.</summary>
    public string? Load()
    {
        var (saved, trouble) = file.Read();
        List<CompiledPolicy> compiled = [];
        foreach (var policy in saved)
        {
            if (Compile(policy, out var problem) is { } good)
            {
                compiled.Add(good);
            }
            else
            {
                trouble ??= problem;
            }
        }

        _inForce = compiled;
        return trouble;
    }

    public CompiledPolicy? Find(IPAddress source)
    {
        var policies = _inForce;
        for (var i = 0; i < policies.Count; i++)
        {
            if (policies[i].Network.Contains(source))
            {
                return policies[i];
            }
        }

        return null;
    }

    /// <summary>Null: in force. Else what is wrong with it.</summary>
    public string? Put(GuardPolicy policy)
    {
        if (Compile(policy, out var problem) is not { } compiled)
        {
            return problem;
        }

        lock (_writing)
        {
            // A subnet given out again belongs to the new network alone: whatever an older policy said of it is void.
            List<CompiledPolicy> next =
                [.. _inForce.Where(p => p.Asked.Id != policy.Id && !p.Network.Contains(compiled.Network.BaseAddress) && !compiled.Network.Contains(p.Network.BaseAddress)), compiled];
            if (next.Count > limits.Policies)
            {
                return $"policies: {limits.Policies} are kept at most";
            }

            Save(next);
        }

        Changed?.Invoke(this, EventArgs.Empty);
        return null;
    }

    /// <summary>False: there was none.</summary>
    public bool Remove(string id)
    {
        lock (_writing)
        {
            List<CompiledPolicy> next = [.. _inForce.Where(p => p.Asked.Id != id)];
            if (next.Count == _inForce.Count)
            {
                return false;
            }

            Save(next);
        }

        Changed?.Invoke(this, EventArgs.Empty);
        return true;
    }

    private void Save(List<CompiledPolicy> next)
    {
        file.Write([.. next.Select(p => p.Asked)]);
        _inForce = next;
    }

    private static CompiledPolicy? Compile(GuardPolicy policy, out string? problem)
    {
        problem = policy.Id is not { Length: > 0 and <= 128 } || policy.Id.AsSpan().ContainsAnyExcept(IdCharacters)
            ? "id: 1 to 128 of a-z, A-Z, 0-9, '.', '_', '-'"
            : policy.Network is null || !IPNetwork.TryParse(policy.Network, out var network) || network.ToString() != policy.Network
                ? $"network: \"{policy.Network}\" is not a CIDR such as 10.201.0.16/28 (host bits must be zero)"
                : policy.AllowedHosts is null || policy.AllowedHosts.Contains(null!) ? "allowed_hosts: a list of names, possibly empty" : null;
        var hosts = problem is null ? AllowedHosts.Compile(policy.AllowedHosts!, out problem) : null;
        return hosts is null ? null : new CompiledPolicy(policy, IPNetwork.Parse(policy.Network!), hosts);
    }

    private static readonly System.Buffers.SearchValues<char> IdCharacters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
}
