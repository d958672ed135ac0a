using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace McpRuntime.Gateways.Egress;

/// <summary>Where this process stands: its own addresses, and which of its networks are inner (closed runtimes) or outer.</summary>
internal interface INetworkView
{
    /// <summary>At most a second old.</summary>
    NetworkSnapshot Current();

    /// <summary>Read again, since something was not found that may just have been linked; at most ten times a second.</summary>
    NetworkSnapshot Refresh();
}

/// <param name="Network">The interface's subnet.</param>
internal sealed record Attachment(IPAddress Own, IPNetwork Network, bool Outer);

internal sealed class NetworkSnapshot(IReadOnlyList<Attachment> attachments)
{
    private readonly HashSet<IPAddress> _own = [.. attachments.Select(a => a.Own)];

    // Real attachments never lie in 127/8; a test's do, and loopback is then a range like any other.
    private readonly bool _loopbackIsOwn = !attachments.Any(a => IPAddress.IsLoopback(a.Own));

    public IReadOnlyList<Attachment> Attachments { get; } = attachments;

    public bool IsOwn(IPAddress address) => (_loopbackIsOwn && IPAddress.IsLoopback(address)) || _own.Contains(address);

    /// <summary>The closed runtime's network this address belongs to; null for any other address.</summary>
    public Attachment? InnerOf(IPAddress address)
    {
        foreach (var attachment in Attachments)
        {
            if (!attachment.Outer && attachment.Network.Contains(address))
            {
                return attachment;
            }
        }

        return null;
    }

    /// <summary>
    /// Came in from outside: addressed to an outer address of ours, and not sent from a closed network. The second half matters:
    /// the kernel answers for any of its addresses on any interface.
    /// </summary>
    public bool IsFromOutside(IPAddress local, IPAddress remote)
    {
        if (InnerOf(remote) is not null)
        {
            return false;
        }

        foreach (var attachment in Attachments)
        {
            if (attachment.Outer && attachment.Own.Equals(local))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Read from the kernel. Networks are linked and unlinked while we run, so it is read again all the time.</summary>
/// <param name="outer">Named explicitly; empty: the network of the default route.</param>
internal sealed class LiveNetworks(IReadOnlyList<IPNetwork> outer, TimeProvider time) : INetworkView
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MinAge = TimeSpan.FromMilliseconds(100);

    private readonly Lock _reading = new();
    private NetworkSnapshot? _snapshot;
    private long _readAt;

    public NetworkSnapshot Current() => Read(MaxAge);

    public NetworkSnapshot Refresh() => Read(MinAge);

    private NetworkSnapshot Read(TimeSpan maxAge)
    {
        lock (_reading)
        {
            if (_snapshot is null || time.GetElapsedTime(_readAt) >= maxAge)
            {
                _snapshot = new NetworkSnapshot([.. ReadAttachments()]);
                _readAt = time.GetTimestamp();
            }

            return _snapshot;
        }
    }

    private IEnumerable<Attachment> ReadAttachments()
    {
        var defaultInterface = outer.Count == 0 ? DefaultRouteInterface(File.ReadAllLines("/proc/net/route")) : null;
        foreach (var nic in NetworkInterface.GetAllNetworkInterfaces())
        {
            foreach (var unicast in nic.GetIPProperties().UnicastAddresses)
            {
                if (nic.NetworkInterfaceType == NetworkInterfaceType.Loopback || unicast.Address.IsIPv6LinkLocal)
                {
                    continue;
                }

                var network = NetworkOf(unicast.Address, unicast.PrefixLength);
                var isOuter = outer.Count == 0 ? nic.Name == defaultInterface : outer.Any(o => o.Contains(unicast.Address));
                yield return new Attachment(unicast.Address, network, isOuter);
            }
        }
    }

    /// <summary>/proc/net/route: interface, destination, gateway, flags …; the default route has destination and mask 0.</summary>
    internal static string? DefaultRouteInterface(IEnumerable<string> routes) => routes
        .Skip(1)
        .Select(line => line.Split('\t', StringSplitOptions.TrimEntries))
        .Where(columns => columns.Length > 7 && columns[1] == "00000000" && columns[7] == "00000000")
        .OrderBy(columns => int.Parse(columns[6], CultureInfo.InvariantCulture))
        .Select(columns => columns[0])
        .FirstOrDefault();

    internal static IPNetwork NetworkOf(IPAddress address, int prefix)
    {
        var bytes = address.GetAddressBytes();
        for (var bit = prefix; bit < bytes.Length * 8; bit++)
        {
            bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        }

        return new IPNetwork(new IPAddress(bytes), prefix);
    }
}
