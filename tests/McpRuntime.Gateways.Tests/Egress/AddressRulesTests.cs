using System.Net;
using System.Net.Sockets;
using McpRuntime.Gateways.Egress;

namespace McpRuntime.Gateways.Tests.Egress;

[TestFixture]
internal sealed class AddressRulesTests
{
    private static readonly FixedNetworks Nowhere = new();

    [TestCase("0.0.0.0")]
    [TestCase("0.1.2.3")]
    [TestCase("10.0.0.1")]
    [TestCase("100.64.0.1")]
    [TestCase("100.100.100.200", Description = "a cloud's metadata service")]
    [TestCase("127.0.0.1")]
    [TestCase("127.255.255.254")]
    [TestCase("169.254.169.254", Description = "the metadata service")]
    [TestCase("172.16.0.1")]
    [TestCase("172.31.255.255")]
    [TestCase("192.0.0.192", Description = "a cloud's metadata service")]
    [TestCase("192.168.1.1")]
    [TestCase("168.63.129.16", Description = "a cloud's agent on a public-looking address")]
    [TestCase("198.18.0.1")]
    [TestCase("224.0.0.251")]
    [TestCase("239.255.255.250")]
    [TestCase("255.255.255.255")]
    [TestCase("::")]
    [TestCase("::1")]
    [TestCase("::ffff:127.0.0.1")]
    [TestCase("::ffff:8.8.8.8", Description = "mapped is refused whatever it maps to")]
    [TestCase("::127.0.0.1", Description = "the deprecated IPv4-compatible form")]
    [TestCase("64:ff9b::169.254.169.254", Description = "NAT64")]
    [TestCase("64:ff9b:1::1")]
    [TestCase("100::1")]
    [TestCase("2001::1", Description = "Teredo")]
    [TestCase("2001:db8::1")]
    [TestCase("2002:a9fe:a9fe::1", Description = "6to4 of the metadata address")]
    [TestCase("3fff::1")]
    [TestCase("5f00::1")]
    [TestCase("fc00::1")]
    [TestCase("fd00:ec2::254", Description = "the metadata service over IPv6")]
    [TestCase("fe80::1")]
    [TestCase("fec0::1")]
    [TestCase("ff02::1")]
    public void A_special_address_is_never_reached(string address) =>
        new AddressRules([], [], Nowhere).MayReach(IPAddress.Parse(address)).Should().BeFalse();

    [TestCase("1.1.1.1")]
    [TestCase("8.8.8.8")]
    [TestCase("100.63.255.255")]
    [TestCase("100.128.0.0")]
    [TestCase("172.15.255.255")]
    [TestCase("172.32.0.0")]
    [TestCase("192.167.255.255")]
    [TestCase("223.255.255.255")]
    [TestCase("2606:4700::1111")]
    [TestCase("2a00:1450:4001::1")]
    public void A_public_address_is_reached(string address) =>
        new AddressRules([], [], Nowhere).MayReach(IPAddress.Parse(address)).Should().BeTrue();

    [Test]
    public void A_scoped_address_is_never_reached() =>
        new AddressRules([IPNetwork.Parse("::/0")], [], Nowhere).MayReach(IPAddress.Parse("fe80::1%1")).Should().BeFalse();

    [Test]
    public void An_allowance_opens_its_range_but_not_our_own_addresses_nor_a_closed_network_nor_a_denied_one()
    {
        var networks = new FixedNetworks(
            new Attachment(IPAddress.Parse("10.9.0.2"), IPNetwork.Parse("10.9.0.0/28"), Outer: true),
            new Attachment(IPAddress.Parse("10.201.0.2"), IPNetwork.Parse("10.201.0.0/28"), Outer: false));
        var rules = new AddressRules([IPNetwork.Parse("10.0.0.0/8")], [IPNetwork.Parse("10.202.0.0/16")], networks);

        rules.MayReach(IPAddress.Parse("10.1.2.3")).Should().BeTrue();
        rules.MayReach(IPAddress.Parse("10.9.0.2")).Should().BeFalse("it is the guard itself");
        rules.MayReach(IPAddress.Parse("10.9.0.3")).Should().BeTrue();
        rules.MayReach(IPAddress.Parse("10.201.0.3")).Should().BeFalse("a sibling is no destination");
        rules.MayReach(IPAddress.Parse("10.202.7.7")).Should().BeFalse("it is denied");
        rules.MayReach(IPAddress.Parse("::ffff:10.1.2.3")).Should().BeFalse("mapped forms are never honest");
    }

    /// <summary>An oracle written the other way round: by bits, not by a table of networks.</summary>
    [Test]
    public void No_generated_private_address_passes_in_any_of_its_forms()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var rules = new AddressRules([], [], Nowhere);
        for (var i = 0; i < 50_000; i++)
        {
            var v4 = new byte[4];
            random.NextBytes(v4);
            v4[0] = random.Next(6) switch { 0 => 10, 1 => 127, 2 => 172, 3 => 192, 4 => 169, _ => v4[0] };
            var isPrivate = v4[0] is 10 or 127 or 0 or >= 224
                || (v4[0] == 172 && (v4[1] & 0xf0) == 16)
                || (v4[0] == 192 && v4[1] == 168)
                || (v4[0] == 169 && v4[1] == 254)
                || (v4[0] == 100 && (v4[1] & 0xc0) == 64);
            if (isPrivate)
            {
                rules.MayReach(new IPAddress(v4)).Should().BeFalse(new IPAddress(v4).ToString());
            }

            foreach (var carrier in Carriers(v4))
            {
                rules.MayReach(carrier).Should().BeFalse(carrier.ToString());
            }
        }
    }

    private static IEnumerable<IPAddress> Carriers(byte[] v4)
    {
        yield return new IPAddress(v4).MapToIPv6();
        yield return new IPAddress([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, .. v4]);
        yield return new IPAddress([0x20, 0x02, .. v4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        yield return new IPAddress([0x20, 0x01, 0, 0, 1, 2, 3, 4, 0, 0, 5, 6, .. v4]);
        yield return new IPAddress([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, .. v4]);
    }
}
