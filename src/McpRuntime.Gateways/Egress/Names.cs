using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>Name to addresses. Asked once per connection; what it answered is checked and connected to, never asked again.</summary>
internal interface INameResolver
{
    /// <summary>Empty when there is no such name or nobody answered.</summary>
    Task<IReadOnlyList<IPAddress>> ResolveAsync(string name, CancellationToken ct);
}

/// <summary>
/// Look-ups, few at a time. The system's resolver blocks a thread for as long as a name server is silent: unbounded, one network asking
/// for slow names would stop everybody's traffic; bounded only in all, it would stop everybody's look-ups.
/// </summary>
internal sealed class FairNames(INameResolver inner, int total, int perNetwork) : IDisposable
{
    private readonly SemaphoreSlim _all = new(total);
    private readonly ConcurrentDictionary<string, SemaphoreSlim> _networks = new(StringComparer.Ordinal);

    public async Task<IReadOnlyList<IPAddress>> ResolveAsync(string network, string name, CancellationToken ct)
    {
        var mine = _networks.GetOrAdd(network, _ => new SemaphoreSlim(perNetwork));
        await mine.WaitAsync(ct);
        try
        {
            await _all.WaitAsync(ct);
        }
        catch
        {
            mine.Release();
            throw;
        }

        return await LookUpAsync(mine, name).WaitAsync(ct);
    }

    public void Dispose()
    {
        _all.Dispose();
        foreach (var network in _networks.Values)
        {
            network.Dispose();
        }
    }

    private async Task<IReadOnlyList<IPAddress>> LookUpAsync(SemaphoreSlim mine, string name)
    {
        try
        {
            // Not cancelled: its thread is not freed by that, so its place must not be, either.
            return await inner.ResolveAsync(name, CancellationToken.None);
        }
        finally
        {
            Leave(mine);
        }
    }

    private void Leave(SemaphoreSlim mine)
    {
        try
        {
            _all.Release();
            mine.Release();
        }
        catch (ObjectDisposedException)
        {
            // A look-up outlived the guard: there is no place left to give back.
            return;
        }
    }
}

internal sealed class SystemNames : INameResolver
{
    public async Task<IReadOnlyList<IPAddress>> ResolveAsync(string name, CancellationToken ct)
    {
        try
        {
            // The dot ends the name: a search domain must not turn an allowed name into another one.
            var addresses = await Dns.GetHostAddressesAsync(name + ".", ct);
            return [.. addresses.OrderBy(a => a.AddressFamily == AddressFamily.InterNetworkV6)];
        }
        catch (SocketException)
        {
            return [];
        }
    }
}
