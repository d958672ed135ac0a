using System.Collections.Concurrent;
using System.Net;
using McpRuntime.Backends.Docker;

namespace McpRuntime.Backends.Tests.Docker;

public sealed class SubnetPoolTests
{
    [Test]
    public void What_is_chosen_overlaps_nothing_that_is_in_use()
    {
        for (var seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var used = Enumerable.Range(0, random.Next(0, 60)).Select(_ => Network($"10.201.{random.Next(0, 4)}.{random.Next(0, 256)}", random.Next(20, 33))).ToArray();

            var chosen = new SubnetPool("10.201.0.0/22").Reserve($"name-{seed}", used);

            if (chosen is null)
            {
                used.Should().NotBeEmpty();
                continue;
            }

            var subnet = IPNetwork.Parse(chosen);
            subnet.PrefixLength.Should().Be(28);
            used.Should().NotContain(u => u.Contains(subnet.BaseAddress) || subnet.Contains(u.BaseAddress), because: $"seed {seed}, {chosen}");
        }
    }

    [Test]
    public void Every_subnet_is_given_once_and_then_none()
    {
        var pool = new SubnetPool("10.201.0.0/24");
        var given = new ConcurrentBag<string?>();

        Parallel.For(0, 40, i => given.Add(pool.Reserve($"n{i}", [])));

        given.OfType<string>().Should().HaveCount(16).And.OnlyHaveUniqueItems();
        pool.Release("10.201.0.16/28");
        pool.Reserve("again", []).Should().Be("10.201.0.16/28");
    }

    [Test]
    public void The_default_pool_has_room_for_thousands() => new SubnetPool("10.201.0.0/16").Count.Should().Be(4096);

    [TestCase("10.0.0.0/29")]
    [TestCase("10.0.0.1/16")]
    [TestCase("fd00::/16")]
    [TestCase("pool")]
    public void What_is_no_pool_stops_the_start(string text)
    {
        var make = () => new SubnetPool(text);

        make.Should().Throw<FormatException>().WithMessage($"*{text}*");
    }

    [Test]
    public void The_hosts_own_routes_are_read_and_the_default_route_is_none()
    {
        string[] table =
        [
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT",
            "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
            "eth0\t0000C90A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0",
            "garbage",
        ];

        HostRoutes.Parse(table).Should().Equal(IPNetwork.Parse("10.201.0.0/16"));
    }

    private static IPNetwork Network(string address, int prefix)
    {
        var bytes = IPAddress.Parse(address).GetAddressBytes();
        var number = System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(bytes) & (uint.MaxValue << (32 - prefix));
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(bytes, number);
        return new IPNetwork(new IPAddress(bytes), prefix);
    }
}
