using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>Name to addresses. Asked once per connection; what it answered is checked and connected to, never asked again.</summary>
internal interface INameResolver
{
    /// <summary>Empty when there is no such name or nobody answered.</summary>
    Task<IReadOnlyList<IPAddress>> ResolveAsync(string name, CancellationToken ct);
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
