using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace McpRuntime.Backends.Docker;

/// <summary>A network of ours takes one /28 of a pool: the engine's own default pool ends at 29 networks.</summary>
internal sealed class SubnetPool
{
    private const int Bits = 28;
    private const uint Size = 1u << (32 - Bits);

    private readonly uint _base;
    private readonly Lock _lock = new();
    private readonly HashSet<string> _reserved = new(StringComparer.Ordinal);

    /// <exception cref="FormatException">Says what was found and what is allowed.</exception>
    public SubnetPool(string cidr)
    {
        // A host's address with a prefix length parses too; it is more likely a slip than meant.
        if (!IPNetwork.TryParse(cidr, out var network) || network.ToString() != cidr || network.BaseAddress.AddressFamily != AddressFamily.InterNetwork || network.PrefixLength is < 8 or > Bits)
        {
            throw new FormatException($"\"{cidr}\" is not a subnet pool: an IPv4 network of /8 to /{Bits} is expected, like 10.201.0.0/16.");
        }

        _base = Number(network.BaseAddress);
        Count = 1u << (Bits - network.PrefixLength);
    }

    public uint Count { get; }

    /// <summary>
    /// Reserves the first free subnet from a place that depends on the seed, so that two who choose at once seldom choose the same.
    /// Null: all are in use.
    /// </summary>
    /// <param name="used">Networks of the engine, anybody's, and routes of the host.</param>
    public string? Reserve(string seed, IReadOnlyCollection<IPNetwork> used)
    {
        var taken = used.Where(u => u.BaseAddress.AddressFamily == AddressFamily.InterNetwork && u.PrefixLength > 0).Select(Range).ToArray();
        var start = (uint)Math.Abs((long)Convert.ToInt32(DockerNames.Digest(seed)[..8], 16)) % Count;
        lock (_lock)
        {
            for (var i = 0u; i < Count; i++)
            {
                var first = _base + ((start + i) % Count * Size);
                var text = string.Create(CultureInfo.InvariantCulture, $"{Address(first)}/{Bits}");
                if (!taken.Any(t => t.First <= first + Size - 1 && first <= t.Last) && _reserved.Add(text))
                {
                    return text;
                }
            }
        }

        return null;
    }

    /// <summary>Once the engine has it, or has refused it.</summary>
    public void Release(string subnet)
    {
        lock (_lock)
        {
            _ = _reserved.Remove(subnet);
        }
    }

    private static (uint First, uint Last) Range(IPNetwork network)
    {
        var first = Number(network.BaseAddress);
        return (first, first | (network.PrefixLength == 32 ? 0 : uint.MaxValue >> network.PrefixLength));
    }

    private static uint Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        _ = address.TryWriteBytes(bytes, out _);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static IPAddress Address(uint number)
    {
        Span<byte> bytes = stackalloc byte[4];
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPAddress(bytes);
    }
}

/// <summary>The routes of the machine we run on, which is the engine's own when it is reached by socket.</summary>
internal static class HostRoutes
{
    private const string Table = "/proc/net/route";

    /// <summary>Empty where the kernel has no such table.</summary>
    public static async Task<IReadOnlyList<IPNetwork>> ReadAsync(CancellationToken ct) =>
        File.Exists(Table) ? Parse(await File.ReadAllLinesAsync(Table, ct)) : [];

    /// <summary>Columns: interface, destination, gateway, flags, …, mask (eighth); numbers in hex, least byte first.</summary>
    public static IReadOnlyList<IPNetwork> Parse(IEnumerable<string> lines)
    {
        List<IPNetwork> routes = [];
        foreach (var columns in lines.Skip(1).Select(l => l.Split('\t', StringSplitOptions.TrimEntries)))
        {
            if (columns.Length > 7 && uint.TryParse(columns[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var destination)
                && uint.TryParse(columns[7], NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var mask) && mask != 0)
            {
                routes.Add(new IPNetwork(new IPAddress(destination & mask), System.Numerics.BitOperations.PopCount(mask)));
            }
        }

        return routes;
    }
}
