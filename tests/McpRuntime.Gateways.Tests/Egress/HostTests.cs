using McpRuntime.Gateways.Egress;

namespace McpRuntime.Gateways.Tests.Egress;

[TestFixture]
internal sealed class HostTests
{
    [TestCase("Example.COM", "example.com")]
    [TestCase("example.com.", "example.com")]
    [TestCase("a_b.example.com", "a_b.example.com")]
    [TestCase("93.184.216.34", "93.184.216.34")]
    [TestCase("[2606:4700::1111]", "2606:4700::1111")]
    [TestCase("xn--bcher-kva.example", "xn--bcher-kva.example")]
    [TestCase("1password.com", "1password.com")]
    public void A_sound_host_has_one_form(string text, string form) => HostName.Parse(text)!.Value.Text.Should().Be(form);

    [TestCase("")]
    [TestCase(".")]
    [TestCase("a..b")]
    [TestCase(".a")]
    [TestCase("a.b..")]
    [TestCase("-a.com")]
    [TestCase("a-.com")]
    [TestCase("a b.com")]
    [TestCase("a%2ecom")]
    [TestCase("bücher.example")]
    [TestCase("user@host")]
    [TestCase("host/path")]
    [TestCase("host:80")]
    [TestCase("a\0b.com")]
    [TestCase("a\r\nb.com")]
    // What some resolvers take for 127.0.0.1.
    [TestCase("2130706433")]
    [TestCase("0x7f000001")]
    [TestCase("0x7f.0.0.1")]
    [TestCase("127.1")]
    [TestCase("0177.0.0.1")]
    [TestCase("127.0.0.01")]
    [TestCase("1.2.3.4.5")]
    [TestCase("example.0x7f")]
    [TestCase("[::1%eth0]")]
    [TestCase("[127.0.0.1]")]
    [TestCase("::1")]
    public void An_ambiguous_host_is_no_host(string text) => HostName.Parse(text).Should().BeNull();

    [TestCase("api.example.com", "api.example.com", 443, true)]
    [TestCase("api.example.com", "API.Example.com.", 443, true)]
    [TestCase("api.example.com", "api.example.com", 80, true)]
    [TestCase("api.example.com", "api.example.com", 8443, false)]
    [TestCase("api.example.com", "x.api.example.com", 443, false)]
    [TestCase("api.example.com", "api.example.com.evil.net", 443, false)]
    [TestCase("api.example.com:8443", "api.example.com", 8443, true)]
    [TestCase("api.example.com:8443", "api.example.com", 443, false)]
    [TestCase("*.example.com", "a.example.com", 443, true)]
    [TestCase("*.example.com", "a.b.example.com", 443, true)]
    [TestCase("*.example.com", "example.com", 443, false)]
    [TestCase("*.example.com", "evilexample.com", 443, false)]
    [TestCase("*.example.com", "a.example.com.evil.net", 443, false)]
    [TestCase("*.example.com:22", "a.example.com", 22, true)]
    [TestCase("*.example.com:22", "a.example.com", 443, false)]
    [TestCase("93.184.216.34", "93.184.216.34", 443, true)]
    [TestCase("[2606:4700::1111]:853", "[2606:4700:0::1111]", 853, true)]
    public void A_list_allows_what_it_says_and_nothing_more(string entry, string host, int port, bool allowed) =>
        AllowedHosts.Compile([entry], out _)!.Allows(HostName.Parse(host)!.Value, port).Should().Be(allowed);

    [TestCase("*")]
    [TestCase("*.")]
    [TestCase("*.*.com")]
    [TestCase("a.*.com")]
    [TestCase("*a.com")]
    [TestCase("http://a.com")]
    [TestCase("a.com:0")]
    [TestCase("a.com:65536")]
    [TestCase("a.com:http")]
    [TestCase("a.com/path")]
    [TestCase("*.1.2.3.4")]
    [TestCase("10.0.0.0/8")]
    [TestCase(":443")]
    [TestCase("")]
    public void An_entry_that_means_nothing_is_named(string entry)
    {
        AllowedHosts.Compile(["ok.example.com", entry], out var problem).Should().BeNull();
        problem.Should().Contain($"\"{entry}\"");
    }

    [Test]
    public void No_host_gets_through_a_wildcard_unless_it_ends_in_a_dot_and_the_parent()
    {
        var seed = Environment.TickCount;
        TestContext.Out.WriteLine($"seed {seed}");
        var random = new Random(seed);
        var list = AllowedHosts.Compile(["*.ok.example", "only.example"], out _)!;
        const string Alphabet = "aokxmple.-0123456789";
        for (var i = 0; i < 100_000; i++)
        {
            var text = string.Concat(Enumerable.Range(0, random.Next(1, 24)).Select(_ => Alphabet[random.Next(Alphabet.Length)]));
            text += random.Next(3) switch { 0 => "ok.example", 1 => "only.example", _ => "" };
            if (HostName.Parse(text) is { } host && list.Allows(host, 443))
            {
                (host.Text == "only.example" || host.Text.EndsWith(".ok.example", StringComparison.Ordinal)).Should().BeTrue(text);
            }
        }
    }
}
